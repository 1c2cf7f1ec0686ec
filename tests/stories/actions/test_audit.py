"""What the audit keeps of what people tried, and who may see it."""

import json
import sqlite3
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from bot.app.bot import Bot
from bot.blocks.interactive import SHOW_PAGE
from bot.blocks.job import status_phrase
from bot.jobs.actions import Decision
from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import EphemeralMessage, SentReply
from bot.sandbox.slack.workspace import TEAM
from bot.store.actions.audit import AuditEntry
from tests.cli.test_main import second
from tests.world import World

CONFIRM = "ftjob_confirm"
CANCEL = "POST /fine_tuning/jobs/{id}/cancel"


async def entries(bot: Bot) -> list[AuditEntry]:
    """Return every row, oldest first."""
    return [row.entry async for row in bot.store.actions.audit.all()]


def lines(answer: SentReply) -> str:
    """Return the rows that an answer shows, without what a screen reader hears."""
    return "\n".join(block["text"]["text"] for block in answer.blocks if block["type"] == "section")


async def test_an_action_is_audited_from_the_confirmation_to_the_result(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        assert isinstance(question.displayed, EphemeralMessage)
        still_seen = replace(question.displayed)
        await world.press(question, CONFIRM)
        await world.press(still_seen, CONFIRM)
        rows = await entries(bot)

    assert [(row.source, row.verb, row.decision) for row in rows] == [
        ("command", "cancel", Decision.PROMPTED),
        ("button", "cancel", Decision.SUBMITTED),
        ("button", "cancel", Decision.DONE),
        ("button", "confirm", Decision.DUPLICATE),
    ]
    olivia, (asked, ordered, done, _) = world.olivia, rows
    assert {(row.person, row.team, row.channel) for row in rows} == {(olivia.id, TEAM, world.ml.id)}
    assert (asked.job_id, ordered.job_id, done.job_id) == (job, job, job)
    assert (ordered.status_before, ordered.status_after) == ("running", None)
    assert (done.status_before, done.status_after) == ("running", "cancelled")
    assert done.request_id, "the API's own id"
    assert ordered.confirmation_key == done.confirmation_key


@pytest.mark.parametrize(
    ("who", "reason"), [("milo", "not_an_operator"), ("gia", "guest"), ("sam", "stranger")], ids=["milo", "gia", "sam"]
)
async def test_who_was_refused_is_written_down_with_the_reason(world: World, who: str, reason: str) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"cancel {job}", by=who)
        (row,) = await entries(bot)

    assert (row.decision, row.reason, row.job_id) == (Decision.DENIED, reason, job)
    assert row.person == getattr(world, who).id


async def test_reading_leaves_no_row_and_what_was_asked_wrongly_of_an_operator_does(world: World) -> None:
    job = world.api.add_job(status="running")
    world.slack.add_channel("nowhere", bot_is_member=False)

    async with world.bot() as bot:
        await world.say(f"status {job}")
        await world.say(f"track {job}")
        await world.say("help")
        assert await entries(bot) == []
        await world.say("cancel ftjob-nosuch")
        await world.say("outbox")
        await world.say(f"track {job} in #nowhere")
        rows = await entries(bot)

    assert [(row.verb, row.decision) for row in rows] == [
        ("cancel", Decision.FAILED),
        ("outbox", Decision.SHOWN),
        ("track", Decision.INVALID),
    ]


@pytest.mark.parametrize(
    ("fault", "decision", "status_after"),
    [
        (Fault("answer", status=400, body={"error": {"message": "No."}}), Decision.REFUSED, "running"),
        (Fault("answer", status=401, body={"error": {"message": "No."}}), Decision.REFUSED, None),
        (Fault("answer", status=429, body={"error": {"message": "Slow down."}}), Decision.REFUSED, None),
        (Fault("drop", accepted=True), Decision.DONE, "cancelled"),
    ],
    ids=["400", "401", "429", "no answer"],
)
async def test_the_audited_result_of_an_action_says_what_the_api_did(
    world: World, fault: Fault, decision: Decision, status_after: str | None
) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        world.api.faults.add(CANCEL, fault)
        await world.press(question, CONFIRM)
        rows = await entries(bot)

    assert [row.decision for row in rows] == [Decision.PROMPTED, Decision.SUBMITTED, decision]
    assert bool(rows[-1].reason) == (decision is Decision.REFUSED)
    assert rows[-1].status_after == status_after


async def test_a_button_that_was_never_shown_to_a_user_is_counted_and_audited(world: World) -> None:
    world.otto = otto = world.slack.add_user("otto", is_owner=True)  # type: ignore[attr-defined]
    job = world.api.add_job(status="running")
    before = REGISTRY.get_sample_value("ftjob_forged_confirmations_total") or 0.0

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        assert isinstance(question.displayed, EphemeralMessage)
        guessed = json.dumps(question.displayed.blocks).replace(question.buttons[CONFIRM], "guessed")
        answers = [
            await world.press(replace(question.displayed, channel=world.ops.id), CONFIRM),
            await world.press(question, CONFIRM, by="otto"),
            await world.press(replace(question.displayed, blocks=json.loads(guessed)), CONFIRM),
        ]
        rows = await entries(bot)

    assert world.actions == []
    for answer in answers:
        assert "This confirmation isn't yours" in answer.plain_text
        assert not answer.replace_original
    assert [(row.person, row.channel, row.decision) for row in rows[1:]] == [
        (world.olivia.id, world.ops.id, Decision.TAMPERED),
        (otto.id, world.ml.id, Decision.TAMPERED),
        (world.olivia.id, world.ml.id, Decision.TAMPERED),
    ]
    assert REGISTRY.get_sample_value("ftjob_forged_confirmations_total") == before + 3


async def test_a_confirmation_that_led_to_no_action_is_audited_with_the_reason(world: World) -> None:
    over, ending, slow = (world.api.add_job(status=status) for status in ("cancelled", "running", "running"))

    async with world.bot() as bot:
        await world.say(f"cancel {over}")
        question = await world.say(f"cancel {ending}")
        assert isinstance(question.displayed, EphemeralMessage)
        still_seen = replace(question.displayed)
        world.api.change(ending, status="succeeded")
        ended = await world.press(question, CONFIRM)
        once_more = await world.press(still_seen, CONFIRM)
        question = await world.say(f"cancel {slow}")
        world.skip(601)
        expired = await world.press(question, CONFIRM)
        rows = await entries(bot)

    assert world.actions == []
    assert once_more.plain_text == ended.plain_text
    assert expired.replace_original
    assert [(row.decision, row.reason) for row in rows] == [
        (Decision.FINISHED, "the job was canceled"),
        (Decision.PROMPTED, None),
        (Decision.EXPIRED, "the job succeeded"),
        (Decision.DUPLICATE, None),
        (Decision.PROMPTED, None),
        (Decision.EXPIRED, "expired"),
    ]


@pytest.mark.parametrize(
    ("verb", "status", "decision", "said"),
    [
        ("pause", "queued", Decision.EARLY, "was too early (the job wasn't ready for it): `pause`"),
        ("pause", "paused", Decision.ALREADY, "requested (already done): `pause`"),
        ("pause", "succeeded", Decision.FINISHED, "was too late (the job had finished): `pause`"),
        ("resume", "validating_files", Decision.EARLY, "was too early (the job wasn't ready for it): `resume`"),
        ("resume", "running", Decision.ALREADY, "requested (already done): `resume`"),
        ("cancel", "failed", Decision.FINISHED, "was too late (the job had finished): `cancel`"),
    ],
)
async def test_an_action_that_did_not_apply_is_written_down_as_what_happened(
    world: World, verb: str, status: str, decision: Decision, said: str
) -> None:
    job = world.api.add_job(status=status)

    async with world.bot() as bot:
        await world.say(f"{verb} {job}")
        (row,) = await entries(bot)
        seen = await world.say("audit")

    assert (row.decision, row.reason) == (decision, f"the job {status_phrase(status)}")
    assert said in seen.plain_text
    assert status_phrase(status) in seen.plain_text


@pytest.mark.parametrize(
    ("verb", "then", "now", "decision"),
    [
        ("pause", "running", "queued", "early"),
        ("pause", "running", "pausing", "already"),
        ("resume", "paused", "running", "already"),
    ],
)
async def test_a_press_after_which_the_action_does_not_apply_is_written_down_as_what_happened(
    world: World, verb: str, then: str, now: str, decision: str
) -> None:
    job = world.api.add_job(status=then)

    async with world.bot() as bot:
        question = await world.say(f"{verb} {job}")
        world.api.change(job, status=now)
        answer = await world.press(question, CONFIRM)
        rows = await entries(bot)

    assert f"Nothing to {verb}" in answer.plain_text
    assert answer.replace_original
    assert world.actions == []
    assert [(row.decision, row.reason) for row in rows] == [
        ("asked", None),
        (decision, f"the job {status_phrase(now)}"),
    ]


async def test_operators_read_it_in_chat(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        assert "No actions or denials yet" in (await world.say("audit")).plain_text
        await world.say(f"cancel {job}", by="milo")
        await world.press(await world.say(f"cancel {job}"), CONFIRM)
        seen = await world.say("audit")
        short = await world.say("audit 1")
        refused = await world.say("audit", by="milo")

    assert seen.ephemeral
    assert "Only operators can do this" in refused.plain_text
    for words in (f"<@{world.milo.id}> :no_entry: was denied", "*requested*", "completed", job, "running → canceled"):
        assert words in seen.plain_text, words
    assert short.plain_text.count("<@") < seen.plain_text.count("<@")


async def test_refusals_push_nothing_out_of_view_and_are_summed_up_by_person(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")
    verbs = ("status ftjob-abc123", "list", "tracked", "subscribe", "about", "models", "untrack all", "outbox", "audit")

    async with world.bot() as bot:
        await world.press(await world.say(f"cancel {job}"), CONFIRM)
        for nth in range(27):
            await world.say(verbs[nth % len(verbs)], by="gia")
        await world.say("audit", by="milo")
        seen = await world.say("audit 25")
        few = await world.say("audit 1")
        rows = await entries(bot)
        assert await bot.store.actions.audit.first_broken() is None

    for answer in (seen, few):
        assert lines(answer).count(f"<@{world.gia.id}>") == 1
        assert "27 times since" in answer.plain_text
        assert "completed `cancel`" in answer.plain_text
    assert "*requested*" in seen.plain_text
    assert "*requested*" not in few.plain_text
    assert len([row for row in rows if row.decision is Decision.DENIED]) == 28, "each is kept"


async def test_reads_push_nothing_out_of_view_either(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.press(await world.say(f"cancel {job}"), CONFIRM)
        for _ in range(12):
            await world.say("audit 3")
        seen = await world.say("audit 3")

    assert "12 times since" in seen.plain_text
    assert "*requested*" in seen.plain_text


async def test_refusals_of_many_people_take_a_few_lines_and_leave_the_actions_in_view(world: World) -> None:
    job = world.api.add_job(status="running")
    guests = [world.slack.add_user(f"guest{n}", is_restricted=True) for n in range(30)]

    async with world.bot():
        await world.press(await world.say(f"cancel {job}"), CONFIRM)
        for guest in guests:
            await (await guest.command(f"status {job}", world.ml)).reply()
        seen = await world.say("audit 25")

    assert "*requested*" in seen.plain_text
    assert "Not shown: 25 more rows of denials or views" in seen.plain_text
    assert lines(seen).count("was denied") == 5
    assert world.slack.violations == []


async def test_the_audit_has_pages_and_a_filter_for_a_word_a_person_and_a_job(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(4)]

    async with world.bot():
        for job in jobs:
            await world.press(await world.say(f"cancel {job}"), CONFIRM)
            await world.say(f"cancel {job}", by="milo")
            await world.say(f"status {job} {jobs[0]}", by="gia")
        denied = await world.say("audit 3 denied")
        older = await world.press(denied, SHOW_PAGE)
        oldest = await world.press(older, SHOW_PAGE)
        of_milo = await world.say("audit 25 @milo")
        of_job = await world.say(f"audit {jobs[1]}")
        both = await world.say(f"audit DENIED @gia {jobs[1]} 5")
        first = await world.say("audit 4")
        second_page = await world.press(first, SHOW_PAGE)
        wrong = await world.say("audit sideways")
        nobody = await world.say("audit @sam")

    pages = [lines(each) for each in (denied, older, oldest)]
    assert [page.count("was denied") for page in pages] == [3, 3, 2]
    assert SHOW_PAGE not in oldest.buttons
    assert lines(of_milo).count("was denied") == 4
    assert world.gia.id not in of_milo.plain_text
    assert lines(of_job).count(jobs[1]) >= 5, "asked, ordered, done, and two refusals"
    assert jobs[2] not in of_job.plain_text
    assert lines(both).count("was denied") == 1
    assert jobs[3] in first.plain_text
    assert jobs[3] not in second_page.plain_text.replace(f"`{jobs[3]}` `{jobs[0]}`", "")
    assert jobs[2] in second_page.plain_text
    assert "a number up to 25" in wrong.plain_text
    assert "No audit entries for this filter: by" in nobody.plain_text


async def test_a_page_of_the_audit_is_for_whoever_is_an_operator_when_they_turn_it(world: World) -> None:
    async with world.bot():
        for _ in range(3):
            await world.say("cancel ftjob-nosuch")
        first = await world.say("audit 1")
        world.olivia.is_admin = False
        refused = await world.press(first, SHOW_PAGE)

    assert "Only operators can do this" in refused.plain_text
    assert "ftjob-nosuch" not in refused.plain_text


async def test_the_command_line_prints_it_and_checks_it_beside_the_running_bot(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.press(await world.say(f"cancel {job}"), CONFIRM)
        code, printed = await second(world, "audit", "export")
        assert await second(world, "audit", "verify") == (
            0,
            "No changed or missing rows found. To detect rows removed from the end, compare with an earlier export.\n",
        )

    rows = [json.loads(line) for line in printed.splitlines()]
    assert code == 0
    assert [(row["id"], row["decision"], row["job_id"]) for row in rows] == [
        (1, "asked", job),
        (2, "ordered", job),
        (3, "done", job),
    ]
    assert rows[0]["at"].endswith("+00:00")

    with sqlite3.connect(world.folder / "ftjob.db") as shell:
        shell.execute("DROP TRIGGER audit_keeps_words")
        shell.execute("UPDATE audit SET person = 'U0SOMEBODY' WHERE id = 2")
    shell.close()
    code, said = await second(world, "audit", "verify")
    assert code == 1
    assert "Audit log row 2 was changed" in said


async def test_without_a_database_the_command_line_says_so(world: World) -> None:
    (world.folder / "ftjob.db").unlink()
    code, said = await second(world, "audit", "export")

    assert (code, "There's no database" in said) == (1, True)
    assert not (world.folder / "ftjob.db").exists()
