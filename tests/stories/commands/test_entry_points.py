"""The Home tab, the message shortcut, and the first word in a channel."""

import pytest

from bot.commands.rate_limit import Limits
from bot.listeners.shortcuts import TRACK_FROM_MESSAGE
from tests.canaries import execute
from tests.stories.commands.test_home import home_of
from tests.world import World


async def test_home_shows_what_is_mine_what_runs_and_how_the_bot_fares(any_world: World) -> None:
    world = any_world
    async with world.bot() as bot:
        empty = await home_of(world, world.olivia)
        assert "You're not tracking any jobs" in empty
        assert "`/ftjob subscribe`" in empty
        assert "No jobs yet." in empty

        mine, other = world.api.add_job(status="running"), world.api.add_job(status="succeeded")
        await world.say(f"track {mine}")
        await bot.pollers["default"].poll()
        world.skip(3)  # what was read a moment ago is shown again
        shown = await home_of(world, world.olivia)
        in_progress, _, results = shown.partition("*In progress*")[2].partition("*Latest results*")
        assert mine in in_progress
        assert other in results
        assert f"Your tracked jobs: *{mine}* in <#{world.ml.id}>" in shown
        assert "API OK" in shown

        milos = await home_of(world, world.milo)
        assert mine in milos
        assert "Your tracked jobs" not in milos, "what Olivia tracks is hers"
        for other_than_us, said in ((world.gia, "Guests can't use ftjob"), (world.sam, "Only members")):
            refused = await home_of(world, other_than_us)
            assert said in refused
            assert mine not in refused


async def test_a_home_shows_a_guest_who_may_read_what_runs_and_offers_nothing_to_follow(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot(FTJOB_ALLOW_GUESTS="1"):
        shown = await home_of(world, world.gia)
        assert job in shown
        assert "track" not in shown
        assert "You're not tracking any jobs" in await home_of(world, world.milo)
        assert "Only members" in await home_of(world, world.sam)


async def test_home_says_that_the_api_does_not_answer(world: World) -> None:
    world.api.keys.clear()
    async with world.bot():
        assert "rejected ftjob's key" in await home_of(world, world.olivia)


async def test_a_shortcut_tracks_the_jobs_that_a_message_names(any_world: World) -> None:
    world = any_world
    first, second = world.api.add_job(status="running"), world.api.add_job(status="queued")
    async with world.bot():
        said = world.milo.post(f"see {first}, and https://platform.openai.com/finetune/{second}?x ({first})", world.ml)
        exchange = await world.milo.shortcut(TRACK_FROM_MESSAGE, said)
        assert exchange.acked
        answer = await exchange.reply()
        assert answer.ephemeral
        assert first in answer.plain_text
        assert second in answer.plain_text
        assert {job for job in (first, second) if world.messages_about(job)} == {first, second}
        assert world.ops.messages == []

        third = world.api.add_job(status="queued")
        said = world.milo.post(f"look:\n{third}\tand \u201c{first}\u201d", world.ml)
        answer = await (await world.milo.shortcut(TRACK_FROM_MESSAGE, said)).reply()
        assert f"Tracking `{third}` here" in answer.plain_text
        card = world.messages_about(third)[0]
        answer = await (await world.milo.shortcut(TRACK_FROM_MESSAGE, card)).reply()
        assert f"`{third}` is already tracked here" in answer.plain_text
        assert "ftjob_" not in answer.plain_text, "the names of buttons are no jobs"

        nothing = world.milo.post("no job here, but file-abc and ft:gpt-4o", world.ml)
        answer = await (await world.milo.shortcut(TRACK_FROM_MESSAGE, nothing)).reply()
        assert "I couldn't find a job ID" in answer.plain_text

        answer = await (await world.gia.shortcut(TRACK_FROM_MESSAGE, said)).reply()
        assert "Guests" in answer.plain_text


async def test_a_channel_that_lets_the_bot_in_is_greeted_once(any_world: World) -> None:
    world = any_world
    fresh = world.slack.add_channel("fresh", bot_is_member=False)
    async with world.bot() as bot:
        await world.slack.invite_bot(fresh)
        await world.slack.request_log.wait_until(lambda: fresh.messages, seconds=300, why="a welcome")
        assert "`/ftjob subscribe`" in fresh.messages[0].plain_text
        assert "`/ftjob track &lt;id&gt;`" in fresh.messages[0].plain_text
        await world.slack.remove_bot(fresh)
        await world.slack.invite_bot(fresh)
        await world.until_quiet(bot)
        assert len(fresh.messages) == 1

        await world.say("subscribe", channel=world.ops)
        before = len(world.ops.messages)
        await world.slack.remove_bot(world.ops)
        await world.slack.invite_bot(world.ops)
        await world.until_quiet(bot)
        assert len(world.ops.messages) == before, "it is at work there already"


async def test_a_channel_that_external_users_read_is_not_greeted(world: World) -> None:
    shared = world.slack.add_channel("with-acme", is_ext_shared=True, bot_is_member=False)
    async with world.bot() as bot:
        await world.slack.invite_bot(shared)
        await world.slack.request_log.wait_until(
            lambda: world.slack.request_log.for_endpoint("conversations.info"), why="it is asked whose it is"
        )
        await world.until_quiet(bot)
        assert "No undelivered messages." in (await world.say("outbox")).plain_text

    assert shared.messages == []


async def test_a_home_that_is_opened_again_at_once_is_shown_again(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        assert job in await home_of(world, world.olivia)
        await world.say(f"track {job}")
        assert "Your tracked jobs" in await home_of(world, world.olivia)
        await world.say("mute all 2h")
        await world.say(f"mute {job} 1h")
        muted = await home_of(world, world.olivia)
        assert f"Muted: `{job}` in <#{world.ml.id}>" in muted
        assert f"all jobs in <#{world.ml.id}>" in muted
        assert "Muted" not in await home_of(world, world.milo)
        await world.say("unmute")
        assert "Muted" not in await home_of(world, world.olivia)


async def test_home_says_so_where_the_store_does_not_answer_and_shows_itself_again_afterwards(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        await world.say(f"track {job}")
        await execute(world.database_url, "ALTER TABLE mute RENAME TO mislaid")
        broken = await home_of(world, world.olivia)
        assert "Couldn't load this page" in broken
        assert job not in broken
        await execute(world.database_url, "ALTER TABLE mislaid RENAME TO mute")
        assert f"Your tracked jobs: *{job}* in <#{world.ml.id}>" in await home_of(world, world.olivia)


async def test_a_home_that_is_refreshed_without_end_is_left_as_it_is(world: World) -> None:
    world.limits = Limits()
    async with world.bot():
        for _ in range(world.limits.person.most):
            await world.olivia.open_home()
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint("views.publish")) == world.limits.person.most,
            why="homes",
        )
        await world.olivia.open_home()
        await home_of(world, world.milo)

    published = [entry.request["user_id"] for entry in world.slack.request_log.for_endpoint("views.publish")]
    assert published.count(world.olivia.id) == world.limits.person.most


async def test_a_shortcut_on_a_reply_tracks_for_its_channel_and_answers_alone(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="queued")
    async with world.bot():
        first = world.milo.post("Any news?", world.ml)
        reply = world.milo.post(f"Mine is {job}.", world.ml, thread_ts=first.ts)
        answer = await (await world.milo.shortcut(TRACK_FROM_MESSAGE, reply)).reply()
        assert f"Tracking `{job}` here" in answer.plain_text
        assert answer.ephemeral
        world.api.change(job, status="running")
        await world.until_delivered(job, "Running")

    [card] = [message for message in world.messages_about(job) if message.metadata and not message.thread_ts]
    assert [message.thread_ts for message in world.messages_about(job) if message.metadata] == [None, card.ts]
    assert world.ops.messages == []


async def test_direct_messages_can_be_subscribed_and_nobody_else_is_notified(any_world: World) -> None:
    world = any_world
    direct = world.slack.direct_message(world.milo)
    async with world.bot() as bot:
        await world.say("subscribe", by="milo", channel=direct)
        job = world.api.add_job(status="running")
        await world.slack.request_log.wait_until(lambda: world.messages_about(job, direct), seconds=300, why="a card")
        world.api.change(job, status="cancelled")
        await world.until_delivered(job, "Canceled", channel=direct)
        await world.until_quiet(bot)

    assert world.ml.messages == world.ops.messages == []
    assert world.slack.direct_message(world.olivia).messages == []


@pytest.mark.parametrize("text", ["", "nothing", "ftjob-", "xftjob-abc", "ft:gpt:acme::ftjob-abc"])
async def test_a_message_without_a_job_tracks_nothing(world: World, text: str) -> None:
    async with world.bot():
        said = world.olivia.post(text, world.ml)
        answer = await (await world.olivia.shortcut(TRACK_FROM_MESSAGE, said)).reply()
    assert "I couldn't find a job ID" in answer.plain_text
    assert [message for message in world.ml.messages if message.metadata] == []
