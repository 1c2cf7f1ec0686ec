"""A process whose scheduled task prints a line each time it runs: ``python -m tests.poll.scheduler_process``."""

import asyncio

from bot.poll.scheduler import scheduled

OFTEN = 0.1


class Ticking:
    """A periodic task that prints a line."""

    name = "ticking"

    async def run(self) -> None:
        """Run once."""
        print("tick", flush=True)  # noqa: T201 - for the test that started this


async def main() -> None:
    """Tick for ever."""
    async with scheduled([], 60.0, [Ticking()], OFTEN):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
