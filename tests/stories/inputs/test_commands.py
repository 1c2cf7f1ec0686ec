"""Rows B01 to B51: what people type."""

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import JOBS_READ, ApiKey
from bot.sandbox.slack.users import SandboxUser
from bot.store.db import schema
from tests.canaries import WRITE_KEY
from tests.commands.test_parse_refusals import REFUSED
from tests.store.seeds import add_jobs, reading, rows, track
from tests.stories.inputs.harness import CANCEL, CONFIRM, RETRIEVE, Captured, RunningBot, assert_usage
from tests.world import cancel_request

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNREAD = {name: row for name, row in REFUSED.items() if name.startswith("B")}


def running(town: RunningBot) -> str:
    return town.world.api.add_job(status="running")


async def confirmed(town: RunningBot, job: str, fault: Fault | None = None, seconds: float = 5) -> Captured:
    """Let Olivia ask for a cancel and press the red button; the order meets the fault."""
    question = await town.command(f"cancel {job}")
    assert question.decisions == ["asked"]
    if fault:
        town.world.api.faults.add(CANCEL, fault)
    return await town.capture(town.world.olivia.click(question.reply, CONFIRM), seconds=seconds)


# --- help ---


@pytest.mark.parametrize("typed", ["", " \t", "help", "?", "-h", "HELP"], ids=["B01", "B01", *["B02"] * 4])
async def test_help(town: RunningBot, typed: str) -> None:
    heard = await town.command(typed)

    assert heard.reply.ephemeral
    assert "/ftjob status &lt;id&gt;" in heard.reply.plain_text
    assert (heard.requests, heard.audit) == ([], [])


# --- which job ---


async def test_b03_status_alone_is_answered_with_its_usage_and_offers_five_tracked_jobs(town: RunningBot) -> None:
    channel = town.world.slack.add_channel("b03")
    nothing = await town.command("status", channel=channel)
    jobs = [running(town) for _ in range(6)]
    await add_jobs(town.bot.store, *map(reading, jobs))
    await track(town.bot.store, *((channel.id, job) for job in jobs))
    heard = await town.command("status", channel=channel)
    button, shown_job = next(iter(heard.reply.buttons.items()))
    shown = await town.capture(town.world.olivia.click(heard.reply, button))

    assert_usage(nothing)
    assert "Which job?" in heard.reply.text
    assert len(heard.reply.text.removeprefix(":warning: ")) <= 300
    assert sum(job in heard.reply.plain_text for job in jobs) == 5
    assert (heard.requests, heard.audit, heard.reply.ephemeral) == ([], [], True)
    assert sorted(heard.reply.buttons.values()) == sorted(job for job in jobs if job in heard.reply.plain_text)
    assert f"*Running* · `{shown_job}`" in shown.reply.plain_text


async def test_b04_an_unknown_job_is_said_to_be_unknown_in_the_project(town: RunningBot) -> None:
    heard = await town.command("status ftjob-doesnotexist")

    assert "No fine-tuning job `ftjob-doesnotexist` in the project of this bot's API key" in heard.reply.plain_text
    assert heard.reply.ephemeral
    assert heard.requests == [RETRIEVE]


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
async def test_a_job_is_found_as_it_was_meant(town: RunningBot, typed: str) -> None:
    job = running(town)
    text = typed.format(job)
    heard = await (town.raw_command(text) if text.startswith("<") else town.command(text))

    assert f"*Running* · `{job}`" in heard.reply.plain_text
    assert heard.reply.ephemeral
    assert heard.requests == [RETRIEVE]


async def test_b05_the_case_of_an_id_counts(town: RunningBot) -> None:
    job = town.world.api.add_job(status="running", id="ftjob-CaseCounts")
    heard = await town.command(f"status {job.replace('Case', 'case')}")

    assert "No fine-tuning job `ftjob-caseCounts`" in heard.reply.plain_text


async def test_b10_two_jobs_are_two_lines(town: RunningBot) -> None:
    jobs = [running(town), running(town)]
    heard = await town.command(f"status {' '.join(jobs)}")

    assert [sum(job in line for line in heard.reply.text.splitlines()) for job in jobs] == [1, 1]
    assert heard.requests == [RETRIEVE, RETRIEVE]


@pytest.mark.parametrize("name", UNREAD)
async def test_what_is_no_command_is_answered_with_its_usage(town: RunningBot, name: str) -> None:
    text, said = UNREAD[name]
    heard = await town.raw_command(text)

    assert said in heard.reply.text
    assert_usage(heard, raw=text[-60:])


@pytest.mark.parametrize("name", [name for name in UNREAD if name.startswith(("B09", "B25", "B26", "B27", "B29"))])
async def test_so_it_is_where_slack_escapes_what_was_typed(town: RunningBot, name: str) -> None:
    assert_usage(await town.command(UNREAD[name][0]), raw=UNREAD[name][0])


async def test_b26_who_is_named_in_a_wrong_command_hears_nothing_of_it(town: RunningBot) -> None:
    town.world.slack.workspace.usergroup_handles["trainers"] = "S0TRAINERS"
    for name in ("@milo", "@trainers", "#ops"):
        heard = await town.command(f"status {name}")
        assert_usage(heard)
        assert "&lt;" in heard.reply.text, "what Slack made of it is shown literally"


async def test_b28_the_tables_are_intact(town: RunningBot) -> None:
    await town.command(f"track {running(town)}", names=[town.world.olivia.id])
    before = len(await rows(town.bot.store, schema.job))
    assert_usage(await town.command("track '; DROP TABLE job;--"))

    assert 0 < before == len(await rows(town.bot.store, schema.job))


async def test_b30_a_forged_line_is_in_no_record(town: RunningBot) -> None:
    heard = await town.raw_command("status ftjob-a\r\nERROR forged line")

    assert "forged" not in heard.log


# --- who may cancel ---


async def assert_denied(town: RunningBot, person: SandboxUser, why: str, said: str) -> None:
    job = running(town)
    heard = await town.command(f"cancel {job}", by=person)

    assert said in heard.reply.plain_text
    assert heard.reply.ephemeral
    assert heard.reply.buttons == {}
    assert heard.requests == [], "not even a look"
    [entry] = heard.audit
    assert (entry.verb, entry.decision, entry.job_id, entry.person) == ("cancel", "denied", job, person.id)
    assert (entry.door, entry.channel, entry.reason) == ("command", town.world.ml.id, why)


async def test_b38_who_is_no_operator_may_not_cancel(town: RunningBot) -> None:
    await assert_denied(town, town.world.milo, "not_an_operator", "You may not do this. Admins and owners")


async def test_b40_a_guest_somebody_who_left_and_a_bot_may_not_cancel(town: RunningBot) -> None:
    slack = town.world.slack
    await assert_denied(town, town.world.gia, "guest", "Guests of this workspace may not use me. Ask a member")
    one_channel = slack.add_user("una", is_ultra_restricted=True)
    await assert_denied(town, one_channel, "guest", "Guests of this workspace may not use me. Ask a member")
    for gone in (slack.add_user("dora", is_admin=True, deleted=True), slack.add_user("robo", is_bot=True)):
        await assert_denied(town, gone, "not_a_person", "I answer only people. Ask me yourself")


async def test_b41_a_stranger_may_not_cancel_and_the_audit_holds_their_team(town: RunningBot) -> None:
    sam, job = town.world.sam, running(town)
    await assert_denied(town, sam, "stranger", "only members of this workspace. Ask one of them")
    await town.command(f"track {job}", names=[town.world.olivia.id])
    card = next(message for message in town.world.ml.messages if job in message.text)
    heard = await town.capture(sam.click(card, "ftjob_cancel"))

    assert "only members of this workspace" in heard.reply.plain_text
    assert heard.requests == []
    [entry] = heard.audit
    assert (entry.decision, entry.team, entry.door) == ("denied", "T0STRANGER", "button")


# --- what becomes of a cancel ---


@pytest.mark.parametrize("ended", ["succeeded", "failed", "cancelled"], ids=["B43"] * 3)
async def test_a_job_that_is_over_is_not_cancelled(town: RunningBot, ended: str) -> None:
    heard = await town.command(f"cancel {town.world.api.add_job(status=ended)}")

    assert "Nothing to cancel" in heard.reply.plain_text
    assert ended in heard.reply.plain_text
    assert "UTC" in heard.reply.plain_text, "when it ended"
    assert (heard.decisions, heard.requests) == (["over"], [RETRIEVE])


async def test_b44_a_refused_cancel_is_told_with_the_true_state(town: RunningBot) -> None:
    refusal = Fault("answer", status=400, body={"error": {"message": "Job is <locked>."}})
    heard = await confirmed(town, running(town), refusal)

    assert "The API refused to cancel it: Job is &lt;locked&gt;." in heard.reply.plain_text
    assert "is running now" in heard.reply.plain_text
    assert "cancelled" not in heard.reply.plain_text
    assert (heard.decisions, heard.requests) == (["ordered", "refused"], [RETRIEVE, CANCEL, RETRIEVE])


async def test_b45_a_cancel_without_an_answer_is_sent_once_and_its_end_is_told(town: RunningBot) -> None:
    job, direct = running(town), town.world.slack.direct_message(town.world.olivia)
    heard = await confirmed(town, job, Fault("hang"), seconds=40)
    town.world.skip(61)
    await town.world.slack.request_log.wait_until(
        lambda: [message for message in direct.messages if job in message.plain_text], seconds=20
    )

    assert "did not say what became of the cancel" in heard.reply.plain_text
    assert "I keep watching" in heard.reply.plain_text
    assert heard.requests.count(CANCEL) == 1
    assert heard.decisions == ["ordered"]
    assert town.world.actions.count(cancel_request(job)) == 1
    [last] = await town.bot.store.actions.audit.newest(1)
    assert (last.entry.job_id, last.entry.decision) == (job, "unknown")


async def test_b46_the_scope_that_the_key_lacks_is_named_and_the_operators_channel_hears_it_once(
    town: RunningBot,
) -> None:
    keys = town.world.api.keys
    town.world.api.keys = keys | {WRITE_KEY: ApiKey("reader", frozenset({JOBS_READ}))}
    heard = [await confirmed(town, running(town)) for _ in range(2)]
    town.world.api.keys = keys
    await town.world.until_quiet(town.bot)

    for each in heard:
        assert "lacks the scope `api.fine_tuning.jobs.write`" in each.reply.plain_text
        assert each.requests.count(CANCEL) == 1
        assert each.decisions == ["ordered", "refused"]
    assert len([message for message in town.world.ops.messages if "scope" in message.plain_text]) == 1


# --- tracking ---


async def test_b48_a_second_track_is_answered_as_the_first_and_stored_once(town: RunningBot) -> None:
    job = running(town)
    await town.command(f"track {job}", names=[town.world.olivia.id])
    heard = await town.command(f"track {job}", by=town.world.milo)

    assert f"`{job}` is already tracked here" in heard.reply.plain_text
    assert heard.requests == []
    assert len(await town.bot.store.channels.tracks.followers("default", job)) == 1
    assert len(town.world.messages_about(job)) == 1


async def test_b50_a_channel_without_the_bot_asks_for_an_invitation_before_anything_is_stored(town: RunningBot) -> None:
    job, attic = running(town), town.world.slack.add_channel("attic", bot_is_member=False)
    heard = await town.command(f"track {job}", channel=attic, names=[town.world.olivia.id])

    assert "/invite @ftjob" in heard.reply.plain_text
    assert heard.reply.ephemeral
    assert await town.bot.store.channels.tracks.followers("default", job) == []
    assert attic.messages == []


async def test_b51_what_is_not_tracked_is_untracked_without_a_complaint(town: RunningBot) -> None:
    heard = await town.command(f"untrack {running(town)}")

    assert "Not tracked here: nothing to stop" in heard.reply.plain_text
    assert (heard.requests, heard.audit) == ([], [])
