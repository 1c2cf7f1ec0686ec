"""The Details window: every property, whole, inside Slack's limits for the longest job."""

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.blocks import Message
from bot.blocks.details import details_view
from bot.blocks.job import JobLinks
from bot.blocks.view import LOADING, View, message_view
from bot.jobs.models import Job
from bot.sandbox.slack.block_kit.validation import check_view
from bot.sandbox.slack.messages import texts_in
from tests.blocks.plain_text import view_text
from tests.blocks.rendered import FULL, NOW, PERSON, active_markup, examples, markup_texts, sample_job
from tests.blocks.test_every_message import LONGEST_FAILED, LONGEST_SUCCEEDED, markup

LINKS = JobLinks(None)


def faults_of(view: View) -> list[str]:
    """Return everything that Slack or the house rules have against a window."""
    report = check_view(view.payload(), user_ids={PERSON})
    return [fault for fault in [report.error, *report.messages, *report.violations] if fault]


def read(view: View) -> str:
    return "\n".join(texts_in(list(view.blocks)))


def test_every_property_is_in_the_modal() -> None:
    window = read(details_view(sample_job(**FULL), LINKS, checked_at=NOW))

    assert FULL.keys() | {"object", "id", "model", "created_at", "training_file"} == Job.model_fields.keys()
    words = {"finished_at": "2026-09-21 16:27", "fraction_done": "75%", "cost": "about $12"}
    missing = [name for name in FULL if not _is_shown(words.get(name, FULL[name]), window)]
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
    window = details_view(
        sample_job(metadata=metadata, user_provided_suffix=suffix, status="failed"), LINKS, checked_at=NOW
    )

    said = read(window).replace("\n", "")
    assert [key for key, value in metadata.items() if f"{key}: {value}" not in said] == []
    assert suffix in said, "also what the API does not document"


@pytest.mark.parametrize("longest", [LONGEST_FAILED, LONGEST_SUCCEEDED], ids=lambda drawn: drawn.status)
def test_slack_accepts_the_modal_of_the_longest_job(longest: Job) -> None:
    endless = longest.model_copy(update={"hyperparameters": {str(n): markup(5000) for n in range(40)}})
    window = details_view(endless, LINKS, checked_at=NOW)

    assert faults_of(window) == []
    assert len(window.blocks) <= 100
    assert len(json.dumps(window.payload())) < 200_000


@pytest.mark.parametrize("example", examples().values(), ids=examples().keys())
def test_slack_accepts_the_modal_of_every_example_job(example: Job) -> None:
    assert faults_of(details_view(example, LINKS, checked_at=NOW)) == []


def test_nothing_in_the_modal_is_interpreted_as_markup() -> None:
    evil = "<!channel> & `x` <https://evil.example|Fix> "
    hostile = sample_job(
        **{**FULL, "metadata": {evil: evil}, "model": evil, "training_file": evil, "organization_id": evil}
    )
    blocks = details_view(hostile, LINKS, checked_at=NOW).blocks

    assert [found for text in markup_texts(Message("", blocks)) for found in active_markup(text)] == []


def test_windows(snapshot: SnapshotAssertion) -> None:
    assert view_text(
        details_view(sample_job(**FULL, user_provided_suffix="search"), LINKS, checked_at=NOW)
    ) == snapshot(name="details")
    assert view_text(LOADING) == snapshot(name="loading")
    assert faults_of(LOADING) == []
    assert view_text(message_view(Message("Only text."))) == snapshot(name="a note")
