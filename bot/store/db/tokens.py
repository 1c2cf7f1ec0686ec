"""Claims whose answer was lost: they may stand in the database, and whoever asked for one finds it without waiting."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Tokens:
    """The tokens that one process gives to its claims of one kind."""

    def __init__(self) -> None:
        self._lost: defaultdict[str, set[str]] = defaultdict(set)

    @contextmanager
    def claiming(self, what: str = "") -> Iterator[str]:
        """Yield the token of a claim; it counts as lost where the block, the whole transaction, ends in an error."""
        token = secrets.token_hex(8)
        try:
            yield token
        except BaseException:
            self.lose(token, what)
            raise

    def lose(self, token: str, what: str = "") -> None:
        """Note that a claim may stand, and that nobody works on it."""
        self._lost[what].add(token)

    def lost(self, what: str = "") -> list[str]:
        """Return the tokens of claims that may stand and that nobody works on."""
        return sorted(self._lost[what])

    def found_out(self, tokens: Iterable[str], what: str = "") -> None:
        """Forget tokens of which it is known now what became of their claims."""
        self._lost[what].difference_update(tokens)


class Unheard(Generic[_T]):
    """What one process claims without a token: where the answer is lost it is taken with the next claim."""

    def __init__(self, key: Callable[[_T], str]) -> None:
        self._key = key
        self._claimed: defaultdict[str, list[_T]] = defaultdict(list)

    @contextmanager
    def claiming(self, what: str) -> Iterator[list[_T]]:
        """Yield a list to put into what is claimed; after the block, the whole transaction, it has the lost ones, too."""
        claimed: list[_T] = []
        try:
            yield claimed
        except BaseException:
            self._claimed[what] += claimed
            raise
        known = {self._key(each) for each in claimed}
        claimed += [each for each in self._claimed.pop(what, []) if self._key(each) not in known]
