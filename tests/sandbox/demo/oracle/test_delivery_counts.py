"""Delivery counts with the real bot: pending results in an outage, lost results, duplicates."""

import pytest

from bot.sandbox.demo.oracle.delivery_check import LATE_AFTER_SECONDS, MAX_STEP_SECONDS
from tests.sandbox.demo.oracle.counts_reader import SERVER_ERROR, CountsReader, finish, poll_all
from tests.world import World


async def test_two_results_are_pending_during_a_slack_outage_and_none_after_it(world: World) -> None:
    reader = CountsReader(world)
    jobs = [world.api.add_job(status="running") for _ in range(2)]

    async with world.bot() as bot:
        await world.say("subscribe")
        assert reader.read() == ("green", 0, 0)
        world.slack.faults.always("*", SERVER_ERROR)
        finish(world, *jobs)
        await poll_all(bot)
        assert reader.read(is_outage=True) == ("amber", 2, 0)
        assert reader.watch(3600, is_outage=True) == ("amber", 2, 0), "however long that lasts"
        world.slack.faults.clear()
        await reader.wait_until("green", 0, 0)
        await world.until_quiet(bot)
        assert reader.read() == ("green", 0, 0)


async def test_results_are_pending_while_the_bot_is_down_even_of_unseen_jobs(world: World) -> None:
    reader = CountsReader(world)
    tracked = world.api.add_job(status="running")

    async with world.bot():
        await world.say("subscribe")
    new = world.api.add_job(status="running")
    finish(world, tracked, new, status="failed")
    assert reader.read(is_outage=True) == ("amber", 2, 0)

    async with world.bot() as bot:
        await reader.wait_until("green", 0, 0)
        await world.until_quiet(bot)
    assert reader.read() == ("green", 0, 0)


async def test_a_result_for_a_channel_without_the_bot_is_pending_until_its_invitation(world: World) -> None:
    reader = CountsReader(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        await world.slack.remove_bot(world.ml)
        finish(world, job)
        await poll_all(bot)
        assert reader.watch(3600) == ("amber", 1, 0)
        await world.slack.invite_bot(world.ml)
        await reader.wait_until("green", 0, 0)


async def test_a_bot_that_lost_its_data_turns_the_check_red(world: World) -> None:
    reader = CountsReader(world)
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
    finish(world, job)
    # Nobody will ever tell it: the bot that was asked is gone, as one without its memory is.
    assert reader.watch(LATE_AFTER_SECONDS - MAX_STEP_SECONDS) == ("amber", 1, 0)
    assert reader.watch(2 * MAX_STEP_SECONDS) == ("red", 1, 0)


async def test_a_duplicate_reply_is_counted(world: World) -> None:
    reader = CountsReader(world)

    async with world.bot():
        for typed in ("help", "help", "about"):
            await world.say(typed)
        assert reader.read() == ("green", 0, 0)
        first = world.slack.ephemerals[0]
        world.slack.handle(
            "chat.postEphemeral",
            {"channel": world.ml.id, "user": world.olivia.id, "text": first.text, "blocks": first.blocks},
        )
        assert reader.read() == ("red", 0, 1)


@pytest.mark.parametrize("same_key", [True, False])
async def test_a_duplicate_result_is_counted(world: World, *, same_key: bool) -> None:
    reader = CountsReader(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        finish(world, job)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)
        assert reader.read() == ("green", 0, 0)

    told = world.ml.messages[-1]
    metadata = told.metadata if same_key else {"event_type": "ftjob_alert", "event_payload": {"k": "another"}}
    again = {"channel": world.ml.id, "text": told.text, "blocks": told.blocks, "metadata": metadata}
    world.slack.handle("chat.postMessage", again | {"thread_ts": told.thread_ts})
    assert reader.read() == ("red", 0, 1)
