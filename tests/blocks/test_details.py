"""The Details window: every property, whole, inside Slack's limits for the longest job."""

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.blocks import Message
from bot.blocks.details import details
from bot.blocks.job import Surroundings
from bot.blocks.view import LOADING, View, view_of
from bot.jobs.models import Job
from bot.sandbox.slack.blockkit import check_view
from bot.sandbox.slack.messages import readable
from tests.blocks.as_read import view_as_read
from tests.blocks.drawn import FULL, NOW, PERSON, alive, examples, job, marked_up
from tests.blocks.test_every_message import LONGEST_FAILED, LONGEST_SUCCEEDED, markup

AROUND = Surroundings(None)


def faults_of(view: View) -> list[str]:
    """Return everything that Slack or the house rules have against a window."""
    verdict = check_view(view.body(), people={PERSON})
    return [fault for fault in [verdict.error, *verdict.messages, *verdict.complaints] if fault]


def read(view: View) -> str:
    return "\n".join(readable(list(view.blocks)))


def test_every_property_stands_in_the_window() -> None:
    window = read(details(job(**FULL), AROUND, checked_at=NOW))

    assert FULL.keys() | {"object", "id", "model", "created_at", "training_file"} == Job.model_fields.keys()
    missing = [name for name in FULL if name != "finished_at" and not _is_shown(FULL[name], window)]
    assert missing == []


def _is_shown(value: Any, window: str) -> bool:
    match value:
        case dict():
            return all(_is_shown(each, window) for each in value.values())
        case list():
            return all(_is_shown(each, window) for each in value)
        case int() | float():
            return any(form in window for form in (str(value), f"{value:,}", f"^{value}^"))
    return value in window or value.capitalize() in window


def test_the_longest_values_are_shown_whole() -> None:
    metadata = {f"{n:02}" + "k" * 62: f"{n:02}" + "v" * 510 for n in range(16)}
    suffix = "s" * 64
    window = details(job(metadata=metadata, user_provided_suffix=suffix, status="failed"), AROUND, checked_at=NOW)

    said = read(window).replace("\n", "")
    assert [key for key, value in metadata.items() if f"{key}: {value}" not in said] == []
    assert suffix in said, "also what the API does not document"


@pytest.mark.parametrize("longest", [LONGEST_FAILED, LONGEST_SUCCEEDED], ids=lambda drawn: drawn.status)
def test_slack_takes_the_window_of_the_longest_job(longest: Job) -> None:
    endless = longest.model_copy(update={"hyperparameters": {str(n): markup(5000) for n in range(40)}})
    window = details(endless, AROUND, checked_at=NOW)

    assert faults_of(window) == []
    assert len(window.blocks) <= 100
    assert len(json.dumps(window.body())) < 200_000


@pytest.mark.parametrize("example", examples().values(), ids=examples().keys())
def test_slack_takes_the_window_of_every_example_job(example: Job) -> None:
    assert faults_of(details(example, AROUND, checked_at=NOW)) == []


def test_nothing_in_the_window_comes_alive() -> None:
    evil = "<!channel> & `x` <https://evil.example|Fix> "
    hostile = job(**{**FULL, "metadata": {evil: evil}, "model": evil, "training_file": evil, "organization_id": evil})
    blocks = details(hostile, AROUND, checked_at=NOW).blocks

    assert [found for text in marked_up(Message("", blocks)) for found in alive(text)] == []


def test_windows(snapshot: SnapshotAssertion) -> None:
    assert view_as_read(details(job(**FULL, user_provided_suffix="search"), AROUND, checked_at=NOW)) == snapshot(
        name="details"
    )
    assert view_as_read(LOADING) == snapshot(name="loading")
    assert faults_of(LOADING) == []
    assert view_as_read(view_of(Message("Only text."))) == snapshot(name="a note")
