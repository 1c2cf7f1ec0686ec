from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.blocks import Message
from bot.blocks.digest import MAX_LINE_LENGTH, DigestLine, digest_message, flapping_digest, mute_digest
from bot.jobs.changes import Change, ChangeKind, State, first_change
from bot.jobs.ids import short_id
from bot.jobs.models import Job, Snapshot
from bot.store.outbox.digests import MAX_CHANGES
from tests.blocks.rendered import message_faults, visible_text
from tests.builders import job_body

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


def line(
    before: str, after: str, model: str | None = None, kind: ChangeKind = ChangeKind.STATUS, **fields: object
) -> DigestLine:
    job = Job.model_validate(job_body(status=after, fine_tuned_model=model, **fields))
    return DigestLine(Change(kind, State(before), State(after, model)), job)


def test_a_digest_has_one_line_for_each_change() -> None:
    failed = {"code": "invalid_training_file", "message": "Line 3 is no JSON.", "param": "training_file"}
    message = digest_message(
        [
            line("queued", "running", id="ftjob-a"),
            line("running", "succeeded", MODEL, id="ftjob-b"),
            line("running", "failed", id="ftjob-c", error=failed),
            line("queued", "queued", kind=ChangeKind.NEW, id="ftjob-d"),
            line("succeeded", "succeeded", MODEL, kind=ChangeKind.MODEL, id="ftjob-e"),
        ],
        notes=[],
    )

    title, *lines, hint = visible_text(message).splitlines()
    assert title == "*5 changes*"
    assert [" ".join(each.split()[1:]) for each in lines] == [
        "*ftjob-a* is running",
        f"*ftjob-b* succeeded · `{MODEL}`",
        "*ftjob-c* failed · invalid_training_file: Line 3 is no JSON.",
        "*ftjob-d* is new: queued",
        f"*ftjob-e* · fine-tuned model: `{MODEL}`",
    ]
    assert "/ftjob status" in hint


def test_a_digest_has_a_spoken_text() -> None:
    message = digest_message(
        [line("queued", "running", id="ftjob-a"), line("running", "failed", id="ftjob-b")], notes=["late"]
    )

    assert message.text == "late · 2 changes: ftjob-a is running; ftjob-b failed."


def test_the_spoken_text_of_a_digest_names_a_model_that_came_later() -> None:
    named = line("succeeded", "succeeded", MODEL, kind=ChangeKind.MODEL, id="ftjob-a")
    removed = replace(named, change=Change(ChangeKind.MODEL, State("succeeded", MODEL), State("succeeded")))

    assert digest_message([named, removed], notes=[]).text == (
        f"2 changes: ftjob-a has a fine-tuned model: {MODEL}; ftjob-a no longer lists a fine-tuned model."
    )


def test_the_longest_digest_names_every_job_and_fits_into_one_message() -> None:
    ids = [f"ftjob-{n:02d}{'x' * 62}" for n in range(MAX_CHANGES)]
    long = {"code": "c" * 60, "message": "m" * 5000, "param": "p" * 60}
    message = digest_message(
        [line("running", "failed", "ft:" + "m" * 300, id=each, error=long) for each in ids], notes=["n" * 90]
    )

    assert message_faults(message) == []
    assert all(short_id(each) in visible_text(message) for each in ids)
    assert max(map(len, visible_text(message).splitlines())) <= MAX_LINE_LENGTH


def first_seen(status: str, model: str | None = None, **fields: object) -> DigestLine:
    """Return the first read of a job, as its alert has it."""
    body = job_body(status=status, fine_tuned_model=model, **fields)
    return DigestLine(first_change(Snapshot.model_validate(body)), Job.model_validate(body))


@pytest.mark.parametrize("many", [digest_message, mute_digest, flapping_digest])
def test_what_is_known_of_a_job_at_its_first_read_is_shown_also_among_many(many: Callable[..., Message]) -> None:
    wrong = {"code": "invalid_training_file", "message": "Line 3 is no JSON.", "param": None}
    message = many(
        [
            first_seen("succeeded", MODEL, id="ftjob-a"),
            first_seen("failed", id="ftjob-b", error=wrong),
            replace(first_seen("failed", id="ftjob-c"), reason="The file was empty."),
            first_seen("running", id="ftjob-d"),
            first_seen("cancelled", MODEL, id="ftjob-e"),
        ],
        notes=[],
    )

    _, *lines, hint = visible_text(message).splitlines()
    assert [" ".join(each.split()[1:]) for each in lines] == [
        f"*ftjob-a* succeeded · `{MODEL}`",
        "*ftjob-b* failed · invalid_training_file: Line 3 is no JSON.",
        "*ftjob-c* failed · The file was empty.",
        "*ftjob-d* is new: running",
        f"*ftjob-e* was canceled · `{MODEL}`",
    ]
    assert "`/ftjob curves &lt;id&gt;`" in hint
    assert "curves" not in visible_text(many([first_seen("running")], notes=[]))


def gone(told: DigestLine) -> DigestLine:
    """Return that a job is not visible any more."""
    return replace(told, change=Change(ChangeKind.MISSING, told.change.after, told.change.after), reason=None)


MODEL_COMES = line("succeeded", "succeeded", MODEL, ChangeKind.MODEL)
FAILS = replace(line("running", "failed"), reason="The file was empty.")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([first_seen("succeeded"), MODEL_COMES], f"· fine-tuned model: `{MODEL}`"),
        ([line("running", "succeeded"), MODEL_COMES], f"succeeded · `{MODEL}`"),
        (
            [first_seen("succeeded", MODEL), gone(first_seen("succeeded", MODEL))],
            f"wasn't found (last status: succeeded) · `{MODEL}`",
        ),
        ([FAILS, gone(FAILS)], "wasn't found (last status: failed) · The file was empty."),
        ([FAILS, line("failed", "running"), line("running", "failed")], "failed"),
        ([first_seen("queued"), line("queued", "running")], "is running"),
    ],
    ids=["new, then its model", "over, then its model", "new, then gone", "failed, then gone", "failed twice", "new"],
)
def test_what_a_job_went_through_while_muted_ends_with_all_that_is_known(told: list[DigestLine], expected: str) -> None:
    _, line_of_job, _ = visible_text(mute_digest(told, notes=[])).splitlines()

    assert line_of_job.split(" ", 2)[2] == expected
