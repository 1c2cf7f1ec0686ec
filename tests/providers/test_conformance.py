"""Every dialect is held to its recorded responses and to the properties of all; a broken one is found out."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.jobs.actions import JobAction
from bot.providers.conformance import Conformance
from bot.providers.dialect import Call, Dialect
from bot.providers.fields import field
from bot.providers.registry import dialects
from tests.providers.acme.dialect import DIALECT as ACME

CASES = Path(__file__).parent / "cases"
ACME_CASES = Path(__file__).parent / "acme" / "cases"
ALL = {**{name: (dialect, CASES / name) for name, dialect in dialects().items()}, "acme": (ACME, ACME_CASES)}


def cases_in(folder: Path) -> dict[str, Any]:
    return {file.name: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def problems_of(dialect: Dialect, folder: Path) -> list[str]:
    conformance = Conformance(dialect)
    of_cases = [each for name, case in cases_in(folder).items() for each in conformance.of_case(name, case)]
    return [*conformance.properties(), *of_cases]


@pytest.mark.parametrize("name", ALL)
def test_every_dialect_conforms(name: str) -> None:
    dialect, folder = ALL[name]
    assert cases_in(folder), "it has cases"
    assert problems_of(dialect, folder) == []


BROKEN = {
    "a status that we don't know": (
        {"statuses": {**ACME.statuses, "waiting": "waiting"}},
        "statuses: 'waiting' stands for 'waiting', which ftjob doesn't know",
    ),
    "a status that is forgotten": (
        {"statuses": {"training": "running"}},
        "run_ready.json: in the time zone UTC, status is 'ready', not 'succeeded'",
    ),
    "a field that is read as it is": (
        {"job": {**ACME.job, "metadata": dict}},
        "run_training.json: keeps a field that the dialect doesn't name",
    ),
    "a time that is not parsed": (
        {"job": {**ACME.job, "created_at": field("started")}},
        "run_training.json: in the time zone UTC, created_at is None, not 1789992000.0",
    ),
    "a list under another name": (
        {"listings": (replace(ACME.listings[0], items="data"),)},
        "runs.json: in the time zone UTC, jobs",
    ),
}


@pytest.mark.parametrize(("change", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_with_a_dialect_is_found(change: dict[str, Any], said: str) -> None:
    problems = problems_of(replace(ACME, **change), ACME_CASES)
    assert any(each.startswith(said) for each in problems), problems


def test_a_model_that_is_named_before_it_exists_is_a_difference() -> None:
    early = {
        "reads": "job",
        "body": cases_in(ACME_CASES)["run_training.json"]["body"],
        "expected": {"fine_tuned_model": None},
    }
    assert Conformance(ACME).of_case("early", early) == []
    assert Conformance(replace(ACME, only_in={})).of_case("early", early) != []


def test_a_case_of_an_unknown_part_is_said_to_be_one() -> None:
    assert Conformance(ACME).of_case("x.json", {"reads": "logs", "body": {}}) == [
        "x.json: reads must be one of job, jobs, events, checkpoints, metrics, models"
    ]


def test_an_action_that_is_named_is_asked_for() -> None:
    assert Conformance(replace(ACME, actions={JobAction.PAUSE: Call("/pause")})).properties() == []
