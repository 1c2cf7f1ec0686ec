"""Changefeed: versions of the page's state, and the difference between a recent version and the current one.

read_state -> state -> version n, and its delta from n - 1
a tab at version m -> the deltas m + 1 ... n merged; the whole state if m is not known anymore
"""

import secrets
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

Records = dict[str, Any]
"""Records of one kind, by key; plain JSON."""
PageState = dict[str, Records]
"""Everything that the page shows, by kind."""

DELTAS_KEPT = 200
"""Deltas that are kept, about ten seconds of a busy demo. A tab that slept longer gets the whole state."""


class Changefeed:
    """Numbers the versions of a state. Records are replaced, never changed in place."""

    def __init__(self, read_state: Callable[[], PageState]) -> None:
        self._read_state = read_state
        self._run_id = secrets.token_hex(4)
        self._state: PageState = {}
        self._version = 0
        self._deltas: deque[tuple[str, PageState]] = deque(maxlen=DELTAS_KEPT)
        """Each delta with the version that it applies to."""

    def version(self) -> str:
        """Read the state and return the name of its version, such as "5f0c9a1e-17"."""
        seen = self._read_state()
        if step := diff(self._state, seen):
            self._deltas.append((self._version_name, step))
            self._version += 1
            self._state = seen
        return self._version_name

    @property
    def _version_name(self) -> str:
        return f"{self._run_id}-{self._version}"

    def since(self, known: str) -> dict[str, Any]:
        """Return what brings a known version up to date: the newest version's name and the changed records, None if removed.

        ``whole`` is true if the changes are the complete state, because the version is unknown.
        """
        newest = self.version()
        versions = [*(before for before, _ in self._deltas), newest]
        if known not in versions:
            return {"version": newest, "whole": True, "changes": self._state}
        changes: PageState = {}
        for _, step in islice(self._deltas, versions.index(known), None):
            for kind, records in step.items():
                changes.setdefault(kind, {}).update(records)
        return {"version": newest, "whole": False, "changes": changes}


def diff(old: PageState, new: PageState) -> PageState:
    """Return the records of ``new`` that differ from ``old``, and None for each removed record."""
    step = {kind: _diff_records(old.get(kind, {}), records) for kind, records in new.items()}
    return {kind: records for kind, records in step.items() if records}


def _diff_records(old: Records, new: Records) -> Records:
    if old == new:
        return {}
    other = {key: record for key, record in new.items() if key not in old or old[key] != record}
    return other | {key: None for key in old if key not in new}
