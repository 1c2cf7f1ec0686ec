"""How many jobs a page may hold: fewer where a page was too large to be read, remembered for a while. Pure."""

from collections.abc import Iterator

SMALLER = (100, 25, 5, 1)
TTL = 900.0
"""Seconds after which larger pages are tried again."""
_MOST_CURSORS = 200


def sizes_to_try(limit: int) -> Iterator[int]:
    """Return how many items to ask for, one after the other, until what comes can be read."""
    yield limit
    yield from (smaller for smaller in SMALLER if smaller < limit)


class PageSizes:
    """The sizes of an account's pages, each by the cursor that it begins at.

    By the cursor, because one huge job must not make every page small; it is on one of them.
    """

    def __init__(self) -> None:
        self._largest: dict[str | None, tuple[int, float]] = {}

    def to_try(self, after: str | None, limit: int, *, now: float) -> Iterator[int]:
        """Return the sizes to ask for, one after the other, where ``limit`` jobs are wanted; ``now`` never goes back."""
        size, until = self._largest.get(after, (limit, 0.0))
        first = min(limit, size) if now < until else limit
        return sizes_to_try(first)

    def remember(self, after: str | None, size: int, *, now: float) -> None:
        """Ask for no larger page at this cursor for a while."""
        self._largest.pop(after, None)
        self._largest[after] = (size, now + TTL)
        while len(self._largest) > _MOST_CURSORS:
            del self._largest[next(iter(self._largest))]
