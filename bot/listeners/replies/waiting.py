"""Answers that take long: who waits is told after two seconds that the answer is still to come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

SLOW_SECONDS = 2.0
"""Seconds without an answer after which people begin to wonder."""
MAX_WAIT_SECONDS = 3.0
"""Seconds that an answer waits for Slack to take what was said before it, so that both come in their order."""


log = structlog.get_logger()


class SlowNotice:
    """Whether somebody is told that the answer is still to come, and whether they may see it."""

    is_started = False
    is_shown = False


@asynccontextmanager
async def notify_if_slow(notify: Callable[[], Awaitable[bool]], *, after: float | None) -> AsyncIterator[SlowNotice]:
    """Do the work of the block; where it takes longer than ``after`` seconds, ``say`` once that it is under way.

    None says nothing. What goes wrong with saying so is logged; it must not keep the answer away.
    """
    waiting = SlowNotice()
    if after is None:
        yield waiting
        return
    task = asyncio.create_task(_notify_later(waiting, notify, after))
    try:
        yield waiting
        if waiting.is_started:
            await asyncio.wait({task}, timeout=MAX_WAIT_SECONDS)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _notify_later(waiting: SlowNotice, notify: Callable[[], Awaitable[bool]], after: float) -> None:
    await asyncio.sleep(after)
    waiting.is_started = True
    try:
        waiting.is_shown = await notify()
    except Exception:
        log.exception("waiting.not_told")
