from typing import Any

import pytest

from bot.blocks import Message
from bot.blocks.alert import NO_REASON, alert
from bot.blocks.job import JobLinks
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from tests.blocks.rendered import FAILED, NOW, PERSON, SUCCEEDED, change_from, sample_job, unchanged, visible_text

LINKS = JobLinks("https://platform.openai.com/finetune/ftjob-abc123", tracked=True)
MODEL = SUCCEEDED["fine_tuned_model"]


def draw(drawn: Job, before: str = "running", kind: ChangeKind = ChangeKind.STATUS, **more: Any) -> Message:
    return alert(change_from(drawn, kind, State(before)), drawn, **{"links": LINKS, "person": PERSON, **more})


@pytest.mark.parametrize(
    ("fields", "before", "expected"),
    [
        ({"status": "queued"}, "validating_files", "is queued (was validating files)."),
        ({"status": "running"}, "queued", "is running (was queued)."),
        ({"status": "paused"}, "running", "is paused (was running)."),
        (SUCCEEDED, "running", f"succeeded after 2 h 14 min (was running): {MODEL}"),
        ({"status": "succeeded"}, "running", "succeeded (was running)."),
        (
            {**FAILED, "error": {"code": "invalid_training_file", "message": "Bad file.", "param": "x"}},
            "validating_files",
            "failed after 7 s (was validating files): invalid_training_file: Bad file.",
        ),
        ({"status": "failed"}, "running", "failed (was running). The API gave no reason."),
        ({"status": "cancelled"}, "queued", "was cancelled (was queued)."),
        ({"status": "odd_word"}, "odd_start", "has the status “odd word” (was odd start)."),
    ],
)
def test_a_change_is_one_sentence(fields: dict[str, Any], before: str, expected: str) -> None:
    assert draw(sample_job(**fields), before).text == f"Fine-tuning job ftjob-abc123 {expected}"


def test_a_failure_that_only_the_log_explains_quotes_the_log() -> None:
    message = draw(sample_job(status="failed"), reason="The moderation\nrefused it.")

    assert message.text.endswith("failed (was running): The moderation refused it.")
    assert "The moderation\nrefused it." in visible_text(message)


def test_a_failure_without_any_reason_says_so() -> None:
    assert NO_REASON in visible_text(draw(sample_job(status="failed", error={"code": None})))


def test_an_error_of_a_job_that_did_not_fail_is_not_shown_as_its_failure() -> None:
    message = draw(sample_job(status="running", error={"code": "odd", "message": "Odd."}), reason="Odd.")

    assert "odd" not in (message.text + visible_text(message)).lower()


def test_a_model_that_comes_later_has_its_own_alert() -> None:
    finished = sample_job(**SUCCEEDED)
    message = alert(
        Change(ChangeKind.MODEL, State("succeeded"), State("succeeded", finished.fine_tuned_model)),
        finished,
        LINKS,
        person=None,
    )

    assert message.text == f"Fine-tuning job ftjob-abc123 has its fine-tuned model: {MODEL}"
    assert visible_text(message).startswith(":label: *Fine-tuned model is ready* · `ftjob-abc123`")


def test_a_missing_model_is_alerted() -> None:
    gone = Change(ChangeKind.MODEL, State("succeeded", "ft:x"), State("succeeded"))
    message = alert(gone, sample_job(status="succeeded"), LINKS, person=None)

    assert message.text == "Fine-tuning job ftjob-abc123 lost its fine-tuned model."
    assert "*Fine-tuned model is gone*" in visible_text(message)


def test_a_new_job_is_alerted_without_a_state_before() -> None:
    message = draw(sample_job(), "running", ChangeKind.NEW)

    assert message.text == "Fine-tuning job ftjob-abc123 is running."
    assert "*Was*" not in visible_text(message)


def test_an_alert_holds_what_a_team_needs() -> None:
    text = visible_text(draw(sample_job(**SUCCEEDED)))

    assert text.splitlines() == [
        ":white_check_mark: *Succeeded* · `ftjob-abc123`",
        "*Was*",
        "Running",
        "*Model*",
        "`gpt-4o-mini-2024-07-18`",
        "*Took*",
        "2 h 14 min",
        "*Trained tokens*",
        "5,768,000",
        MODEL,
        f"<{LINKS.page_url}|Open page> · tracked by <@{PERSON}>",
    ]


def test_a_model_name_can_be_copied() -> None:
    boxes = [block for block in draw(sample_job(**SUCCEEDED)).blocks if block["type"] == "rich_text"]

    assert boxes == [
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": MODEL}]}],
        }
    ]


def test_an_alert_of_a_failure_holds_all_that_is_known_of_it() -> None:
    expected = (
        "code: invalid_training_file\nmessage: The job failed due to an invalid training file.\nparam: training_file"
    )

    assert expected in visible_text(draw(sample_job(**FAILED)))


def test_without_a_requester_the_subscription_that_the_job_matched_is_named() -> None:
    assert "matched a subscription of this channel" in visible_text(draw(sample_job(), person=None))


def test_an_alert_of_a_job_untracked_meanwhile_names_no_one() -> None:
    told = visible_text(draw(sample_job(), person=None, links=JobLinks("https://example.com/a", tracked=False)))
    bare = draw(sample_job(), person=None, links=JobLinks(None, tracked=False))

    assert "subscri" not in told
    assert "tracked by" not in told
    assert all(block["type"] != "context" for block in bare.blocks), "an empty line is none"


def test_a_change_found_late_says_since_when() -> None:
    late = visible_text(draw(sample_job(**SUCCEEDED), late_at=NOW))
    unfinished = visible_text(draw(sample_job(), late_at=NOW))

    assert "|2026-09-21 16:27 UTC>, 32 min 40 s before it was seen" in late
    assert "found late: nobody was looking when it changed" in unfinished
    assert "found late" not in visible_text(draw(sample_job(**SUCCEEDED)))


def test_the_spoken_text_of_a_late_alert_begins_with_the_delay_and_ends_with_its_notes() -> None:
    said = draw(sample_job(), late_at=NOW, notes=["may be a repeat"]).text

    assert said == "Found late: Fine-tuning job ftjob-abc123 is running (was running). · may be a repeat"


def test_the_notes_of_an_alert_are_shown() -> None:
    assert "may be a repeat" in visible_text(draw(sample_job(), notes=["may be a repeat"]))
    assert "may be a repeat" not in visible_text(draw(sample_job()))


def test_a_missing_job_is_alerted_with_what_to_do() -> None:
    gone = sample_job(**FAILED)
    message = alert(unchanged(gone, ChangeKind.MISSING), gone, LINKS, person=None)

    assert message.text == (
        "Fine-tuning job ftjob-abc123 is no longer visible to the API key of this bot. It was last seen as failed."
    )
    text = visible_text(message)
    assert text.splitlines()[:3] == [":ghost: *No longer visible* · `ftjob-abc123`", "*Last seen as*", "Failed"]
    assert "deleted" in text
    assert "another project" in text
    assert "`/ftjob untrack ftjob-abc123`" in text
    assert "invalid_training_file" not in text, "why it failed was told when it did"


def test_a_reappeared_job_is_alerted_with_its_status() -> None:
    back = sample_job(**SUCCEEDED)
    message = alert(unchanged(back, ChangeKind.REAPPEARED), back, LINKS, person=None)

    assert message.text == "Fine-tuning job ftjob-abc123 is visible again: it succeeded."
    assert visible_text(message).splitlines()[:3] == [
        ":white_check_mark: *Visible again* · `ftjob-abc123`",
        "*Status*",
        "Succeeded",
    ]
    assert [block for block in message.blocks if block["type"] == "rich_text"] == []
