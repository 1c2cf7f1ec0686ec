"""Durations for bounds that a busy machine must not break: seconds in which this process was given its turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

TURN = 0.01


class Stopwatch:
    """Counts turns of the loop, each due a hundredth of a second after the last: where they come late, time goes slower."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """At most the time that went by; less where the machine had no time for us, or for what we wait for."""

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            await asyncio.sleep(TURN)
            self.seconds += TURN


@asynccontextmanager
async def stopwatch() -> AsyncIterator[Stopwatch]:
    """Measure until the block ends."""
    watch = Stopwatch()
    counting = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Let the block end within so many seconds of ours; a machine that is busy may take twelve times as long."""
    async with asyncio.timeout(12 * seconds), stopwatch() as watch:
        yield
    assert watch.seconds < seconds
