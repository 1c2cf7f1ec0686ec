"""Commands as people type them: malformed, hostile, repeated, and without permission."""

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import JOBS_READ, ApiKey
from bot.sandbox.slack.users import SandboxUser
from bot.store.db import schema
from tests.canaries import WRITE_KEY
from tests.commands.test_parse_refusals import REFUSED
from tests.store.seeds import add_jobs, reading, rows, track
from tests.stories.inputs.harness import CANCEL, CONFIRM, RETRIEVE, Captured, RunningBot, assert_usage
from tests.world import cancel_request

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNREAD = {name: row for name, row in REFUSED.items() if ": " in name}


def running(running_bot: RunningBot) -> str:
    return running_bot.world.api.add_job(status="running")


async def confirmed(running_bot: RunningBot, job: str, fault: Fault | None = None, seconds: float = 5) -> Captured:
    """Let Olivia ask for a cancel and press the red button; the order meets the fault."""
    question = await running_bot.command(f"cancel {job}")
    assert question.decisions == ["asked"]
    if fault:
        running_bot.world.api.faults.add(CANCEL, fault)
    return await running_bot.capture(running_bot.world.olivia.click(question.reply, CONFIRM), seconds=seconds)


# --- help ---


@pytest.mark.parametrize("typed", ["", " \t", "help", "?", "-h", "HELP"])
async def test_help(running_bot: RunningBot, typed: str) -> None:
    captured = await running_bot.command(typed)

    assert captured.reply.ephemeral
    assert "/ftjob status &lt;id or name&gt;" in captured.reply.plain_text
    assert (captured.requests, captured.audit) == ([], [])


# --- which job ---


async def test_status_alone_is_answered_with_its_usage_and_offers_five_tracked_jobs(running_bot: RunningBot) -> None:
    channel = running_bot.world.slack.add_channel("tracked")
    nothing = await running_bot.command("status", channel=channel)
    jobs = [running(running_bot) for _ in range(6)]
    await add_jobs(running_bot.bot.store, *map(reading, jobs))
    await track(running_bot.bot.store, *((channel.id, job) for job in jobs))
    captured = await running_bot.command("status", channel=channel)
    button, shown_job = next(iter(captured.reply.buttons.items()))
    shown = await running_bot.capture(running_bot.world.olivia.click(captured.reply, button))

    assert_usage(nothing)
    assert "Which job?" in captured.reply.text
    assert len(captured.reply.text.removeprefix(":warning: ")) <= 300
    assert sum(job in captured.reply.plain_text for job in jobs) == 5
    assert (captured.requests, captured.audit, captured.reply.ephemeral) == ([], [], True)
    assert sorted(captured.reply.buttons.values()) == sorted(job for job in jobs if job in captured.reply.plain_text)
    assert f"*{shown_job}* · running" in shown.reply.plain_text


async def test_an_unknown_job_is_said_to_be_unknown_in_the_project(running_bot: RunningBot) -> None:
    captured = await running_bot.command("status ftjob-doesnotexist")

    assert "I couldn't find job `ftjob-doesnotexist` in your project" in captured.reply.plain_text
    assert captured.reply.ephemeral
    assert captured.requests == [RETRIEVE]


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
    ids=["case", "spaces", "byte order mark", "link", "labeled link", "wide letters"],
)
async def test_a_job_is_found_however_its_id_was_typed(running_bot: RunningBot, typed: str) -> None:
    job = running(running_bot)
    text = typed.format(job)
    captured = await (running_bot.raw_command(text) if text.startswith("<") else running_bot.command(text))

    assert f"*{job}* · running" in captured.reply.plain_text
    assert captured.reply.ephemeral
    assert captured.requests == [RETRIEVE]


async def test_the_case_of_an_id_counts(running_bot: RunningBot) -> None:
    job = running_bot.world.api.add_job(status="running", id="ftjob-CaseCounts")
    captured = await running_bot.command(f"status {job.replace('Case', 'case')}")

    assert "I couldn't find job `ftjob-caseCounts`" in captured.reply.plain_text


async def test_two_jobs_are_two_lines(running_bot: RunningBot) -> None:
    jobs = [running(running_bot), running(running_bot)]
    captured = await running_bot.command(f"status {' '.join(jobs)}")

    assert [sum(job in line for line in captured.reply.text.splitlines()) for job in jobs] == [1, 1]
    assert captured.requests == [RETRIEVE, RETRIEVE]


@pytest.mark.parametrize("name", UNREAD)
async def test_what_is_no_command_is_answered_with_its_usage(running_bot: RunningBot, name: str) -> None:
    text, said = UNREAD[name]
    captured = await running_bot.raw_command(text)

    assert said in captured.reply.text
    assert_usage(captured, raw=text[-60:])


@pytest.mark.parametrize(
    "name", [name for name in UNREAD if name.startswith(("link", "broadcast", "mention", "markup", "template"))]
)
async def test_so_it_is_where_slack_escapes_what_was_typed(running_bot: RunningBot, name: str) -> None:
    assert_usage(await running_bot.command(UNREAD[name][0]), raw=UNREAD[name][0])


async def test_who_is_named_in_a_wrong_command_is_not_notified(running_bot: RunningBot) -> None:
    running_bot.world.slack.workspace.usergroup_handles["trainers"] = "S0TRAINERS"
    for name in ("@milo", "@trainers", "#ops"):
        captured = await running_bot.command(f"status {name}")
        assert_usage(captured)
        assert "&lt;" in captured.reply.text, "what Slack made of it is shown literally"


async def test_the_tables_are_intact(running_bot: RunningBot) -> None:
    await running_bot.command(f"track {running(running_bot)}", names=[running_bot.world.olivia.id])
    before = len(await rows(running_bot.bot.store, schema.job))
    assert_usage(await running_bot.command("track '; DROP TABLE job;--"))

    assert 0 < before == len(await rows(running_bot.bot.store, schema.job))


async def test_a_forged_line_is_in_no_record(running_bot: RunningBot) -> None:
    captured = await running_bot.raw_command("status ftjob-a\r\nERROR forged line")

    assert "forged" not in captured.log


# --- who may cancel ---


async def assert_denied(running_bot: RunningBot, person: SandboxUser, why: str, said: str) -> None:
    job = running(running_bot)
    captured = await running_bot.command(f"cancel {job}", by=person)

    assert said in captured.reply.plain_text
    assert captured.reply.ephemeral
    assert captured.reply.buttons == {}
    assert captured.requests == [], "not even a look"
    [entry] = captured.audit
    assert (entry.verb, entry.decision, entry.job_id, entry.person) == ("cancel", "denied", job, person.id)
    assert (entry.source, entry.channel, entry.reason) == ("command", running_bot.world.ml.id, why)


async def test_who_is_no_operator_may_not_cancel(running_bot: RunningBot) -> None:
    await assert_denied(
        running_bot, running_bot.world.milo, "not_an_operator", "Only operators can do this. Ask a workspace admin"
    )


async def test_a_guest_somebody_who_left_and_a_bot_may_not_cancel(running_bot: RunningBot) -> None:
    slack = running_bot.world.slack
    await assert_denied(running_bot, running_bot.world.gia, "guest", "Guests can't use ftjob. Ask a full member")
    one_channel = slack.add_user("una", is_ultra_restricted=True)
    await assert_denied(running_bot, one_channel, "guest", "Guests can't use ftjob. Ask a full member")
    for gone in (slack.add_user("dora", is_admin=True, deleted=True), slack.add_user("robo", is_bot=True)):
        await assert_denied(running_bot, gone, "not_a_person", "Bots can't use ftjob. Run this yourself")


async def test_an_external_user_may_not_cancel_and_the_audit_holds_their_team(running_bot: RunningBot) -> None:
    sam, job = running_bot.world.sam, running(running_bot)
    await assert_denied(running_bot, sam, "stranger", "Only members of this workspace can use ftjob. Ask one of them")
    await running_bot.command(f"track {job}", names=[running_bot.world.olivia.id])
    card = next(message for message in running_bot.world.ml.messages if job in message.text)
    captured = await running_bot.capture(sam.click(card, "ftjob_cancel"))

    assert "Only members of this workspace can use ftjob" in captured.reply.plain_text
    assert captured.requests == []
    [entry] = captured.audit
    assert (entry.decision, entry.team, entry.source) == ("denied", "T0STRANGER", "button")


# --- what becomes of a cancel ---


@pytest.mark.parametrize("ended", ["succeeded", "failed", "cancelled"])
async def test_a_job_that_is_over_is_not_cancelled(running_bot: RunningBot, ended: str) -> None:
    captured = await running_bot.command(f"cancel {running_bot.world.api.add_job(status=ended)}")

    assert "Nothing to cancel" in captured.reply.plain_text
    assert ended.replace("cancelled", "canceled") in captured.reply.plain_text
    assert "UTC" in captured.reply.plain_text, "when it ended"
    assert (captured.decisions, captured.requests) == (["over"], [RETRIEVE])


async def test_a_refused_cancel_is_reported_with_the_true_state(running_bot: RunningBot) -> None:
    refusal = Fault("answer", status=400, body={"error": {"message": "Job is <locked>."}})
    captured = await confirmed(running_bot, running(running_bot), refusal)

    assert "The API rejected the cancel request: Job is &lt;locked&gt;." in captured.reply.plain_text
    assert "is running." in captured.reply.plain_text
    assert "cancelled" not in captured.reply.plain_text
    assert (captured.decisions, captured.requests) == (["ordered", "refused"], [RETRIEVE, CANCEL, RETRIEVE])


async def test_a_cancel_without_a_response_is_sent_once_and_its_result_is_posted(running_bot: RunningBot) -> None:
    job, direct = running(running_bot), running_bot.world.slack.direct_message(running_bot.world.olivia)
    captured = await confirmed(running_bot, job, Fault("hang"), seconds=40)
    running_bot.world.skip(61)
    await running_bot.world.slack.request_log.wait_until(
        lambda: [message for message in direct.messages if job in message.plain_text]
    )

    assert "didn't confirm the cancel" in captured.reply.plain_text
    assert "I'll keep checking" in captured.reply.plain_text
    assert captured.requests.count(CANCEL) == 1
    assert captured.decisions == ["ordered"]
    assert running_bot.world.actions.count(cancel_request(job)) == 1
    [last] = await running_bot.bot.store.actions.audit.newest(1)
    assert (last.entry.job_id, last.entry.decision) == (job, "unknown")


async def test_the_scope_that_the_key_lacks_is_named_and_the_operators_channel_is_notified_once(
    running_bot: RunningBot,
) -> None:
    keys = running_bot.world.api.keys
    running_bot.world.api.keys = keys | {WRITE_KEY: ApiKey("reader", frozenset({JOBS_READ}))}
    captured = [await confirmed(running_bot, running(running_bot)) for _ in range(2)]
    running_bot.world.api.keys = keys
    await running_bot.world.until_quiet(running_bot.bot)

    for each in captured:
        assert "is missing the scope `api.fine_tuning.jobs.write`" in each.reply.plain_text
        assert each.requests.count(CANCEL) == 1
        assert each.decisions == ["ordered", "refused"]
    assert len([message for message in running_bot.world.ops.messages if "scope" in message.plain_text]) == 1


# --- tracking ---


async def test_a_second_track_is_answered_as_the_first_and_stored_once(running_bot: RunningBot) -> None:
    job = running(running_bot)
    await running_bot.command(f"track {job}", names=[running_bot.world.olivia.id])
    captured = await running_bot.command(f"track {job}", by=running_bot.world.milo)

    assert f"`{job}` is already tracked here" in captured.reply.plain_text
    assert captured.requests == []
    assert len(await running_bot.bot.store.channels.tracks.followers("default", job)) == 1
    assert len(running_bot.world.messages_about(job)) == 1


async def test_a_channel_without_the_bot_asks_for_an_invitation_before_anything_is_stored(
    running_bot: RunningBot,
) -> None:
    job, attic = running(running_bot), running_bot.world.slack.add_channel("attic", bot_is_member=False)
    captured = await running_bot.command(f"track {job}", channel=attic, names=[running_bot.world.olivia.id])

    assert "/invite @ftjob" in captured.reply.plain_text
    assert captured.reply.ephemeral
    assert await running_bot.bot.store.channels.tracks.followers("default", job) == []
    assert attic.messages == []


async def test_what_is_not_tracked_is_untracked_without_a_complaint(running_bot: RunningBot) -> None:
    captured = await running_bot.command(f"untrack {running(running_bot)}")

    assert "That job isn't tracked here" in captured.reply.plain_text
    assert (captured.requests, captured.audit) == ([], [])
