"""Page sizes: smaller ones where a page was too large to read, remembered for a while. Pure."""

from collections.abc import Iterator

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
