"""Notice for slow replies: after two seconds a person sees that the reply is still pending."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

SLOW_SECONDS = 2.0
"""Seconds without a reply until the notice is shown."""
MAX_WAIT_SECONDS = 3.0
"""Seconds that a reply waits for its notice to be posted, so that both arrive in order."""

log = structlog.get_logger()


class SlowNotice:
    """Whether the notice was started, and whether the person may see it."""

    is_started = False
    is_shown = False


@asynccontextmanager
async def notify_if_slow(notify: Callable[[], Awaitable[bool]], *, after: float | None) -> AsyncIterator[SlowNotice]:
    """Run the block; call ``notify`` once if it takes longer than ``after`` seconds. None never notifies.

    A failed notice is logged and does not affect the reply.
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
        log.exception("slow_notice.failed")
