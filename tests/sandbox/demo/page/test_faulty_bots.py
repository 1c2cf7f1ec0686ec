"""The page's check must turn red where a bot is faulty, and stay green where it is not: the real process, and doctored ones."""

import sys
import time
from pathlib import Path

import pytest

from bot.sandbox.demo.bot_process import RUN_COMMAND
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.oracle.delivery_counts import DeliveryCounts
from tests.sandbox.demo.page.faulty_bot import EVERY

QUICKER = 20
"""How many times faster than true time the check's own clock goes."""
FAULTY_BOT = Path(__file__).parent / "faulty_bot.py"
FOUND = {"swallow": ("red", 1, 0), "double": ("red", 0, 1), "repeat": ("red", 0, 1), "none": ("green", 0, 0)}


def faulty(fault: str) -> tuple[str, ...]:
    """Return what starts a bot with a fault, or a good one."""
    return RUN_COMMAND if fault == "none" else (sys.executable, str(FAULTY_BOT), fault, "run")


async def finish_one_by_one(scene: DemoEnvironment, count: int) -> None:
    """Let jobs of a subscribed channel end, each once the one before it is dealt with."""
    await (await scene.operator.command("subscribe", scene.channel)).reply()
    for _ in range(count):
        job = scene.api.add_job(status="running")
        await until_card(scene, job, "*Running*")
        scene.api.change(job, status="failed")
        await until_card(scene, job, "*Failed*")


async def until_card(scene: DemoEnvironment, job: str, shows: str) -> None:
    def does() -> bool:
        cards = [each for each in scene.channel.messages if job in each.plain_text and not each.thread_ts]
        return any(shows in each.plain_text for each in cards)

    await scene.slack.request_log.wait_until(does, why=f"the card shows {shows}")


@pytest.mark.parametrize(
    "fault", [each if each in ("swallow", "none") else pytest.param(each, marks=pytest.mark.deep) for each in FOUND]
)
async def test_a_faulty_bot_is_found(fault: str) -> None:
    async with demo_environment(faulty(fault)) as scene:
        counts = DeliveryCounts(scene.slack, scene.api, monotonic=lambda: QUICKER * time.monotonic())

        def look() -> tuple[str, int, int]:
            seen = counts.current()
            return seen["check"].value, seen["pending"], seen["duplicates"]

        await finish_one_by_one(scene, EVERY)
        # The bot goes on to read the API, so that time is seen to pass there.
        await scene.api.request_log.wait_until(lambda: look() == FOUND[fault], why=f"{FOUND[fault]}, not {look()}")
        assert scene.slack.violations == []
