"""Page sizes: smaller ones where a page was too large to read, remembered for a while."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace

from bot.errors import InvalidResponse
from bot.providers.http.wire import Request, Response, ResponseSize

SMALLER = (100, 25, 5, 1)
TTL = 900.0
"""Seconds after which larger pages are tried again."""
_MAX_CURSORS = 200


def sizes_to_try(limit: int) -> Iterator[int]:
    """Yield page sizes to try, largest first, until a response is not too large."""
    yield limit
    yield from (smaller for smaller in SMALLER if smaller < limit)


class PageSizes:
    """Page sizes of one account, by cursor.

    A huge job is on one page only and must not make the others small.
    """

    def __init__(self) -> None:
        self._largest: dict[str | None, tuple[int, float]] = {}

    def to_try(self, after: str | None, limit: int, *, now: float) -> Iterator[int]:
        """Return page sizes to try for ``limit`` jobs after a cursor; ``now`` is monotonic."""
        size, until = self._largest.get(after, (limit, 0.0))
        first = min(limit, size) if now < until else limit
        return sizes_to_try(first)

    def remember(self, after: str | None, size: int, *, now: float) -> None:
        """Limit the page size at a cursor for a while."""
        self._largest.pop(after, None)
        self._largest[after] = (size, now + TTL)
        while len(self._largest) > _MAX_CURSORS:
            del self._largest[next(iter(self._largest))]


async def first_readable(
    send: Callable[[Request], Awaitable[Response]], request_for: Callable[[int], Request], sizes: Iterable[int]
) -> tuple[int, Response]:
    """Return the first of ``sizes`` whose response is not too large, and that response.

    Raises:
        ProviderError: a request failed, or even the last response was too large.
    """
    too_large = None
    for size in sizes:
        request = request_for(size)
        if size == 1 and request.size is ResponseSize.PAGE:
            request = replace(request, size=ResponseSize.ITEM)
        try:
            return size, await send(request)
        except InvalidResponse as error:
            if not error.is_too_large:
                raise
            too_large = error
    raise too_large or ValueError("no size to ask for")
