"""What status words mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.statuses import FINAL_PHASES, UNKNOWN, Phase, is_final, phase_of
from tests.jobs.openapi import example_jobs, schemas

MEANINGS = {
    Phase.WAITING: "created pending notRunning queued validating_files scheduled",
    Phase.ACTIVE: "running compressing uploading pausing resuming cancelling canceling cancel_requested",
    Phase.HELD: "paused",
    Phase.SUCCEEDED: "succeeded completed success SUCCEEDED JOB_STATE_COMPLETED",
    Phase.FAILED: "failed error failed_validation user_error expired JOB_STATE_FAILED Failed",
    Phase.CANCELLED: "cancelled canceled stopped deleted JOB_STATE_CANCELLED",
    Phase.UNKNOWN: "unknown finishing done defragmenting succeeded_partly job_state_ JOB_STATE_DREAMING",
}


@pytest.mark.parametrize(("word", "phase"), [(word, phase) for phase in MEANINGS for word in MEANINGS[phase].split()])
def test_a_word_means_its_phase_in_any_case(word: str, phase: Phase) -> None:
    assert {phase_of(spelt) for spelt in (word, word.upper(), word.lower(), word.title())} == {phase}
    assert is_final(word) == (phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED))


@pytest.mark.parametrize("word", ["", " ", "succeeded ", " failed", "succeeded\n", "suceeded", UNKNOWN])
def test_a_word_that_we_do_not_know_is_never_final(word: str) -> None:
    assert (phase_of(word), is_final(word)) == (Phase.UNKNOWN, False)


@given(st.text())
def test_any_text_has_a_phase_and_is_final_exactly_with_it(text: str) -> None:
    assert is_final(text) == (phase_of(text) in FINAL_PHASES)


def test_every_status_of_the_specification_and_of_the_examples_is_known() -> None:
    words = {body["status"] for body in example_jobs().values()}
    words |= set(schemas()["FineTuningJob"]["properties"]["status"]["enum"])
    assert "paused" in words
    assert {word for word in words if phase_of(word) is Phase.UNKNOWN} == set()


def test_only_the_ends_of_the_specification_are_final() -> None:
    words = schemas()["FineTuningJob"]["properties"]["status"]["enum"]
    assert {word for word in words if is_final(word)} == {"succeeded", "failed", "cancelled"}
