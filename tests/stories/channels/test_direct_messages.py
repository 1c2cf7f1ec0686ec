"""Direct messages: they end with the rights of the person, wait while Slack cannot be asked, and everybody may stop them."""

import pytest

from bot.app.bot import Bot
from bot.jobs.actions import Decision
from bot.sandbox.faults import Fault
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel
from tests.store.seeds import deliveries
from tests.world import FAST_TUNING, World

INFO = "users.info"
MODEL = "ft:gpt-4o:acme:secret"
UNREACHABLE = Fault("answer", status=429, headers={"Retry-After": "1"}, body={"ok": False, "error": "ratelimited"})


def lose(person: SandboxUser, how: str) -> None:
    """Let somebody lose their rights in the workspace."""
    match how:
        case "a guest":
            person.is_restricted = True
        case "deactivated":
            person.deleted = True
        case "a stranger":
            person.team_id = "T0THEIRS"
        case "gone":
            person.is_visible = False


async def until_ended(world: World, bot: Bot, direct: Channel) -> None:
    """Wait until nobody follows anything in direct messages."""

    async def followed() -> int:
        stored = bot.store.channels
        return len(await stored.tracks.in_channel(direct.id)) + len(await stored.subscriptions.in_channel(direct.id))

    await world.until_quiet(bot)
    assert await followed() == 0


@pytest.mark.parametrize("how", ["a guest", "deactivated", "a stranger", "gone"])
async def test_who_loses_their_rights_is_sent_nothing_more_and_follows_nothing_more(any_world: World, how: str) -> None:
    world = any_world
    job, other = (world.api.add_job(status="running") for _ in range(2))

    async with world.bot() as bot:
        await world.say(f"track {job} me", by="milo")
        await world.say(f"track {other}", by="milo")
        direct = world.slack.direct_message(world.milo)
        await world.say(f"track {other}", by="milo", channel=direct)
        await world.say("subscribe", by="milo", channel=direct)
        await world.until_quiet(bot)
        before = len(direct.messages)
        lose(world.milo, how)
        world.skip(301)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        world.api.change(other, status="failed")
        await until_ended(world, bot, direct)
        await world.until_delivered(other, "Failed")
        new = world.api.add_job(status="queued")
        await world.until_quiet(bot)
        rows = [row.entry async for row in bot.store.actions.audit.all()]
        undelivered = [row for row in await deliveries(bot.store, direct.id) if row.state != "sent"]
        listed = await world.say("outbox")

    assert len(direct.messages) == before
    assert MODEL not in "".join(message.plain_text for message in direct.messages)
    assert not [message for message in direct.messages if new in message.plain_text]
    ended = [(row.person, row.channel, row.decision) for row in rows if row.verb == "direct messages"]
    assert ended == [(world.milo.id, direct.id, Decision.DENIED)], "once"
    assert {(row.state, row.error) for row in undelivered} == {("dead", "person_lost_access")}
    assert "No undelivered messages." in listed.plain_text, "nobody is sent it any more"


async def test_a_card_in_direct_messages_is_not_edited_for_somebody_who_lost_their_rights(world: World) -> None:
    world.tuning = FAST_TUNING
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job} me", by="milo")
        direct = world.slack.direct_message(world.milo)
        world.milo.is_ultra_restricted = True
        world.skip(301)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await until_ended(world, bot, direct)

    assert MODEL not in direct.messages[0].plain_text


async def test_direct_messages_wait_while_slack_cannot_say_who_that_is_and_none_is_lost(world: World) -> None:
    job, other = (world.api.add_job(status="running") for _ in range(2))

    async with world.bot() as bot:
        await world.say(f"track {job} me", by="milo")
        await world.say(f"track {other}")
        direct = world.slack.direct_message(world.milo)
        world.skip(86_401)
        world.slack.faults.always(INFO, UNREACHABLE)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        world.api.change(other, status="failed")
        await world.until_delivered(other, "Failed")
        asked = len(world.slack.request_log.for_endpoint(INFO))
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint(INFO)) > asked, why="it is tried again"
        )
        assert len(direct.messages) == 1
        [waiting] = await deliveries(bot.store, direct.id)
        assert waiting.state in ("pending", "inflight")
        world.slack.faults.clear()
        world.skip(60)
        bot.worker.wake()
        await world.until_delivered(job, "Succeeded", channel=direct)

    assert MODEL in "".join(message.plain_text for message in direct.messages)


async def test_for_a_day_slacks_last_word_is_enough_for_direct_messages(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job} me", by="milo")
        direct = world.slack.direct_message(world.milo)
        world.skip(3600)
        world.slack.faults.always(INFO, UNREACHABLE)
        world.api.change(job, status="failed")
        await world.until_delivered(job, "Failed", channel=direct)


@pytest.mark.parametrize("how", ["a guest", "a stranger", "gone"])
@pytest.mark.parametrize("verb", ["untrack {job}", "untrack all", "unsubscribe", "mute all 7d"])
async def test_who_lost_their_rights_may_still_stop_their_own_direct_messages_and_learns_nothing(
    world: World, verb: str, how: str
) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        direct = world.slack.direct_message(world.milo)
        await world.say(f"track {job}", by="milo", channel=direct)
        await world.say(f"track {job}", by="milo")
        await world.say("subscribe", by="milo", channel=direct)
        lose(world.milo, how)
        world.skip(301)
        answer = await world.say(verb.format(job=job), by="milo", channel=direct)
        again = await world.say(verb.format(job=job), by="milo", channel=direct)
        refused = await world.say(verb.format(job=job), by="milo")
        tracked = len(await bot.store.channels.tracks.in_channel(direct.id))
        subscribed = len(await bot.store.channels.subscriptions.in_channel(direct.id))
        muted = len(await bot.store.channels.mutes.in_channel(direct.id))
        assert len(await bot.store.channels.tracks.in_channel(world.ml.id)) == 1

    # Whatever comes next for them, such as their card's edit, finds their rights gone and ends the rest.
    left = {"untrack": tracked, "unsubscribe": subscribed, "mute": 1 - muted}
    assert left[verb.split(maxsplit=1)[0]] == 0
    assert answer.plain_text == again.plain_text
    assert answer.plain_text.startswith("Done. If those alerts were turned on here, they're off now.")
    assert job not in answer.plain_text
    assert not refused.plain_text.startswith("Done."), "that is not theirs alone"


async def test_who_may_only_stop_is_shown_no_subscriptions_to_choose_from(world: World) -> None:
    async with world.bot() as bot:
        direct = world.slack.direct_message(world.milo)
        await world.say("subscribe failed", by="milo", channel=direct)
        await world.say("subscribe team=search", by="milo", channel=direct)
        lose(world.milo, "a guest")
        world.skip(301)
        answer = await world.say("unsubscribe", by="milo", channel=direct)
        left = await bot.store.channels.subscriptions.in_channel(direct.id)

    assert answer.plain_text.startswith("Done.")
    assert "search" not in answer.plain_text
    assert left == []


async def test_a_stop_works_while_slack_cannot_say_who_that_is(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job} me", by="milo")
        direct = world.slack.direct_message(world.milo)
        world.skip(86_401)
        world.slack.faults.always(INFO, UNREACHABLE)
        answer = await world.press(direct.messages[0], "ftjob_untrack", by="milo")
        assert await bot.store.channels.tracks.in_channel(direct.id) == []

    assert answer.plain_text.startswith("Done.")
