"""The bot dies at every point that has a name, and nothing is lost or doubled."""

import asyncio
import re
from pathlib import Path

import pytest

import bot
from bot.app.bot import Bot
from bot.sandbox.faults import Fault
from tests.store.seeds import deliveries
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
POST = "chat.postMessage"
SOURCE = Path(bot.__file__).parent
POINTS = sorted(
    {name for path in SOURCE.rglob("*.py") for name in re.findall(r'failpoint\("(\w+)"\)', path.read_text())}
)
ELSEWHERE = {
    "before_push": "tests/stories/push/test_push.py kills on the way of a trainer's call",
    "after_push": "the same",
    "in_migration": "tests/store/db/test_migrate.py kills within a migration",
    "before_action": "tests/stories/actions/test_crashes.py kills on the way of an order",
    "after_action": "the same",
    "before_action_outcome": "the same, where the change of the job is recorded already",
}

BEFORE_POST = ("after_claim", "after_record", "before_post", "before_record")
"""Points at which nothing was posted yet."""


async def until_unconfirmed(running: Bot) -> None:
    """Wait until nobody knows whether a message was posted."""
    async with asyncio.timeout(60):
        while not any(row.state == "unconfirmed" for row in await deliveries(running.store)):  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.02)


def test_the_points_of_delivery_have_names() -> None:
    of_delivery = "after_claim after_complete after_lookup after_post after_record before_post before_record"
    assert sorted([*of_delivery.split(), *ELSEWHERE]) == POINTS


@pytest.mark.parametrize("point", [point for point in POINTS if point not in ELSEWHERE])
async def test_a_bot_that_dies_at_a_failpoint_posts_once_after_its_restart(world: World, point: str) -> None:
    job = world.api.add_job(status="running")

    # Slack's first answer gets lost, so that the look-up is on the way, too.
    async with world.bot() as first:
        await world.say(f"track {job}")
        await world.until_quiet(first)
    world.slack.faults.add(POST, Fault("drop", accepted=True))
    world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    async with world.process(FTJOB_CRASH_AT=point) as process:
        if point == "after_lookup":
            world.slack.request_log.notify_waiters()
        await process.wait()
        assert process.returncode == -9
    world.skip(60)

    async with world.bot() as last:
        if point in BEFORE_POST:
            # The post of this bot is the one whose answer gets lost: let the time pass until it is looked up.
            await until_unconfirmed(last)
            world.skip(60)
            last.worker.wake()
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(last)

    assert world.delivered(job) == ["Succeeded"]
    assert len(world.ml.messages) == 2
