"""What a channel gets, as its people choose it."""

from bot.sandbox.slack.messages import ChannelMessage
from bot.store.channels.preferences import Preferences
from tests.world import FAST_TUNING, World


def card_of(world: World, job: str) -> ChannelMessage:
    (card,) = [message for message in world.messages_about(job) if "ftjob_untrack" in message.buttons]
    return card


async def test_a_channel_chooses_its_cards_and_its_alerts(any_world: World) -> None:
    world = any_world
    world.tuning = FAST_TUNING
    async with world.bot() as bot:
        job = world.api.add_job(status="queued", metadata={"team": "search"})
        for channel in (world.ml, world.ops):
            await world.say(f"track {job}", channel=channel)
        shown = await world.say("settings", by="milo")
        changed = await world.say("settings broadcast off size full", by="milo")
        again = await world.say("settings size full")
        await world.slack.request_log.wait_until(
            lambda: "*Metadata*" in card_of(world, job).plain_text, why="a card with everything"
        )
        world.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::x")
        await world.until_delivered(job, "Succeeded")
        await world.until_delivered(job, "Succeeded", channel=world.ops)
        await world.slack.request_log.wait_until(lambda: "· succeeded" in card_of(world, job).plain_text, why="its end")
        later = world.api.add_job(status="queued")
        await world.say(f"track {later}")
        await world.until_quiet(bot)

    assert shown.ephemeral
    assert "results also appear in the channel" in shown.plain_text
    assert not changed.ephemeral
    assert f"<@{world.milo.id}> set broadcast to off" in changed.text
    assert "card size to full" in changed.text
    assert again.ephemeral
    assert "Already set" in again.plain_text
    assert [world.messages_about(job, channel)[-1].reply_broadcast for channel in (world.ml, world.ops)] == [
        False,
        True,
    ]
    assert "team: `search`" in card_of(world, job).plain_text
    assert "search" not in world.messages_about(job, world.ops)[0].plain_text
    assert "*Created*" in card_of(world, later).plain_text


async def test_a_press_changes_a_setting_and_the_channel_reads_who_did_it(any_world: World) -> None:
    world = any_world
    async with world.bot() as bot:
        shown = {name: await world.say("settings", by=name) for name in ("milo", "olivia")}
        off = await world.press(shown["milo"], "ftjob_setting:broadcast", by="milo")
        # Her settings are out of date: what the button would set is set already.
        again = await world.press(shown["olivia"], "ftjob_setting:broadcast")
        failures = await world.press(again, "ftjob_setting:alerts")
        stored = await bot.store.channels.preferences.find(world.ml.id)

    assert "*Broadcast:* off" in off.plain_text
    assert "*Broadcast:* off" in again.plain_text
    assert "*Alerts:* failures" in failures.plain_text
    assert all(reply.replace_original for reply in (off, again, failures))
    assert [message.text for message in world.ml.messages] == [
        f"<@{world.milo.id}> set broadcast to off (results stay in threads) in this channel.",
        f"<@{world.olivia.id}> set alerts to failures (only failed, stuck, or missing jobs and their recovery) in this channel.",
    ]
    assert stored == Preferences(broadcast=False, failures_only=True)


async def test_a_channel_that_wants_failures_alone_gets_cards_and_failures(world: World) -> None:
    world.tuning = FAST_TUNING
    async with world.bot() as bot:
        await world.say("settings alerts failures")
        good = world.api.add_job(status="queued")
        await world.say(f"track {good}")
        await world.say("subscribe")
        bad = world.api.add_job(status="queued")
        for job in (good, bad):
            world.api.change(job, status="running")
        await world.until_quiet(bot)
        world.api.change(good, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::x")
        world.api.change(bad, status="failed")
        await world.until_delivered(bad, "Failed")
        await world.until_quiet(bot)
        await world.slack.request_log.wait_until(
            lambda: "· succeeded" in card_of(world, good).plain_text, why="the card goes on"
        )

    assert world.delivered(good) == []


async def test_a_guest_changes_nothing(world: World) -> None:
    async with world.bot() as bot:
        answer = await world.say("settings broadcast off", by="gia")
        assert (await bot.store.channels.preferences.find(world.ml.id)).broadcast

    assert answer.ephemeral
    assert "Guests" in answer.plain_text
    assert world.ml.messages == []
