"""Paging by the ID of the last item shown, whatever cursors an API has: none, IDs or tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

MAX_WALK = 50
"""Pages that are read at the most to find an item by its ID."""

FetchPage = Callable[[str | None], Awaitable[tuple[Sequence[T], str | None]]]
"""Takes a cursor; returns the page's items, newest first, and the cursor of the next page."""


async def walk(fetch: FetchPage[T]) -> AsyncIterator[T]:
    """Yield the items of a list, newest first, page by page as they are asked for."""
    cursor = None
    for _ in range(MAX_WALK):
        items, cursor = await fetch(cursor)
        for item in items:
            yield item
        if cursor is None:
            return


async def merged(lists: Sequence[AsyncIterator[T]], *, time: Callable[[T], float]) -> AsyncIterator[T]:
    """Yield the items of several lists, newest first, when each list is."""
    newest_of = [(each, await anext(each, None)) for each in lists]
    while waiting := [(item, each) for each, item in newest_of if item is not None]:
        newest, its_list = max(waiting, key=lambda each: time(each[0]))
        yield newest
        newest_of = [(each, await anext(each, None) if each is its_list else item) for each, item in newest_of]


async def page_after(
    items: AsyncIterator[T], after: str | None, limit: int, *, id_of: Callable[[T], str | None]
) -> tuple[list[T], bool]:
    """Return up to ``limit`` items behind the one with the ID ``after``, and whether there are more."""
    found: list[T] = []
    is_behind = after is None
    async for item in items:
        if is_behind and len(found) == limit:
            return found, True
        if is_behind:
            found.append(item)
        is_behind = is_behind or id_of(item) == after
    return found, False
