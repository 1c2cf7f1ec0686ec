"""Delivery counts after commands and buttons, with the real bot: what each of them makes pending."""

import pytest

from bot.sandbox.faults import Fault
from tests.sandbox.demo.oracle.counts_reader import SERVER_ERROR, CountsReader, finish, poll_all
from tests.world import World

SUBSCRIPTIONS = {
    "subscribe": ({}, {"succeeded", "failed", "cancelled"}),
    "subscribe failed": ({}, {"failed"}),
    "subscribe finished team=search": ({"team": "search"}, {"succeeded", "failed", "cancelled"}),
    "subscribe team=search": ({"team": "ads"}, set()),
    "subscribe mine": ({"slack_user": "U0NOBODY"}, set()),
    "subscribe model:gpt-4o*": ({}, {"succeeded", "failed", "cancelled"}),
    "subscribe model:gpt-4o-mini": ({}, {"succeeded", "failed", "cancelled"}),
    "subscribe model:babbage* cancelled": ({}, set()),
    "subscribe cancelled succeeded": ({}, {"succeeded", "cancelled"}),
    "SUBSCRIBE Failed": ({}, {"failed"}),
    "subscribe, `failed`": ({}, {"failed"}),
    "subscribe failed,succeeded": ({}, {"failed", "succeeded"}),
    "subscribe “failed” team='big vision'": ({"team": "big vision"}, {"failed"}),
    "subscribe team='search'.": ({"team": "search"}, {"succeeded", "failed", "cancelled"}),
    "subscribe Error done": ({}, {"succeeded", "failed", "cancelled"}),
    "help": ({}, set()),
    "subscribe nonsense": ({}, set()),
}


@pytest.mark.parametrize("typed", SUBSCRIPTIONS)
async def test_subscribe_commands_are_parsed_as_by_the_bot(world: World, typed: str) -> None:
    reader = CountsReader(world)
    metadata, expected = SUBSCRIPTIONS[typed]

    async with world.bot() as bot:
        await world.say(typed)
        jobs = {
            status: world.api.add_job(status="running", metadata=metadata)
            for status in ("succeeded", "failed", "cancelled")
        }
        await poll_all(bot)
        for status, job in jobs.items():
            finish(world, job, status=status)
        if expected:
            assert reader.read()[1] == len(expected)
        await world.until_quiet(bot)

    assert reader.read() == ("green", 0, 0)
    assert {status for status, job in jobs.items() if _headlines(world, job)} == expected


def _headlines(world: World, job: str) -> list[str]:
    return [each for each in world.delivered(job) if each in ("Succeeded", "Failed", "Canceled")]


STEPS: dict[str, tuple[list[str], int]] = {
    "a track": (["track {job}"], 1),
    "a track by another word for it": (["WATCH `{job}`."], 1),
    "a track in direct messages": (["track {job} me"], 1),
    "a track in another channel": (["track {job} in #ops"], 1),
    "two tracks": (["track {job}", "track {job} in #ops"], 2),
    "a track that a guest asked for": (["gia: track {job}"], 0),
    "a track that ended": (["track {job}", "untrack {job}"], 0),
    "all tracks that ended": (["subscribe", "untrack all"], 0),
    "an end of tracks that a guest asked for": (["track {job}", "gia: untrack {job}"], 1),
    "a track, ended and begun again": (["track {job}", "untrack {job}", "track {job}"], 1),
    "a subscription to nothing of it, and a track": (["subscribe cancelled", "track {job}"], 1),
    "a subscription that ended after it had the job": (["subscribe", "unsubscribe"], 1),
    "a mute": (["track {job}", "mute all 1h"], 0),
    "a mute of the job": (["track {job}", "mute {job} 30m"], 0),
    "a mute that ended": (["track {job}", "mute {job} 2h", "unmute"], 1),
    "a mute of another job": (["track {job}", "track {other}", "mute {other} 2h"], 1),
    "failures alone": (["track {job}", "settings alerts failures"], 0),
    "failures alone, and all again": (["track {job}", "settings alerts failures", "settings alerts all"], 1),
    "a question": (["status {job}", "list"], 0),
}


@pytest.mark.parametrize("steps", STEPS)
async def test_commands_decide_what_is_pending(world: World, steps: str) -> None:
    reader = CountsReader(world)
    job, other = (world.api.add_job(status="running") for _ in range(2))
    typed, pending = STEPS[steps]

    async with world.bot():
        for each in typed:
            by, _, text = each.rpartition(": ")
            await world.say(text.format(job=job, other=other), by=by or "olivia")
    finish(world, job)
    assert reader.read() == ("amber" if pending else "green", pending, 0)

    async with world.bot() as bot:
        await world.until_quiet(bot)
        await reader.wait_until("green", 0, 0)


@pytest.mark.parametrize("name", ["ranker v7", "*b* `c` _d_ <!here>", "n" * 200, "\u05d3\u05d2\u05dd 7", "\U0001f680"])
async def test_a_job_that_a_subscription_has_is_tracked_by_its_name(world: World, name: str) -> None:
    reader = CountsReader(world)

    async with world.bot() as bot:
        await world.say("subscribe cancelled")
        job = world.api.add_job(status="running", metadata={"name": name})
        await poll_all(bot)
        answer = await world.say(f"track {job} ftjob-nosuch")
    finish(world, job)

    assert job not in answer.plain_text
    assert reader.read() == ("amber", 1, 0)


FAILED_COMMANDS = {
    "a question which subscription shall end, and the end of another": [
        "subscribe failed",
        "unsubscribe",
        "unsubscribe 2",
    ],
    "a mute that is too long": ["mute all 30d"],
    "a setting beside one that is none": ["settings alerts failures size big"],
    "an end of tracks with a word too many": ["untrack all please"],
    "an end of subscriptions with a word too many": ["unsubscribe all please"],
}


@pytest.mark.parametrize("steps", FAILED_COMMANDS)
async def test_commands_that_failed_stop_no_notification(world: World, steps: str) -> None:
    reader = CountsReader(world)

    async with world.bot():
        await world.say("subscribe")
        for each in FAILED_COMMANDS[steps]:
            await world.say(each)
    finish(world, world.api.add_job(status="running"))
    assert reader.read(is_outage=True) == ("amber", 1, 0)

    async with world.bot() as bot:
        await world.until_quiet(bot)
        await reader.wait_until("green", 0, 0)


async def test_buttons_count_as_commands(world: World) -> None:
    reader = CountsReader(world)
    job, other = (world.api.add_job(status="running") for _ in range(2))

    async with world.bot() as bot:
        for each in (job, other):
            await world.press(await world.say(f"status {each}"), "ftjob_track")
        await world.say("mute all 1h")
        await world.press(world.ml.messages[-1], "ftjob_unmute")
        [card] = [message for message in world.messages_about(other) if "ftjob_untrack" in message.buttons]
        await world.press(card, "ftjob_untrack")
        world.slack.faults.always("chat.postMessage", SERVER_ERROR)
        finish(world, job, other)
        await poll_all(bot)
        assert reader.read()[1] == 1


@pytest.mark.parametrize(("presses", "pending"), [(0, 1), (1, 0), (2, 1)])
async def test_a_pressed_setting_counts_as_a_typed_one(world: World, presses: int, pending: int) -> None:
    reader = CountsReader(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        shown = await world.say("settings")
        for _ in range(presses):
            shown = await world.press(shown, "ftjob_setting:alerts")
        world.slack.faults.always("chat.postMessage", SERVER_ERROR)
        finish(world, job)
        await poll_all(bot)
        assert reader.read()[1] == pending


@pytest.mark.parametrize("typed", ["subscribe", "track {job}"])
async def test_a_command_that_the_reply_reports_as_failed_makes_nothing_pending(world: World, typed: str) -> None:
    reader = CountsReader(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        world.slack.faults.add("chat.postMessage", Fault("drop", accepted=True))
        answer = await world.say(typed.format(job=job))
        assert "Nothing was saved" in answer.plain_text
        assert len(world.ml.messages) == 1, "it stands there all the same"
        finish(world, job)
        await world.until_quiet(bot)

    assert reader.read() == ("green", 0, 0)


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_untrack_counts_even_if_its_reply_is_lost(world: World, *, accepted: bool) -> None:
    reader = CountsReader(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.slack.faults.add("response_url", Fault("drop", accepted=accepted))
        interaction = await world.olivia.command(f"untrack {job}", world.ml)
        await interaction.reply()
        finish(world, job)
        await poll_all(bot)
        await world.until_quiet(bot)

    assert reader.read() == ("green", 0, 0)
