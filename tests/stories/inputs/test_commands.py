"""Rows B01 to B51: what people type."""

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import JOBS_READ, Key
from bot.sandbox.slack.users import Person
from bot.store.db import schema
from tests.canaries import WRITE_KEY
from tests.commands.test_parse_refusals import REFUSED
from tests.store.seeds import follow, know, reading, rows
from tests.stories.inputs.hearing import LOOK, ORDER, RED, Heard, Town, assert_usage
from tests.world import cancelling

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNREAD = {name: row for name, row in REFUSED.items() if name.startswith("B")}


def running(town: Town) -> str:
    return town.world.api.add_job(status="running")


async def confirmed(town: Town, job: str, fault: Fault | None = None, seconds: float = 5) -> Heard:
    """Let Olivia ask for a cancel and press the red button; the order meets the fault."""
    question = await town.hears(f"cancel {job}")
    assert question.decisions == ["asked"]
    if fault:
        town.world.api.faults.add(ORDER, fault)
    return await town.of(town.world.olivia.click(question.reply, RED), seconds=seconds)


# --- help ---


@pytest.mark.parametrize("typed", ["", " \t", "help", "?", "-h", "HELP"], ids=["B01", "B01", *["B02"] * 4])
async def test_help(town: Town, typed: str) -> None:
    heard = await town.hears(typed)

    assert heard.reply.ephemeral
    assert "/ftjob status &lt;id&gt;" in heard.reply.plain
    assert (heard.requests, heard.audit) == ([], [])


# --- which job ---


async def test_b03_status_alone_is_answered_with_its_usage_and_offers_five_tracked_jobs(town: Town) -> None:
    channel = town.world.slack.add_channel("b03")
    nothing = await town.hears("status", channel=channel)
    jobs = [running(town) for _ in range(6)]
    await know(town.bot.store, *map(reading, jobs))
    await follow(town.bot.store, *((channel.id, job) for job in jobs))
    heard = await town.hears("status", channel=channel)
    button, shown_job = next(iter(heard.reply.buttons.items()))
    shown = await town.of(town.world.olivia.click(heard.reply, button))

    assert_usage(nothing)
    assert "Which job?" in heard.reply.text
    assert len(heard.reply.text.removeprefix(":warning: ")) <= 300
    assert sum(job in heard.reply.plain for job in jobs) == 5
    assert (heard.requests, heard.audit, heard.reply.ephemeral) == ([], [], True)
    assert sorted(heard.reply.buttons.values()) == sorted(job for job in jobs if job in heard.reply.plain)
    assert f"*Running* · `{shown_job}`" in shown.reply.plain


async def test_b04_an_unknown_job_is_said_to_be_unknown_in_the_project(town: Town) -> None:
    heard = await town.hears("status ftjob-doesnotexist")

    assert "No fine-tuning job `ftjob-doesnotexist` in the project of this bot's API key" in heard.reply.plain
    assert heard.reply.ephemeral
    assert heard.requests == [LOOK]


@pytest.mark.parametrize(
    "typed",
    [
        "STATUS {}",
        "status \u00a0{}\u200b \t\n",
        "\ufeffstatus \u2003\ufeff{}",
        "status https://platform.openai.com/finetune/{}",
        "<https://platform.openai.com/finetune/{}|x>",
        "\uff53\uff54\uff41\uff54\uff55\uff53 {}",
    ],
    ids="B05 B06 B06-bom B08 B08-labelled B22".split(),
)
async def test_a_job_is_found_as_it_was_meant(town: Town, typed: str) -> None:
    job = running(town)
    text = typed.format(job)
    heard = await (town.hears_raw(text) if text.startswith("<") else town.hears(text))

    assert f"*Running* · `{job}`" in heard.reply.plain
    assert heard.reply.ephemeral
    assert heard.requests == [LOOK]


async def test_b05_the_case_of_an_id_counts(town: Town) -> None:
    job = town.world.api.add_job(status="running", id="ftjob-CaseCounts")
    heard = await town.hears(f"status {job.replace('Case', 'case')}")

    assert "No fine-tuning job `ftjob-caseCounts`" in heard.reply.plain


async def test_b10_two_jobs_are_two_lines(town: Town) -> None:
    jobs = [running(town), running(town)]
    heard = await town.hears(f"status {' '.join(jobs)}")

    assert [sum(job in line for line in heard.reply.text.splitlines()) for job in jobs] == [1, 1]
    assert heard.requests == [LOOK, LOOK]


@pytest.mark.parametrize("name", UNREAD)
async def test_what_is_no_command_is_answered_with_its_usage(town: Town, name: str) -> None:
    text, said = UNREAD[name]
    heard = await town.hears_raw(text)

    assert said in heard.reply.text
    assert_usage(heard, raw=text[-60:])


@pytest.mark.parametrize("name", [name for name in UNREAD if name.startswith(("B09", "B25", "B26", "B27", "B29"))])
async def test_so_it_is_where_slack_escapes_what_was_typed(town: Town, name: str) -> None:
    assert_usage(await town.hears(UNREAD[name][0]), raw=UNREAD[name][0])


async def test_b26_who_is_named_in_a_wrong_command_hears_nothing_of_it(town: Town) -> None:
    town.world.slack.workspace.handles["trainers"] = "S0TRAINERS"
    for name in ("@milo", "@trainers", "#ops"):
        heard = await town.hears(f"status {name}")
        assert_usage(heard)
        assert "&lt;" in heard.reply.text, "what Slack made of it is shown literally"


async def test_b28_the_tables_are_intact(town: Town) -> None:
    await town.hears(f"track {running(town)}", names=[town.world.olivia.id])
    before = len(await rows(town.bot.store, schema.job))
    assert_usage(await town.hears("track '; DROP TABLE job;--"))

    assert 0 < before == len(await rows(town.bot.store, schema.job))


async def test_b30_a_forged_line_is_in_no_record(town: Town) -> None:
    heard = await town.hears_raw("status ftjob-a\r\nERROR forged line")

    assert "forged" not in heard.log


# --- who may cancel ---


async def assert_denied(town: Town, person: Person, why: str, said: str) -> None:
    job = running(town)
    heard = await town.hears(f"cancel {job}", by=person)

    assert said in heard.reply.plain
    assert heard.reply.ephemeral
    assert heard.reply.buttons == {}
    assert heard.requests == [], "not even a look"
    [entry] = heard.audit
    assert (entry.verb, entry.decision, entry.job_id, entry.person) == ("cancel", "denied", job, person.id)
    assert (entry.door, entry.channel, entry.reason) == ("command", town.world.ml.id, why)


async def test_b38_who_is_no_operator_may_not_cancel(town: Town) -> None:
    await assert_denied(town, town.world.milo, "not_an_operator", "You may not do this. Admins and owners")


async def test_b40_a_guest_somebody_who_left_and_a_bot_may_not_cancel(town: Town) -> None:
    slack = town.world.slack
    await assert_denied(town, town.world.gia, "guest", "Guests of this workspace may not use me. Ask a member")
    one_channel = slack.add_person("una", is_ultra_restricted=True)
    await assert_denied(town, one_channel, "guest", "Guests of this workspace may not use me. Ask a member")
    for gone in (slack.add_person("dora", is_admin=True, deleted=True), slack.add_person("robo", is_bot=True)):
        await assert_denied(town, gone, "not_a_person", "I answer only people. Ask me yourself")


async def test_b41_a_stranger_may_not_cancel_and_the_audit_holds_their_team(town: Town) -> None:
    sam, job = town.world.sam, running(town)
    await assert_denied(town, sam, "stranger", "only members of this workspace. Ask one of them")
    await town.hears(f"track {job}", names=[town.world.olivia.id])
    card = next(message for message in town.world.ml.messages if job in message.text)
    heard = await town.of(sam.click(card, "ftjob_cancel"))

    assert "only members of this workspace" in heard.reply.plain
    assert heard.requests == []
    [entry] = heard.audit
    assert (entry.decision, entry.team, entry.door) == ("denied", "T0STRANGER", "button")


# --- what becomes of a cancel ---


@pytest.mark.parametrize("ended", ["succeeded", "failed", "cancelled"], ids=["B43"] * 3)
async def test_a_job_that_is_over_is_not_cancelled(town: Town, ended: str) -> None:
    heard = await town.hears(f"cancel {town.world.api.add_job(status=ended)}")

    assert "Nothing to cancel" in heard.reply.plain
    assert ended in heard.reply.plain
    assert "UTC" in heard.reply.plain, "when it ended"
    assert (heard.decisions, heard.requests) == (["over"], [LOOK])


async def test_b44_a_refused_cancel_is_told_with_the_true_state(town: Town) -> None:
    refusal = Fault("answer", status=400, body={"error": {"message": "Job is <locked>."}})
    heard = await confirmed(town, running(town), refusal)

    assert "The API refused to cancel it: Job is &lt;locked&gt;." in heard.reply.plain
    assert "is running now" in heard.reply.plain
    assert "cancelled" not in heard.reply.plain
    assert (heard.decisions, heard.requests) == (["ordered", "refused"], [LOOK, ORDER, LOOK])


async def test_b45_a_cancel_without_an_answer_is_sent_once_and_its_end_is_told(town: Town) -> None:
    job, direct = running(town), town.world.slack.direct_message(town.world.olivia)
    heard = await confirmed(town, job, Fault("hang"), seconds=40)
    town.world.skip(61)
    await town.world.slack.ledger.until(
        lambda: [message for message in direct.messages if job in message.plain], seconds=20
    )

    assert "did not say what became of the cancel" in heard.reply.plain
    assert "I keep watching" in heard.reply.plain
    assert heard.requests.count(ORDER) == 1
    assert heard.decisions == ["ordered"]
    assert town.world.orders.count(cancelling(job)) == 1
    [last] = await town.bot.store.audit.newest(1)
    assert (last.entry.job_id, last.entry.decision) == (job, "unknown")


async def test_b46_the_scope_that_the_key_lacks_is_named_and_the_operators_channel_hears_it_once(town: Town) -> None:
    keys = town.world.api.keys
    town.world.api.keys = keys | {WRITE_KEY: Key("reader", frozenset({JOBS_READ}))}
    heard = [await confirmed(town, running(town)) for _ in range(2)]
    town.world.api.keys = keys
    await town.world.settled(town.bot)

    for each in heard:
        assert "lacks the scope `api.fine_tuning.jobs.write`" in each.reply.plain
        assert each.requests.count(ORDER) == 1
        assert each.decisions == ["ordered", "refused"]
    assert len([message for message in town.world.ops.messages if "scope" in message.plain]) == 1


# --- tracking ---


async def test_b48_a_second_track_is_answered_as_the_first_and_stored_once(town: Town) -> None:
    job = running(town)
    await town.hears(f"track {job}", names=[town.world.olivia.id])
    heard = await town.hears(f"track {job}", by=town.world.milo)

    assert f"`{job}` is already tracked here" in heard.reply.plain
    assert heard.requests == []
    assert len(await town.bot.store.tracks.followers("default", job)) == 1
    assert len(town.world.about(job)) == 1


async def test_b50_a_channel_without_the_bot_asks_for_an_invitation_before_anything_is_stored(town: Town) -> None:
    job, attic = running(town), town.world.slack.add_channel("attic", bot_is_member=False)
    heard = await town.hears(f"track {job}", channel=attic, names=[town.world.olivia.id])

    assert "/invite @ftjob" in heard.reply.plain
    assert heard.reply.ephemeral
    assert await town.bot.store.tracks.followers("default", job) == []
    assert attic.messages == []


async def test_b51_what_is_not_tracked_is_untracked_without_a_complaint(town: Town) -> None:
    heard = await town.hears(f"untrack {running(town)}")

    assert "Not tracked here: nothing to stop" in heard.reply.plain
    assert (heard.requests, heard.audit) == ([], [])
