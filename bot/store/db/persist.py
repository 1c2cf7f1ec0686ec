"""Writes that a database which goes away must not cost: they are tried again at once, then each second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.store.db.engine import Clock
from bot.store.db.reasons import is_database_error

_T = TypeVar("_T")

RETRY_INTERVAL = 1.0
"""Between two attempts while the database does not work."""


async def retry_write(write: Callable[[], Awaitable[bool]], clock: Clock, seconds: float) -> tuple[bool, bool]:
    """Write what is safe to write twice, since it names its lease's token, until the database takes it.

    Returns:
        What the last try returned, and whether that was the first.

    Raises:
        Exception: the last error, where the database did not work for so many seconds.
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
    """Work, and once more at once where the database broke off: the next connection may hold. It is told which time it is."""
    try:
        return await work(False)  # noqa: FBT003 - what it is told is one word
    except Exception as error:
        if isinstance(error, TimeoutError) or not is_database_error(error):
            raise
        return await work(True)  # noqa: FBT003
