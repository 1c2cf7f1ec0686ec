from dataclasses import replace
from typing import Any

import pytest

from bot.blocks import Message
from bot.blocks.alert import NO_REASON, Posting, alert
from bot.blocks.job import JobLinks
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.failure import advice_for
from bot.jobs.models import Job
from tests.blocks.rendered import FAILED, PERSON, SUCCEEDED, change_from, sample_job, unchanged, visible_text

LINKS = JobLinks(
    "https://platform.openai.com/finetune/ftjob-abc123", tracked=True, price=3.0, page_label="Open in OpenAI"
)
MODEL = SUCCEEDED["fine_tuned_model"]


def draw(drawn: Job, before: str = "running", kind: ChangeKind = ChangeKind.STATUS, **more: Any) -> Message:
    posting = Posting(**{name: more.pop(name) for name in ("in_thread", "late", "notes") if name in more})
    return alert(
        change_from(drawn, kind, State(before)), drawn, posting=posting, **{"links": LINKS, "person": PERSON, **more}
    )


@pytest.mark.parametrize(
    ("fields", "before", "expected"),
    [
        ({"status": "queued"}, "validating_files", "is queued."),
        ({"status": "running"}, "queued", "is running."),
        ({"status": "paused"}, "running", "is paused."),
        (SUCCEEDED, "running", f"succeeded in 2 h 14 min: {MODEL}"),
        ({"status": "succeeded"}, "running", "succeeded."),
        (
            {**FAILED, "error": {"code": "invalid_training_file", "message": "Bad file.", "param": "x"}},
            "validating_files",
            "failed after 7 s: invalid_training_file: Bad file.",
        ),
        ({"status": "failed"}, "running", "failed. The API gave no reason."),
        ({"status": "cancelled"}, "queued", "was canceled."),
        ({"status": "odd_word"}, "odd_start", "has the status “odd word”."),
    ],
)
def test_a_change_is_one_sentence(fields: dict[str, Any], before: str, expected: str) -> None:
    assert draw(sample_job(metadata={"name": "ranker v7"}, **fields), before).text == f"ranker v7 {expected}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "queued"}, ":hourglass_flowing_sand: *Queued*"),
        ({}, ":gear: *Running*"),
        ({"status": "paused"}, ":double_vertical_bar: *Paused*"),
    ],
)
def test_a_step_in_the_thread_is_one_line_without_the_name(fields: dict[str, Any], expected: str) -> None:
    step = draw(sample_job(**fields), "validating_files", in_thread=True)

    assert visible_text(step) == expected


def test_a_step_outside_the_thread_names_the_job() -> None:
    assert visible_text(draw(sample_job(metadata={"name": "ranker v7"}))) == ":gear: *ranker v7* is running"


@pytest.mark.parametrize("in_thread", [True, False])
def test_a_result_holds_what_a_team_needs(*, in_thread: bool) -> None:
    job = sample_job(
        **SUCCEEDED, metadata={"name": "ranker v7", "slack_user": "U0MILO"}, hyperparameters={"n_epochs": 3}
    )
    message = draw(job, in_thread=in_thread, losses=[(1, 2.48), (150, 1.1), (300, 0.5512)])

    assert visible_text(message).splitlines() == [
        ":white_check_mark: *ranker v7* succeeded in 2 h 14 min",
        f"`{MODEL}`",
        "Training loss 2.48 → 0.551",
        f"<@U0MILO> · <@{PERSON}> · gpt-4o-mini-2024-07-18 · 3 epochs · 5.77 M tokens · about $17",
        "Details",
        "Open in OpenAI",
    ]


def test_the_owner_who_tracks_the_job_is_mentioned_once() -> None:
    told = visible_text(draw(sample_job(**SUCCEEDED, metadata={"slack_user": PERSON})))

    assert told.count(f"<@{PERSON}>") == 1


def test_a_step_mentions_no_one() -> None:
    told = visible_text(draw(sample_job(metadata={"slack_user": PERSON})))

    assert "<@" not in told


def test_a_reinforcement_job_ends_with_a_reward() -> None:
    job = sample_job(**SUCCEEDED, method={"type": "reinforcement"})

    assert "Reward 0.200 → 0.800" in visible_text(draw(job, losses=[(1, 0.2), (9, 0.8)]))


def test_a_failure_says_why_in_words_and_quotes_the_error_small() -> None:
    lines = visible_text(draw(sample_job(**FAILED, metadata={"name": "ranker v7"}))).splitlines()

    assert lines[0] == ":x: *ranker v7* failed after 7 s"
    assert lines[1] == advice_for(sample_job(**FAILED).error)
    assert lines[2].startswith(
        f"<@{PERSON}> · `invalid_training_file` · `training_file` · The job failed due to an invalid training file."
    )


def test_a_failure_that_only_the_log_explains_quotes_the_log() -> None:
    message = draw(sample_job(status="failed"), reason="The moderation\nrefused it.")

    assert message.text.endswith("failed: The moderation refused it.")
    assert "The moderation refused it." in visible_text(message)


def test_a_failure_of_no_known_kind_quotes_the_error() -> None:
    odd = sample_job(status="failed", error={"code": "odd", "message": "Odd, but it happens."})

    assert visible_text(draw(odd)).splitlines()[1] == "odd: Odd, but it happens."


def test_a_failure_without_any_reason_says_so() -> None:
    assert NO_REASON in visible_text(draw(sample_job(status="failed", error={"code": None})))


def test_an_error_of_a_job_that_did_not_fail_is_not_shown_as_its_failure() -> None:
    message = draw(sample_job(status="running", error={"code": "odd", "message": "Odd."}), reason="Odd.")

    assert "odd" not in (message.text + visible_text(message)).lower()


def test_a_model_that_comes_later_has_its_own_alert() -> None:
    finished = sample_job(**SUCCEEDED)
    named = Change(ChangeKind.MODEL, State("succeeded"), State("succeeded", finished.fine_tuned_model))
    message = alert(named, finished, LINKS, person=None)
    step = alert(named, finished, LINKS, person=None, posting=Posting(in_thread=True))

    assert message.text == f"search has a fine-tuned model: {MODEL}"
    assert visible_text(message) == f":label: *search* · fine-tuned model: `{MODEL}`"
    assert visible_text(step) == f":label: *Fine-tuned model*: `{MODEL}`"


def test_a_removed_model_is_alerted() -> None:
    gone = Change(ChangeKind.MODEL, State("succeeded", "ft:x"), State("succeeded"))
    message = alert(gone, sample_job(status="succeeded"), LINKS, person=None)

    assert message.text == "ftjob-abc123 no longer lists a fine-tuned model."
    assert visible_text(message) == ":label: *ftjob-abc123* · fine-tuned model is no longer listed"


def test_a_new_job_is_alerted_without_a_state_before() -> None:
    assert draw(sample_job(), "running", ChangeKind.NEW).text == "ftjob-abc123 is running."


def test_an_alert_of_a_job_untracked_meanwhile_mentions_no_tracker() -> None:
    told = visible_text(draw(sample_job(**SUCCEEDED), links=replace(LINKS, tracked=False)))

    assert "<@" not in told


def test_a_change_found_late_says_since_when() -> None:
    late = visible_text(draw(sample_job(**SUCCEEDED), late=True))
    unfinished = visible_text(draw(sample_job(), late=True))

    assert ":alarm_clock: Delayed: finished <!date^1790008040^" in late
    assert ":alarm_clock: Delayed: I couldn't check this job when its status changed" in unfinished
    assert "Delayed" not in visible_text(draw(sample_job(**SUCCEEDED)))


def test_the_spoken_text_of_a_late_alert_begins_with_the_delay_and_ends_with_its_notes() -> None:
    assert draw(sample_job(), late=True, notes=["Possible duplicate"]).text == (
        "Delayed: ftjob-abc123 is running. · Possible duplicate"
    )


def test_the_notes_of_an_alert_are_shown() -> None:
    assert "Possible duplicate" in visible_text(draw(sample_job(), notes=["Possible duplicate"]))
    assert "Possible duplicate" not in visible_text(draw(sample_job()))


def test_a_missing_job_is_alerted_with_what_to_do() -> None:
    gone = sample_job(**FAILED)
    message = alert(unchanged(gone, ChangeKind.MISSING), gone, LINKS, person=None)

    assert message.text == "ftjob-abc123 is no longer listed by the API (last status: failed)."
    text = visible_text(message)
    assert text.splitlines()[0] == ":ghost: *ftjob-abc123* wasn't found (last status: failed)"
    assert "deleted" in text
    assert "a different project" in text
    assert "`/ftjob untrack ftjob-abc123`" in text
    assert "invalid_training_file" not in text, "why it failed was alerted on when it did"


def test_a_reappeared_job_is_alerted_with_its_status() -> None:
    back = sample_job(**SUCCEEDED)
    message = alert(unchanged(back, ChangeKind.REAPPEARED), back, LINKS, person=None)

    assert message.text == "search is back: it succeeded."
    assert visible_text(message) == ":white_check_mark: *search* is back: it succeeded"
