import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.sandbox.faults import Fault
from bot.sandbox.processes import free_port
from tests.readiness import Readiness
from tests.world import World

POST = "chat.postMessage"
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
UNAVAILABLE = Fault("answer", status=503, body={"ok": False, "error": "service_unavailable"})
USED_UP = Fault("answer", status=404, body="used_url")


@contextmanager
def without(database: Path, table: str) -> Iterator[None]:
    """Take a table away from a running bot."""
    with closing(sqlite3.connect(database)) as db:
        db.execute(f"ALTER TABLE {table} RENAME TO away")
        yield
        db.execute(f"ALTER TABLE away RENAME TO {table}")


def limited(seconds: int) -> Fault:
    headers = {"Retry-After": str(seconds)}
    return Fault("answer", status=429, headers=headers, body={"ok": False, "error": "ratelimited"})


async def test_an_alert_that_meets_a_rate_limit_waits_for_its_time_and_arrives_once(world: World) -> None:
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        await world.say(f"track {other}", channel=world.ops)
        before = len(world.slack.request_log.for_endpoint(POST))
        world.slack.faults.add(POST, limited(2))
        world.api.change(job, status="paused")
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint(POST)) > before, why="the refusal"
        )
        world.api.change(other, status="paused")
        await world.until_delivered(other, "Paused", channel=world.ops)
        assert world.delivered(job) == [], "only its own channel waits"
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)

    refused, *_, delivered = world.slack.request_log.for_endpoint(POST)[before:]
    assert delivered.request["channel"] == refused.request["channel"] == world.ml.id
    assert delivered.at - refused.at >= 2
    assert "repeat" not in world.ml.messages[-1].plain_text, "it was certainly not posted before"
    assert len(world.ml.messages) == 2


async def test_alerts_that_an_unavailable_slack_refuses_arrive_later_once_and_in_their_order(world: World) -> None:
    job = world.api.add_job(status="queued")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.slack.faults.add(POST, UNAVAILABLE, UNAVAILABLE)
        for status in ("running", "paused"):
            world.api.change(job, status=status)
            await bot.pollers["default"].poll()
        await world.until_delivered(job, "Running", "Paused")
        await world.until_quiet(bot)

    attempts = [str(entry.request["blocks"][0]) for entry in world.slack.request_log.for_endpoint(POST)[1:]]
    assert ["*Running*" in attempt for attempt in attempts] == [True, True, True, False], "one waits for the other"
    assert world.delivered(job) == ["Running", "Paused"]
    assert not any("repeat" in message.plain_text for message in world.ml.messages)


async def test_an_archived_channel_does_not_hold_up_the_others(world: World) -> None:
    attic = world.slack.add_channel("attic")
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        for channel in (attic, world.ml):
            await world.say(f"track {job}", channel=channel)
        attic.is_archived = True
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    assert world.delivered(job, attic) == []
    refused = [entry for entry in world.slack.request_log.for_endpoint(POST) if not entry.accepted]
    assert len(refused) == 1, "it is not tried again and again"


async def test_a_card_that_somebody_deleted_does_not_swallow_the_alert(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.ml.messages[0].deleted = True
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)

    told, card = sorted(world.ml.messages, key=lambda message: "ftjob_untrack" in message.buttons)
    assert told.thread_ts is None
    assert "· paused" in card.plain_text, "it is posted anew"


async def test_an_answer_whose_response_url_is_used_up_is_shown_to_the_requester_all_the_same(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        world.slack.faults.add("response_url", USED_UP)
        answer = await world.say(f"status {job}", by="milo")

    assert "running" in answer.plain_text
    assert answer.user == world.milo.id
    assert answer.ephemeral
    [shown] = [entry.request for entry in world.slack.request_log.for_endpoint("chat.postEphemeral")]
    assert (shown["user"], shown["channel"]) == (world.milo.id, world.ml.id)
    assert world.ml.messages == []


async def test_an_answer_for_the_channel_reaches_it_without_a_response_url_too(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        world.slack.faults.add("response_url", USED_UP)
        await world.milo.command(f"untrack {job}", world.ml)
        await world.slack.request_log.wait_until(lambda: len(world.ml.messages) == 2, why="the public answer")

    assert f"<@{world.milo.id}> untracked" in world.ml.messages[-1].text
    assert world.slack.ephemerals[-1].user == world.olivia.id, "only she got an answer of her own"


async def test_a_foreign_response_url_is_never_used(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        world.slack.workspace.origin = lambda: f"{world.api.origin}/stolen"
        answer = await world.say(f"status {job}")

    assert "running" in answer.plain_text
    assert [entry.endpoint for entry in world.api.request_log] == ["GET /fine_tuning/jobs/{id}"]
    assert len(world.slack.request_log.for_endpoint("chat.postEphemeral")) == 1


async def test_the_bot_answers_again_after_slack_cut_its_connection(world: World) -> None:
    async with world.bot():
        await world.say("about")
        await world.slack.disconnect_all()
        await world.slack.wait_for_connection()
        answer = await world.say("about")

    assert "ftjob" in answer.plain_text


async def test_a_bot_that_starts_before_slack_polls_jobs_and_posts_them_when_slack_is_up(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
    world.api.change(job, status="paused")
    for what in ("auth.test", "apps.connections.open", POST):
        world.slack.faults.add(what, UNAVAILABLE)

    async with world.bot() as bot:
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)
        answer = await world.say("about")

    assert "ftjob" in answer.plain_text
    assert len(world.ml.messages) == 2


async def test_a_bot_is_not_ready_before_slack_said_who_it_is_and_is_within_seconds_afterwards(world: World) -> None:
    port = free_port()
    readiness = Readiness(port)
    world.slack.faults.always("auth.test", UNAVAILABLE)

    async with world.process(PORT=str(port), FTJOB_HOST="127.0.0.1"):
        assert await readiness.parts() == ["slack"]
        world.slack.faults.clear()
        await readiness.until(ready=True, seconds=10)
        # It is ready when it knows who it is, a moment before it says so.
        await world.slack.request_log.wait_until(lambda: "slack.connected" in "".join(world.log), why="it says so")

    log = "".join(world.log)
    assert [log.count(f"slack.{event}") for event in ("unreachable", "recovered", "connected")] == [1, 1, 1]


async def test_no_secret_reaches_the_log_whatever_breaks(world: World) -> None:
    for style in ("console", "json"):
        async with world.process(FTJOB_LOG=style) as process:
            world.slack.faults.add("response_url", USED_UP)
            world.slack.faults.add("chat.postEphemeral", Fault("answer", status=200, body="no JSON"))
            world.api.faults.add("GET /fine_tuning/jobs", Fault("drop"))
            await world.olivia.command("list", world.ml)
            await world.slack.request_log.wait_until(lambda: "reply.unconfirmed" in "".join(world.log), why="no answer")
            with without(world.folder / "ftjob.db", "track"):
                await world.say("tracked")
            await world.slack.request_log.wait_until(
                lambda: "command.failed" in "".join(world.log), why="an error in the log"
            )
            process.terminate()
            await world.slack.request_log.wait_until(lambda: "bot.stopping" in "".join(world.log), why="the whole log")
        log = "".join(world.log)
        assert "Traceback" in log or '"frames"' in log
        for secret in (world.slack.bot_token, world.slack.app_token, *world.api.keys):
            assert secret not in log
        world.log.clear()
