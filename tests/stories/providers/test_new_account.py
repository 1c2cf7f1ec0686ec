"""An account that is added to the settings: channels that get all jobs get its jobs, too."""

from functools import partial

from tests.stories.providers.accounts import configured, new_api, two_accounts
from tests.world import World


async def test_a_channel_that_subscribed_to_everything_gets_the_jobs_of_a_new_account(any_world: World) -> None:
    world = any_world
    async with world.bot():
        await world.say("subscribe")
        await world.say("subscribe account:default", channel=world.ops)
    async with new_api() as research:
        old = research.add_job(status="running")
        research.jobs[old]["created_at"] -= 1000
        async with world.bot(**configured(world, research)) as bot:
            new = research.add_job(status="queued")
            await world.slack.request_log.wait_until(partial(world.messages_about, new), why="the card of the new job")
            await world.until_quiet(bot)
            listed = await world.say("subscriptions")

    assert "2 subscriptions here" in listed.plain_text
    assert "All new jobs in account `research`" in listed.plain_text
    assert world.messages_about(old) == world.messages_about(new, world.ops) == []


async def test_an_account_whose_subscription_was_removed_does_not_come_back(world: World) -> None:
    async with two_accounts(world) as (bot, _):
        await world.say("subscribe")
        await world.say("unsubscribe account:research")
        before = await bot.store.channels.subscriptions.in_channel(world.ml.id)
    async with two_accounts(world) as (bot, _):
        after = await bot.store.channels.subscriptions.in_channel(world.ml.id)

    assert [each.account for each in before] == [each.account for each in after] == ["default"]
