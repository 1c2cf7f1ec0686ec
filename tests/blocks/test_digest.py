from bot.blocks.digest import LONGEST_LINE, Told, digest
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from bot.store.digests import MOST_CHANGES
from tests.blocks.drawn import faults, shown
from tests.builders import job_body

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


def line(
    before: str, after: str, model: str | None = None, kind: ChangeKind = ChangeKind.STATUS, **fields: object
) -> Told:
    job = Job.model_validate(job_body(status=after, fine_tuned_model=model, **fields))
    return Told(Change(kind, State(before), State(after, model)), job)


def test_a_digest_tells_each_change_in_a_line_with_what_people_need_of_it() -> None:
    failed = {"code": "invalid_training_file", "message": "Line 3 is no JSON.", "param": "training_file"}
    message = digest(
        [
            line("queued", "running", id="ftjob-a"),
            line("running", "succeeded", MODEL, id="ftjob-b"),
            line("running", "failed", id="ftjob-c", error=failed),
            line("queued", "queued", kind=ChangeKind.NEW, id="ftjob-d"),
            line("succeeded", "succeeded", MODEL, kind=ChangeKind.MODEL, id="ftjob-e"),
        ],
        notes=[],
    )

    title, *lines, hint = shown(message).splitlines()
    assert title == "*5 changes*"
    assert [" ".join(each.split()[1:]) for each in lines] == [
        "`ftjob-a` Queued → *Running*",
        f"`ftjob-b` Running → *Succeeded* · `{MODEL}`",
        "`ftjob-c` Running → *Failed* · invalid_training_file: Line 3 is no JSON.",
        "`ftjob-d` *New*, queued",
        f"`ftjob-e` *Model is ready* · `{MODEL}`",
    ]
    assert "/ftjob status" in hint


def test_a_digest_can_be_said_aloud() -> None:
    message = digest([line("queued", "running", id="ftjob-a"), line("running", "failed", id="ftjob-b")], notes=["late"])

    assert message.text == "late 2 changes: ftjob-a is running; ftjob-b failed."


def test_the_longest_digest_names_every_job_and_fits_into_one_message() -> None:
    ids = [f"ftjob-{n:02d}{'x' * 62}" for n in range(MOST_CHANGES)]
    long = {"code": "c" * 60, "message": "m" * 5000, "param": "p" * 60}
    message = digest(
        [line("running", "failed", "ft:" + "m" * 300, id=each, error=long) for each in ids], notes=["n" * 90]
    )

    assert faults(message) == []
    assert all(each in shown(message) for each in ids)
    assert max(map(len, shown(message).splitlines())) <= LONGEST_LINE
