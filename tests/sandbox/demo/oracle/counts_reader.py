"""Delivery counts of a world, read on a manual clock."""

from bot.app.bot import Bot
from bot.sandbox.demo.job_servers import JobServers
from bot.sandbox.demo.oracle.delivery_check import MAX_STEP_SECONDS
from bot.sandbox.demo.oracle.delivery_counts import RECOVERY_SECONDS, DeliveryCounts
from bot.sandbox.faults import Fault
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


SERVER_ERROR = Fault("answer", status=500)


def finish(world: World, *jobs: str, status: str = "succeeded") -> None:
    for job in jobs:
        more = {"fine_tuned_model": MODEL} if status == "succeeded" else {}
        world.api.change(job, status=status, **more)


class CountsReader:
    """Reads the delivery counts on a clock of its own."""

    def __init__(self, world: World) -> None:
        self._now = 0.0
        self._world = world
        self._counts = DeliveryCounts(world.slack, JobServers(world.api), monotonic=lambda: self._now)

    def read(self, *, is_outage: bool = False) -> tuple[str, int, int]:
        """Return the check's color, and the numbers of pending results and duplicates."""
        seen = self._counts.current({"slack": RECOVERY_SECONDS} if is_outage else {})
        return seen["check"].value, seen["pending"], seen["duplicates"]

    def watch(self, seconds: float, *, is_outage: bool = False) -> tuple[str, int, int]:
        """Read repeatedly for ``seconds``; return the last result."""
        for _ in range(int(seconds / MAX_STEP_SECONDS) + 1):
            self._now += MAX_STEP_SECONDS
            self.read(is_outage=is_outage)
        return self.read(is_outage=is_outage)

    async def wait_until(self, *expected: object, is_outage: bool = False) -> None:
        def seen() -> object:
            return self.read(is_outage=is_outage)

        await self._world.slack.request_log.wait_until(lambda: seen() == expected, why=f"{expected}, not {seen()}")


async def poll_all(bot: Bot) -> None:
    for poller in bot.pollers.values():
        await poller.poll()
