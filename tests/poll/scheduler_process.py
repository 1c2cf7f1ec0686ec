"""A process with a timer that says when it looks: ``python -m tests.poll.scheduler_process``."""

import asyncio

from bot.poll.scheduler import scheduled

OFTEN = 0.1


class Ticking:
    """A watcher that says so."""

    name = "ticking"

    async def run(self) -> None:
        """Look once."""
        print("tick", flush=True)  # noqa: T201 - for the test that started this


async def main() -> None:
    """Tick for ever."""
    async with scheduled([], 60.0, [Ticking()], OFTEN):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
