import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bot.app.bot import Bot
from bot.sandbox.slack.messages import SentReply
from bot.sandbox.slack.rate_limits import RateLimits
from bot.sandbox.slack.workspace import BOT_USER, Channel
from tests.store.seeds import deliveries, enqueue
from tests.world import World, cancel_request, headline

POST = "chat.postMessage"
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
FIRST, SECOND, ALL = "ftjob_retry:0", "ftjob_retry:1", "ftjob_retry_all"


async def parked(world: World, bot: Bot, number: int = 1, *, channel: Channel | None = None) -> None:
    """Wait until so many deliveries of a channel, or of all, are parked."""
    async with asyncio.timeout(300):
        while await parked_now(bot, channel) != number:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.005)
    assert world.slack.violations == []


async def parked_now(bot: Bot, channel: Channel | None = None) -> int:
    outbox = await deliveries(bot.store, channel.id if channel else None)
    return sum(row.state == "parked" for row in outbox)


async def left_alone(world: World, bot: Bot, *, job: str, status: str = "paused") -> None:
    """Track a job in #ml, remove the bot from there, and let the job change, so that its alert is parked."""
    await world.say(f"track {job}")
    await world.slack.remove_bot(world.ml)
    world.api.change(job, status=status)
    await parked(world, bot)


@asynccontextmanager
async def flying_time(world: World, bot: Bot) -> AsyncIterator[None]:
    """Let time go by fast for the bot and for Slack's patience alike."""
    world.slack.rate_limits = RateLimits(lambda: time.time() + world._skipped, burst=1)  # noqa: SLF001 - one time for both

    async def fly() -> None:
        while True:
            world.skip(0.5)
            bot.worker.wake()
            await asyncio.sleep(0.005)

    flying = asyncio.create_task(fly())
    yield
    flying.cancel()
    with suppress(asyncio.CancelledError):
        await flying


def refused(world: World) -> list[str]:
    return [str(entry.request["channel"]) for entry in world.slack.request_log.for_endpoint(POST) if not entry.accepted]


async def test_an_operator_sees_what_is_parked_and_an_invitation_alone_delivers_it(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        seen = await world.say("outbox", channel=world.ops)
        invited = await world.slack.invite_bot(world.ml, inviter=world.olivia)
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)
        after = await world.say("outbox", channel=world.ops)

    assert seen.ephemeral
    for fact in (job, "running → paused", f"<#{world.ml.id}>", "`not_in_channel`", "/invite @ftjob"):
        assert fact in seen.plain_text
    assert invited.acked
    assert "No undelivered messages." in after.plain_text
    assert refused(world) == [world.ml.id]
    assert len(world.ml.messages) == 2
    assert world.ml.messages[1].thread_ts == world.ml.messages[0].ts


async def test_what_is_parked_while_the_bot_is_away_comes_once_and_in_order(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        for nth, status in enumerate(("running", "paused"), start=2):
            world.api.change(job, status=status)
            await parked(world, bot, nth)
        await world.slack.invite_bot(world.ml)
        await world.until_delivered(job, "Paused", "Running", "Paused")
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Paused", "Running", "Paused"]
    assert not any("repeat" in message.plain_text for message in world.ml.messages)


async def test_an_event_that_slack_sends_again_delivers_nothing_again(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        invited = await world.slack.invite_bot(world.ml)
        await world.slack.redeliver(invited)
        await world.until_delivered(job, "Paused")
        await world.slack.redeliver(invited, attempt=2)
        await world.until_quiet(bot)

    assert len(world.ml.messages) == 2


async def test_somebody_elses_arrival_does_not_make_the_bot_try_again(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        await world.slack.send_event("member_joined_channel", user=world.milo.id, channel=world.ml.id)
        await world.slack.send_event("member_joined_channel", user=BOT_USER, channel=world.ops.id)
        await world.until_quiet(bot)
        assert await parked_now(bot) == 1

    assert refused(world) == [world.ml.id]


@pytest.mark.parametrize("is_private", [False, True])
async def test_an_alert_waits_for_its_channel_to_leave_the_archive(world: World, *, is_private: bool) -> None:
    attic = world.slack.add_channel("attic", is_private=is_private)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}", channel=attic)
        attic.is_archived = True
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await parked(world, bot)
        seen = await world.say("outbox")
        event = await world.slack.unarchive(attic, actor=world.olivia)
        await world.until_delivered(job, "Succeeded", channel=attic)
        await world.until_quiet(bot)

    assert "Unarchive it" in seen.plain_text
    assert event.acked
    assert len(attic.messages) == 2


async def test_a_channel_that_forgot_the_bot_in_the_archive_parks_again_with_the_new_reason(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.ml.is_archived = True
        world.api.change(job, status="paused")
        await parked(world, bot)
        world.ml.members.pop(BOT_USER)
        await world.slack.unarchive(world.ml)
        await world.slack.request_log.wait_until(lambda: len(refused(world)) == 2, why="the second refusal")
        await parked(world, bot)
        seen = await world.say("outbox", channel=world.ops)
        await world.slack.invite_bot(world.ml)
        await world.until_delivered(job, "Paused")

    assert "is_archived" not in seen.plain_text
    assert "`not_in_channel`" in seen.plain_text


@pytest.mark.parametrize(
    ("who", "said"),
    [("milo", "Only operators can do this"), ("gia", "Guests"), ("sam", "Only members of this workspace")],
)
async def test_nobody_but_an_operator_sees_the_outbox(world: World, who: str, said: str) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        answer = await world.say("outbox", by=who, channel=world.ops)

    assert said in answer.plain_text
    assert answer.ephemeral
    assert answer.buttons == {}
    assert job not in answer.plain_text
    assert world.ml.id not in answer.plain_text


@pytest.mark.parametrize("who", ["milo", "gia", "sam"])
async def test_nobody_but_an_operator_can_press_its_buttons(world: World, who: str) -> None:
    job, other = (world.api.add_job(status="running") for _ in range(2))

    async with world.bot() as bot:
        await world.say(f"track {other}")
        await left_alone(world, bot, job=job)
        world.api.change(other, status="paused")
        await parked(world, bot, 2)
        seen = await world.say("outbox", channel=world.ops)
        world.ml.members.setdefault(BOT_USER)
        for action in (FIRST, ALL):
            answer = await world.press(seen, action, by=who)
            assert not answer.replace_original
        await world.until_quiet(bot)
        assert await parked_now(bot) == 2

    assert len(world.ml.messages) == 2, "the cards alone"


async def test_somebody_who_is_no_operator_any_more_cannot_press_them_either(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        seen = await world.say("outbox", channel=world.ops)
        world.olivia.is_admin = False
        world.skip(301)
        answer = await world.press(seen, FIRST)
        assert await parked_now(bot) == 1

    assert "Only operators can do this" in answer.plain_text


async def test_a_retry_before_it_is_fixed_parks_it_again_and_one_after_delivers_it(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        answer = await world.press(await world.say("outbox", channel=world.ops), FIRST)
        await world.slack.request_log.wait_until(lambda: len(refused(world)) == 2, why="the second refusal")
        await parked(world, bot)
        seen = await world.say("outbox", channel=world.ops)
        world.ml.members.setdefault(BOT_USER)
        await world.press(seen, FIRST)
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)

    assert "Retrying 1 message." in answer.plain_text
    assert answer.ephemeral
    assert answer.replace_original
    assert job in seen.plain_text
    assert len(world.ml.messages) == 2


async def test_a_row_that_was_delivered_meanwhile_says_so(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        seen = await world.say("outbox", channel=world.ops)
        await world.slack.invite_bot(world.ml)
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)
        answer = await world.press(seen, FIRST)
        await world.until_quiet(bot)

    assert "already delivered" in answer.plain_text
    assert "No undelivered messages." in answer.plain_text
    assert len(world.ml.messages) == 2


async def test_two_clicks_at_once_are_one_retry(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await left_alone(world, bot, job=job)
        seen = await world.say("outbox", channel=world.ops)
        world.ml.members.setdefault(BOT_USER)
        clicks = await asyncio.gather(*(world.olivia.click(seen, FIRST) for _ in range(2)))
        replies: list[SentReply] = [await click.reply() for click in clicks]
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)

    assert sorted("Retrying 1 message." in reply.plain_text for reply in replies) == [False, True]
    assert len(world.ml.messages) == 2


async def test_one_of_several_is_retried_and_the_others_stay_in_the_list(world: World) -> None:
    first, second = (world.api.add_job(status="running") for _ in range(2))

    async with world.bot() as bot:
        await world.say(f"track {second}")
        await left_alone(world, bot, job=first)
        world.api.change(second, status="paused")
        await parked(world, bot, 2)
        seen = await world.say("outbox", channel=world.ops)
        world.ml.members.setdefault(BOT_USER)
        answer = await world.press(seen, SECOND)
        await world.until_delivered(second, "Paused")
        await world.until_quiet(bot)
        assert await parked_now(bot) == 1

    assert "1 message couldn't be delivered" in answer.plain_text
    assert list(answer.buttons) == [FIRST], "the one that is left"
    assert world.delivered(first) == []


async def test_fifty_that_are_parked_are_shown_and_retried_in_their_order(world: World) -> None:
    channels = [world.slack.add_channel(f"attic-{n}", is_archived=True) for n in range(5)]

    async with world.bot() as bot, flying_time(world, bot):
        changes = await enqueue(bot.store, *(channel.id for channel in channels for _ in range(10)))
        jobs = [(await bot.store.jobs.changes.find(change)).job_id for change in changes]
        await parked(world, bot, 50)
        seen = await world.say("outbox")
        assert all(channel.messages == [] for channel in channels)
        for channel in channels:
            channel.is_archived = False
        answer = await world.press(seen, ALL)
        await world.slack.request_log.wait_until(
            lambda: sum(len(channel.messages) for channel in channels) == 50, why="fifty messages"
        )
        await world.until_quiet(bot)
        after = await world.say("outbox")

    assert "50 messages couldn't be delivered" in seen.plain_text
    assert "Showing the oldest 20 of 50;" in seen.plain_text
    assert [job for job in jobs if job in seen.plain_text] == jobs[:20]
    assert "Retrying 50 messages" in answer.plain_text
    for nth, channel in enumerate(channels):
        told = [message.text for message in channel.messages]
        assert [job in text for job, text in zip(jobs[nth * 10 : nth * 10 + 10], told, strict=True)] == [True] * 10
        assert {headline(message) for message in channel.messages} == {"Running"}
    assert "No undelivered messages." in after.plain_text


@pytest.mark.parametrize("repair", ["invitation", "button"])
async def test_a_retry_is_begun_at_once_with_no_poll_to_wait_for(world: World, repair: str) -> None:
    secret = world.slack.add_channel("secret", is_private=True, bot_is_member=False)

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await enqueue(bot.store, secret.id)
        bot.worker.wake()
        await parked(world, bot)
        seen = await world.say("outbox")
        if repair == "invitation":
            await world.slack.invite_bot(secret)
        else:
            secret.members.setdefault(BOT_USER)
            await world.press(seen, FIRST)
        await world.slack.request_log.wait_until(lambda: secret.messages, why="the message")

    assert "`channel_not_found`" in seen.plain_text
    assert "/invite @ftjob" in seen.plain_text


async def test_what_is_still_pending_is_counted(world: World) -> None:
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        async with bot.store.db.transaction() as tx:
            await bot.store.outbox.deliveries.pause_channel(tx, world.ml.id, 3600)
        await enqueue(bot.store, world.ml.id, world.ml.id)
        answer = await world.say("outbox")

    assert "No failed messages. 2 messages pending, the oldest for" in answer.plain_text


async def test_a_read_only_bot_still_retries_dead_letters(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_READ_ONLY="1") as bot:
        await left_alone(world, bot, job=job)
        seen = await world.say("outbox", channel=world.ops)
        world.ml.members.setdefault(BOT_USER)
        await world.press(seen, FIRST)
        await world.until_delivered(job, "Paused")

    assert cancel_request(job) not in world.actions
