"""Claims whose answer was lost: they may stand in the database, and whoever asked for one finds it without waiting."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_T = TypeVar("_T")


class ClaimTokens:
    """The tokens that one process gives to its claims of one kind."""

    def __init__(self) -> None:
        self._lost: defaultdict[str, set[str]] = defaultdict(set)

    @contextmanager
    def claiming(self, scope: str = "") -> Iterator[str]:
        """Yield the token of a claim; it counts as lost where the block, the whole transaction, ends in an error."""
        token = secrets.token_hex(8)
        try:
            yield token
        except BaseException:
            self.mark_lost(token, scope)
            raise

    def mark_lost(self, token: str, scope: str = "") -> None:
        """Note that a claim may stand, and that nobody works on it."""
        self._lost[scope].add(token)

    def lost(self, scope: str = "") -> list[str]:
        """Return the tokens of claims that may stand and that nobody works on."""
        return sorted(self._lost[scope])

    def forget(self, tokens: Iterable[str], scope: str = "") -> None:
        """Forget tokens of which it is known now what became of their claims."""
        self._lost[scope].difference_update(tokens)


class LostClaims(Generic[_T]):
    """What one process claims without a token: where the answer is lost it is taken with the next claim."""

    def __init__(self, key: Callable[[_T], str]) -> None:
        self._key = key
        self._claimed: defaultdict[str, list[_T]] = defaultdict(list)

    @contextmanager
    def claiming(self, scope: str) -> Iterator[list[_T]]:
        """Yield a list to put into what is claimed; after the block, the whole transaction, it has the lost ones, too."""
        claimed: list[_T] = []
        try:
            yield claimed
        except BaseException:
            self._claimed[scope] += claimed
            raise
        known = {self._key(each) for each in claimed}
        claimed += [each for each in self._claimed.pop(scope, []) if self._key(each) not in known]
