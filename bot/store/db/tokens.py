"""Claims whose commit was not confirmed: they may be in the database, and the process that made them finds them again."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_T = TypeVar("_T")


class ClaimTokens:
    """The tokens of one process's claims of one kind."""

    def __init__(self) -> None:
        self._lost: defaultdict[str, set[str]] = defaultdict(set)

    @contextmanager
    def claiming(self, scope: str = "") -> Iterator[str]:
        """Yield the token of a claim; it counts as lost if the block, the whole transaction, fails."""
        token = secrets.token_hex(8)
        try:
            yield token
        except BaseException:
            self.mark_lost(token, scope)
            raise

    def mark_lost(self, token: str, scope: str = "") -> None:
        """Record that a claim may be in the database, and that no one works on it."""
        self._lost[scope].add(token)

    def lost(self, scope: str = "") -> list[str]:
        """Return the tokens of claims that may be in the database, and that no one works on."""
        return sorted(self._lost[scope])

    def forget(self, tokens: Iterable[str], scope: str = "") -> None:
        """Forget tokens whose claims were resolved."""
        self._lost[scope].difference_update(tokens)


class LostClaims(Generic[_T]):
    """Claims without a token: one whose commit was not confirmed is returned with the next claim."""

    def __init__(self, key: Callable[[_T], str]) -> None:
        self._key = key
        self._claimed: defaultdict[str, list[_T]] = defaultdict(list)

    @contextmanager
    def claiming(self, scope: str) -> Iterator[list[_T]]:
        """Yield a list for the claimed items; after the block, the whole transaction, it includes the lost ones."""
        claimed: list[_T] = []
        try:
            yield claimed
        except BaseException:
            self._claimed[scope] += claimed
            raise
        known = {self._key(each) for each in claimed}
        claimed += [each for each in self._claimed.pop(scope, []) if self._key(each) not in known]
