"""Mutes: what a channel would be told is held back, and then told in one go."""

import copy

import pytest

from bot.sandbox.slack.messages import ChannelMessage
from tests.world import FAST_TUNING, World

HOUR = 3600.0


def summaries(world: World) -> list[str]:
    return [message.plain_text for message in world.ml.messages if "While muted" in message.text]


async def test_a_muted_job_is_summed_up_when_somebody_unmutes_it(any_world: World) -> None:
    world = any_world
    world.tuning = FAST_TUNING
    async with world.bot() as bot:
        job, other = world.api.add_job(status="queued"), world.api.add_job(status="queued")
        for channel in (world.ml, world.ops):
            await world.say(f"track {job} {other}", channel=channel)
        muted = await world.say(f"mute {job} 2h", by="milo")
        for status in ("running", "succeeded"):
            for each in (job, other):
                world.api.change(each, status=status)
            await world.until_quiet(bot)
        await world.until_delivered(other, "Running", "Succeeded")
        assert world.delivered(job) == []
        card = next(message for message in world.messages_about(job) if "ftjob_untrack" in message.buttons)
        await world.slack.request_log.wait_until(lambda: "· succeeded" in card.plain_text, why="the card goes on")

        assert isinstance(muted.displayed, ChannelMessage)
        still_seen = copy.copy(muted.displayed)
        unmuted = await world.press(muted, "ftjob_unmute")
        await world.slack.request_log.wait_until(lambda: summaries(world), why="what was muted")
        assert muted.displayed.buttons == {}, "what is muted no more has no button that ends it"
        again = await world.press(still_seen, "ftjob_unmute")
        await world.until_quiet(bot)

    assert not muted.ephemeral
    assert f"<@{world.milo.id}> muted `{job}` for 2 h" in muted.text
    assert "Results are muted too" in muted.plain_text
    assert f"<@{world.olivia.id}> unmuted `{job}`. A summary of 2 changes" in unmuted.text
    assert not unmuted.ephemeral
    assert again.ephemeral
    assert "Nothing is muted here" in again.plain_text
    [summary] = summaries(world)
    assert "While muted: 2 changes across 1 job" in summary
    assert f"|{job}>* succeeded" in summary
    assert other not in summary
    assert world.delivered(job, world.ops) == ["Running", "Succeeded"], "other channels are not muted"


async def test_a_mute_of_everything_expires_automatically_after_a_restart(world: World) -> None:
    world.tuning = FAST_TUNING
    async with world.bot() as bot:
        await world.say("subscribe")
        await world.say("mute all 2h")
        job = world.api.add_job(status="running")
        await world.until_quiet(bot)
        world.api.change(job, status="failed", error={"code": "bad_file", "message": "Line 7."})
        await world.until_quiet(bot)
        assert world.messages_about(job) == []
        shown = await world.say("settings")
    world.skip(2 * HOUR + 1)
    async with world.bot() as bot:
        await world.slack.request_log.wait_until(lambda: summaries(world), why="what was muted")
        later = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(lambda: world.messages_about(later), why="the card of a new job")
        await world.until_quiet(bot)

    assert "all jobs until" in shown.plain_text
    [summary] = summaries(world)
    assert "While muted: 2 changes across 1 job" in summary
    assert "bad_file: Line 7." in summary
    assert "late" not in summary


async def test_a_mute_in_which_nothing_happened_expires_without_a_message(world: World) -> None:
    world.tuning = FAST_TUNING
    async with world.bot() as bot:
        await world.say("subscribe")
        await world.say("mute all 30m")
        world.skip(HOUR)
        before = list(world.ml.messages)
        ended = await world.say("unmute")
        await world.until_quiet(bot)

    assert ended.ephemeral
    assert world.ml.messages == before


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("mute all 2h", "Nothing is tracked here, so there's nothing to mute. To get started, run `/ftjob subscribe`."),
        ("mute ftjob-abc123 2h", "That job isn't tracked here, so there's nothing to mute."),
        ("mute all 8d", "up to 7 days"),
        ("unmute", "Nothing is muted here."),
        ("unmute ftjob-abc123", "Nothing is muted here."),
    ],
)
async def test_a_mute_that_makes_no_sense_is_refused(world: World, typed: str, said: str) -> None:
    async with world.bot() as bot:
        answer = await world.say(typed)
        assert await bot.store.channels.mutes.in_channel(world.ml.id) == []

    assert answer.ephemeral
    assert said in answer.plain_text


async def test_a_job_is_not_muted_by_the_mute_of_another(world: World) -> None:
    async with world.bot():
        muted, other = world.api.add_job(status="running"), world.api.add_job(status="running")
        await world.say(f"track {muted}")
        await world.say(f"mute {muted} 1h")
        answer = await world.say(f"unmute {other}")

    assert answer.text == f"`{other}` isn't muted."


async def test_one_job_cannot_be_unmuted_while_everything_is(world: World) -> None:
    async with world.bot():
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        await world.say("mute all 1h")
        answer = await world.say(f"unmute {job}")
        by_guest = await world.say("unmute", by="gia")

    assert (
        "isn't muted separately; the whole channel is. To unmute everything here, run `/ftjob unmute`."
        in answer.plain_text
    )
    assert "Guests" in by_guest.plain_text
