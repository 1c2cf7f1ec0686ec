"""The page's numbers, with the real bot between the stand-ins: what is pending in an outage, and what is lost for good."""

import pytest

from bot.app.build import Bot
from bot.sandbox.demo.oracle.delivery_check import LATE_AFTER_SECONDS, MAX_STEP_SECONDS
from bot.sandbox.demo.oracle.delivery_counts import RECOVERY_SECONDS, DeliveryCounts
from bot.sandbox.faults import Fault
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
BROKEN = Fault("answer", status=500)


def finish(world: World, *jobs: str, status: str = "succeeded") -> None:
    for job in jobs:
        more = {"fine_tuned_model": MODEL} if status == "succeeded" else {}
        world.api.change(job, status=status, **more)


class Eyes:
    """Somebody who looks at the numbers, with a clock of their own."""

    def __init__(self, world: World) -> None:
        self._now = 0.0
        self._world = world
        self._counts = DeliveryCounts(world.slack, world.api, monotonic=lambda: self._now)

    def see(self, *, broken: bool = False) -> tuple[str, int, int]:
        """Return the color, what is pending and what is doubled."""
        seen = self._counts.current({"slack": RECOVERY_SECONDS} if broken else {})
        return seen["check"].value, seen["pending"], seen["duplicates"]

    def watch(self, seconds: float, *, broken: bool = False) -> tuple[str, int, int]:
        """Keep looking for so long; return what is seen at the end."""
        for _ in range(int(seconds / MAX_STEP_SECONDS) + 1):
            self._now += MAX_STEP_SECONDS
            self.see(broken=broken)
        return self.see(broken=broken)

    async def until(self, *expected: object, broken: bool = False) -> None:
        def seen() -> object:
            return self.see(broken=broken)

        await self._world.slack.request_log.wait_until(lambda: seen() == expected, why=f"{expected}, not {seen()}")


async def swept(bot: Bot) -> None:
    for sweeper in bot.pollers.values():
        await sweeper.poll()


async def test_two_results_are_pending_while_slack_is_broken_and_none_after_it(world: World) -> None:
    eyes = Eyes(world)
    jobs = [world.api.add_job(status="running") for _ in range(2)]

    async with world.bot() as bot:
        await world.say("subscribe")
        assert eyes.see() == ("green", 0, 0)
        world.slack.faults.always("*", BROKEN)
        finish(world, *jobs)
        await swept(bot)
        assert eyes.see(broken=True) == ("amber", 2, 0)
        assert eyes.watch(3600, broken=True) == ("amber", 2, 0), "however long that lasts"
        world.slack.faults.clear()
        await eyes.until("green", 0, 0)
        await world.until_quiet(bot)
        assert eyes.see() == ("green", 0, 0)


async def test_results_are_pending_while_the_bot_is_dead_also_of_jobs_that_it_never_saw(world: World) -> None:
    eyes = Eyes(world)
    tracked = world.api.add_job(status="running")

    async with world.bot():
        await world.say("subscribe")
    new = world.api.add_job(status="running")
    finish(world, tracked, new, status="failed")
    assert eyes.see(broken=True) == ("amber", 2, 0)

    async with world.bot() as bot:
        await eyes.until("green", 0, 0)
        await world.until_quiet(bot)
    assert eyes.see() == ("green", 0, 0)


async def test_a_result_for_a_channel_without_the_bot_is_pending_until_it_is_invited(world: World) -> None:
    eyes = Eyes(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        await world.slack.remove_bot(world.ml)
        finish(world, job)
        await swept(bot)
        assert eyes.watch(3600) == ("amber", 1, 0)
        await world.slack.invite_bot(world.ml)
        await eyes.until("green", 0, 0)


async def test_a_bot_that_forgot_what_it_owes_turns_the_check_red(world: World) -> None:
    eyes = Eyes(world)
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
    finish(world, job)
    # Nobody will ever tell it: the bot that was asked is gone, as one without its memory is.
    assert eyes.watch(LATE_AFTER_SECONDS - MAX_STEP_SECONDS) == ("amber", 1, 0)
    assert eyes.watch(2 * MAX_STEP_SECONDS) == ("red", 1, 0)


ASKED = {
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


@pytest.mark.parametrize("typed", ASKED)
async def test_what_people_subscribed_to_is_read_as_the_bot_does_it(world: World, typed: str) -> None:
    eyes = Eyes(world)
    metadata, told = ASKED[typed]

    async with world.bot() as bot:
        await world.say(typed)
        jobs = {
            status: world.api.add_job(status="running", metadata=metadata)
            for status in ("succeeded", "failed", "cancelled")
        }
        await swept(bot)
        for status, job in jobs.items():
            finish(world, job, status=status)
        if told:
            assert eyes.see()[1] == len(told)
        await world.until_quiet(bot)

    assert eyes.see() == ("green", 0, 0)
    assert {status for status, job in jobs.items() if _headlines(world, job)} == told


def _headlines(world: World, job: str) -> list[str]:
    return [each for each in world.delivered(job) if each in ("Succeeded", "Failed", "Cancelled")]


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
async def test_what_people_did_decides_what_is_pending(world: World, steps: str) -> None:
    eyes = Eyes(world)
    job, other = (world.api.add_job(status="running") for _ in range(2))
    typed, pending = STEPS[steps]

    async with world.bot():
        for each in typed:
            by, _, text = each.rpartition(": ")
            await world.say(text.format(job=job, other=other), by=by or "olivia")
    finish(world, job)
    assert eyes.see() == ("amber" if pending else "green", pending, 0)

    async with world.bot() as bot:
        await world.until_quiet(bot)
        await eyes.until("green", 0, 0)


NOT_DONE = {
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


@pytest.mark.parametrize("steps", NOT_DONE)
async def test_what_the_bot_did_not_do_stops_nothing_that_is_told(world: World, steps: str) -> None:
    eyes = Eyes(world)

    async with world.bot():
        await world.say("subscribe")
        for each in NOT_DONE[steps]:
            await world.say(each)
    finish(world, world.api.add_job(status="running"))
    assert eyes.see(broken=True) == ("amber", 1, 0)

    async with world.bot() as bot:
        await world.until_quiet(bot)
        await eyes.until("green", 0, 0)


async def test_pressed_buttons_count_as_what_they_stand_for(world: World) -> None:
    eyes = Eyes(world)
    job, other = (world.api.add_job(status="running") for _ in range(2))

    async with world.bot() as bot:
        for each in (job, other):
            await world.press(await world.say(f"status {each}"), "ftjob_track")
        await world.say("mute all 1h")
        await world.press(world.ml.messages[-1], "ftjob_unmute")
        [card] = [message for message in world.messages_about(other) if "ftjob_untrack" in message.buttons]
        await world.press(card, "ftjob_untrack")
        world.slack.faults.always("chat.postMessage", BROKEN)
        finish(world, job, other)
        await swept(bot)
        assert eyes.see()[1] == 1


@pytest.mark.parametrize("typed", ["subscribe", "track {job}"])
async def test_what_the_bot_takes_back_in_its_answer_is_not_waited_for(world: World, typed: str) -> None:
    eyes = Eyes(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        world.slack.faults.add("chat.postMessage", Fault("drop", accepted=True))
        answer = await world.say(typed.format(job=job))
        assert "nothing was stored" in answer.plain_text
        assert len(world.ml.messages) == 1, "it stands there all the same"
        finish(world, job)
        await world.until_quiet(bot)

    assert eyes.see() == ("green", 0, 0)


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_stop_counts_although_slack_drops_the_answer_to_it(world: World, *, accepted: bool) -> None:
    eyes = Eyes(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.slack.faults.add("response_url", Fault("drop", accepted=accepted))
        exchange = await world.olivia.command(f"untrack {job}", world.ml)
        await exchange.reply()
        finish(world, job)
        await swept(bot)
        await world.until_quiet(bot)

    assert eyes.see() == ("green", 0, 0)


async def test_an_answer_that_is_on_screen_twice_is_counted(world: World) -> None:
    eyes = Eyes(world)

    async with world.bot():
        for typed in ("help", "help", "about"):
            await world.say(typed)
        assert eyes.see() == ("green", 0, 0)
        first = world.slack.ephemerals[0]
        world.slack.handle(
            "chat.postEphemeral",
            {"channel": world.ml.id, "user": world.olivia.id, "text": first.text, "blocks": first.blocks},
        )
        assert eyes.see() == ("red", 0, 1)


@pytest.mark.parametrize("same_key", [True, False])
async def test_a_result_that_stands_twice_is_counted(world: World, *, same_key: bool) -> None:
    eyes = Eyes(world)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        finish(world, job)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)
        assert eyes.see() == ("green", 0, 0)

    told = world.ml.messages[-1]
    metadata = told.metadata if same_key else {"event_type": "ftjob_alert", "event_payload": {"k": "another"}}
    again = {"channel": world.ml.id, "text": told.text, "blocks": told.blocks, "metadata": metadata}
    world.slack.handle("chat.postMessage", again | {"thread_ts": told.thread_ts})
    assert eyes.see() == ("red", 0, 1)
