import pytest

from bot.jobs.actions import ACTION_WORDING, Applicability, JobAction, applicability
from bot.jobs.statuses import KNOWN_STATUSES, Phase, is_final, phase_of

GO, AGAIN, EARLY, ALREADY, LATE = (
    Applicability.APPLICABLE,
    Applicability.RECONFIRM,
    Applicability.TOO_EARLY,
    Applicability.ALREADY,
    Applicability.TOO_LATE,
)
NOW = {
    "created": (GO, EARLY, EARLY),
    "validating_files": (GO, EARLY, EARLY),
    "queued": (GO, EARLY, EARLY),
    "JOB_STATE_PENDING": (GO, EARLY, EARLY),
    "running": (GO, GO, ALREADY),
    "uploading": (GO, GO, ALREADY),
    "pausing": (GO, ALREADY, EARLY),
    "paused": (GO, ALREADY, GO),
    "resuming": (GO, GO, ALREADY),
    "cancelling": (GO, LATE, LATE),
    "Cancel_Requested": (GO, LATE, LATE),
    "succeeded": (LATE, LATE, LATE),
    "failed": (LATE, LATE, LATE),
    "cancelled": (LATE, LATE, LATE),
    "unknown": (GO, GO, GO),
    "word_of_tomorrow": (GO, GO, GO),
}
"""What cancel, pause and resume are to a job in each state."""
UNCLEAR = ("unknown", "word_of_tomorrow")


@pytest.mark.parametrize("now", NOW)
def test_each_action_applies_where_it_can_still_have_an_effect(now: str) -> None:
    assert (
        tuple(applicability(order, now) for order in (JobAction.CANCEL, JobAction.PAUSE, JobAction.RESUME)) == NOW[now]
    )


@pytest.mark.parametrize("asked", NOW)
@pytest.mark.parametrize("now", NOW)
def test_a_job_that_moved_is_asked_about_again_only_where_the_meaning_may_have_changed(asked: str, now: str) -> None:
    cancel, *others = NOW[now]
    expected = [AGAIN if each is GO and now in UNCLEAR and asked not in UNCLEAR else each for each in others]

    assert applicability(JobAction.CANCEL, now, displayed_status=asked) is cancel, (
        "wherever it was when it was asked about"
    )
    assert [
        applicability(order, now, displayed_status=asked) for order in (JobAction.PAUSE, JobAction.RESUME)
    ] == expected


@pytest.mark.parametrize("now", sorted(KNOWN_STATUSES))
def test_every_word_of_every_provider_can_be_canceled_until_it_is_final(now: str) -> None:
    assert applicability(JobAction.CANCEL, now, displayed_status="queued") is (LATE if is_final(now) else GO)


def test_only_a_held_job_is_resumed_and_only_one_at_work_paused_among_the_words_that_are_known() -> None:
    for now in KNOWN_STATUSES:
        if applicability(JobAction.RESUME, now) is GO:
            assert phase_of(now) is Phase.HELD
        if applicability(JobAction.PAUSE, now) is GO:
            assert phase_of(now) is Phase.ACTIVE


def test_a_confirmation_of_a_version_that_kept_no_status_is_answered_by_the_job_as_it_is() -> None:
    assert applicability(JobAction.PAUSE, "word_of_tomorrow", displayed_status=None) is GO


def test_every_action_has_its_own_words_and_emoji() -> None:
    assert ACTION_WORDING.keys() == set(JobAction)
    assert len({words.emoji for words in ACTION_WORDING.values()}) == len(JobAction)
    assert len({words.done for words in ACTION_WORDING.values()}) == len(JobAction)
