"""Delivery check of faulty bots: it turns red for each fault, and stays green for the real bot."""

import sys
import time
from pathlib import Path

import pytest

from bot.sandbox.demo.bot_process import RUN_COMMAND
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.oracle.delivery_counts import DeliveryCounts
from tests.sandbox.demo.page.faulty_bot import EVERY

CLOCK_SPEED = 20
"""Speed of the check's own clock."""
FAULTY_BOT = Path(__file__).parent / "faulty_bot.py"
FOUND = {"swallow": ("red", 1, 0), "double": ("red", 0, 1), "repeat": ("red", 0, 1), "none": ("green", 0, 0)}


def faulty(fault: str) -> tuple[str, ...]:
    """Return the command that starts a bot with a fault, or the real one."""
    return RUN_COMMAND if fault == "none" else (sys.executable, str(FAULTY_BOT), fault, "run")


async def finish_one_by_one(demo: DemoEnvironment, count: int) -> None:
    """End jobs of a subscribed channel one after the other."""
    await (await demo.operator.command("subscribe", demo.channel)).reply()
    for _ in range(count):
        job = demo.api.add_job(status="running")
        await until_card(demo, job, "· running")
        demo.api.change(job, status="failed")
        await until_card(demo, job, "· failed")


async def until_card(demo: DemoEnvironment, job: str, shows: str) -> None:
    def does() -> bool:
        cards = [each for each in demo.channel.messages if job in each.plain_text and not each.thread_ts]
        return any(shows in each.plain_text for each in cards)

    await demo.slack.request_log.wait_until(does, why=f"the card shows {shows}")


@pytest.mark.parametrize(
    "fault", [each if each in ("swallow", "none") else pytest.param(each, marks=pytest.mark.deep) for each in FOUND]
)
async def test_a_faulty_bot_is_detected(fault: str) -> None:
    async with demo_environment(faulty(fault), job_id_length=14) as demo:
        counts = DeliveryCounts(demo.slack, demo.servers, monotonic=lambda: CLOCK_SPEED * time.monotonic())

        def read() -> tuple[str, int, int]:
            seen = counts.current()
            return seen["check"].value, seen["pending"], seen["duplicates"]

        await finish_one_by_one(demo, EVERY)
        # The bot keeps polling the API, so the condition is evaluated again and again.
        await demo.api.request_log.wait_until(lambda: read() == FOUND[fault], why=f"{FOUND[fault]}, not {read()}")
        assert demo.slack.violations == []
