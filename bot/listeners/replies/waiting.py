"""Answers that take long: who waits is told after two seconds that the answer is still to come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

AFTER = 2.0
"""Seconds without an answer after which people begin to wonder."""
LONGEST = 3.0
"""Seconds that an answer waits for Slack to take what was said before it, so that both come in their order."""


log = structlog.get_logger()


class Waiting:
    """Whether somebody is told that the answer is still to come, and whether they may see it."""

    is_begun = False
    is_told = False


@asynccontextmanager
async def telling(say: Callable[[], Awaitable[bool]], *, after: float | None) -> AsyncIterator[Waiting]:
    """Do the work of the block; where it takes longer than ``after`` seconds, ``say`` once that it is under way.

    None says nothing. What goes wrong with saying so is logged; it must not keep the answer away.
    """
    waiting = Waiting()
    if after is None:
        yield waiting
        return
    task = asyncio.create_task(_tell(waiting, say, after))
    try:
        yield waiting
        if waiting.is_begun:
            await asyncio.wait({task}, timeout=LONGEST)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _tell(waiting: Waiting, say: Callable[[], Awaitable[bool]], after: float) -> None:
    await asyncio.sleep(after)
    waiting.is_begun = True
    try:
        waiting.is_told = await say()
    except Exception:
        log.exception("waiting.not_told")
