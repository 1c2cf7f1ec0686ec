"""Retries of idempotent writes after database errors: once immediately, then every second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.runtime.clock import Clock
from bot.store.db.reasons import is_database_error

_T = TypeVar("_T")

RETRY_INTERVAL = 1.0
"""Seconds between two attempts while the database fails."""


async def retry_write(write: Callable[[], Awaitable[bool]], clock: Clock, seconds: float) -> tuple[bool, bool]:
    """Retry an idempotent write, one that names its lease's token, until it succeeds.

    Returns:
        The result of the last attempt, and whether it was the first.

    Raises:
        Exception: the last error, after ``seconds``, or an error that is not the database's.
    """
    until = clock() + seconds
    is_first = True
    while True:
        try:
            return await write(), is_first
        except Exception as error:
            if not is_database_error(error) or clock() >= until:
                raise
            if not is_first:
                await asyncio.sleep(RETRY_INTERVAL)
        is_first = False


async def retry_once(work: Callable[[bool], Awaitable[_T]]) -> _T:
    """Run ``work``, and again once after a database error; its argument is whether it is the second time."""
    try:
        return await work(False)  # noqa: FBT003 - one argument with one meaning
    except Exception as error:
        if isinstance(error, TimeoutError) or not is_database_error(error):
            raise
        return await work(True)  # noqa: FBT003
