"""A channel whose id changes: it goes on being told, everything once, under its new id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.app.bot import Bot
from bot.blocks.notice import NoticeKind
from bot.store.jobs.cards import RateLimit
from bot.tracking.notices import Notices
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def until(check: Callable[[], Awaitable[Any]]) -> None:
    """Wait until the store says so."""
    async with asyncio.timeout(300):
        while not await check():  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("takes_old", [False, True], ids=["the old id is gone", "the old id is taken, too"])
async def test_a_channel_keeps_all_that_it_has_when_its_id_changes(any_world: World, *, takes_old: bool) -> None:
    world = any_world
    secret = world.slack.add_channel("secret", is_private=True, prefix="G")
    job, muted = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job} {muted}", channel=secret)
        await world.say("subscribe", channel=secret)
        await world.say(f"mute {muted} 2h", channel=secret)
        await world.slack.change_channel_id(secret, accepts_old_id=takes_old)
        await until(lambda: bot.store.channels.tracks.in_channel(secret.id))
        new = world.api.add_job(status="running")
        await world.slack.request_log.wait_until(
            lambda: world.messages_about(new, secret), why="the new job is announced"
        )
        for each in (job, muted, new):
            world.api.change(each, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded", channel=secret)
        await world.until_delivered(new, "Succeeded", channel=secret)
        await world.until_quiet(bot)
        assert world.delivered(muted, secret) == []
        assert "succeeded" in next(message.plain_text for message in world.messages_about(job, secret)), (
            "its card is edited"
        )
    assert world.delivered(job, secret) == ["Succeeded"]


async def parked(bot: Bot) -> int:
    """Return how many alerts are parked."""
    return (await bot.store.outbox.dead_letters.by_state())["parked"]


async def unconfirmed_count(bot: Bot) -> int:
    """Return how many alerts may have arrived."""
    return (await bot.store.outbox.dead_letters.by_state())["unconfirmed"]


async def test_what_was_parked_for_the_old_id_is_delivered_once_the_event_comes(any_world: World) -> None:
    world = any_world
    secret = world.slack.add_channel("secret", is_private=True, prefix="G")
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}", channel=secret)
        old = world.slack.workspace.change_channel_id(secret, accepts_old_id=False)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await until(lambda: parked(bot))
        for _ in range(2):
            await world.slack.send_event("channel_id_changed", old_channel_id=old, new_channel_id=secret.id)
        await world.until_delivered(job, "Succeeded", channel=secret)
        await world.until_quiet(bot)
    assert world.delivered(job, secret) == ["Succeeded"]


async def test_an_alert_is_posted_once_where_slack_answers_with_another_id(world: World) -> None:
    secret = world.slack.add_channel("secret", is_private=True, prefix="G")
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}", channel=secret)
        world.slack.workspace.change_channel_id(secret, accepts_old_id=True)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded", channel=secret)
        await until(lambda: unconfirmed_count(bot))
        world.skip(60)
        bot.worker.wake()
        await world.until_quiet(bot)
        await until(lambda: are_shown(bot))
    assert world.delivered(job, secret) == ["Succeeded"]


async def are_shown(bot: Bot) -> bool:
    """Whether every card shows the present."""
    return await bot.store.jobs.cards.seconds_to_next(RateLimit()) is None


async def test_the_channel_of_operators_is_still_notified_and_the_log_names_the_setting(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    ops = world.slack.add_channel("operators", is_private=True, prefix="G")
    set_to = {"FTJOB_OPS_CHANNEL": ops.id}
    async with world.bot(**set_to) as bot:
        await world.slack.change_channel_id(ops)
        while "settings.ops_channel_moved" not in capsys.readouterr().out:  # noqa: ASYNC110 - a log tells nobody
            await asyncio.sleep(0.01)
        async with bot.store.db.transaction() as tx:
            notices = Notices(bot.store, set_to["FTJOB_OPS_CHANNEL"])
            await notices.enqueue(tx, NoticeKind.STORE_LOST, "store", began_at=0.0)
        bot.worker.wake()
        await world.slack.request_log.wait_until(lambda: ops.messages, why="the notice")
        await world.until_quiet(bot)
    async with world.bot(**set_to):
        assert "settings.ops_channel_moved" in capsys.readouterr().out
