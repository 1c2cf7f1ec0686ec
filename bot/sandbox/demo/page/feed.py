"""Versions of what the page shows, and the difference between any of the newest and now.

look -> picture -> version n, and its difference from n - 1
a tab that has version m -> the differences m + 1 ... n as one; the whole where m is not known any more
"""

import secrets
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

Records = dict[str, Any]
"""What there is of one kind, by key; plain JSON."""
PageState = dict[str, Records]
"""All that the page shows, by kind."""

DELTAS_KEPT = 200
"""Differences that are kept: some ten seconds of a busy demo. A tab that slept longer gets the whole."""


class Changefeed:
    """Counts versions of a picture. Records are replaced, never changed in place."""

    def __init__(self, look: Callable[[], PageState]) -> None:
        self._look = look
        self._run = secrets.token_hex(4)
        self._picture: PageState = {}
        self._version = 0
        self._steps: deque[tuple[str, PageState]] = deque(maxlen=DELTAS_KEPT)
        """Each with the version that it changes."""

    def version(self) -> str:
        """Look, and return the name of the version that was seen, such as "5f0c9a1e-17"."""
        seen = self._look()
        if step := diff(self._picture, seen):
            self._steps.append((self._name, step))
            self._version += 1
            self._picture = seen
        return self._name

    @property
    def _name(self) -> str:
        return f"{self._run}-{self._version}"

    def since(self, known: str) -> dict[str, Any]:
        """Return what makes a known version the newest: its name, the records that are other ones, None for those gone.

        ``whole`` says that it is everything, because the version is not known.
        """
        newest = self.version()
        versions = [*(before for before, _ in self._steps), newest]
        if known not in versions:
            return {"version": newest, "whole": True, "changes": self._picture}
        changes: PageState = {}
        for _, step in islice(self._steps, versions.index(known), None):
            for kind, records in step.items():
                changes.setdefault(kind, {}).update(records)
        return {"version": newest, "whole": False, "changes": changes}


def diff(old: PageState, new: PageState) -> PageState:
    """Return the records of ``new`` that are other ones than in ``old``, and None for each that is gone."""
    step = {kind: _difference(old.get(kind, {}), records) for kind, records in new.items()}
    return {kind: records for kind, records in step.items() if records}


def _difference(old: Records, new: Records) -> Records:
    if old == new:
        return {}
    other = {key: record for key, record in new.items() if key not in old or old[key] != record}
    return other | {key: None for key in old if key not in new}
