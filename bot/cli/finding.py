"""The result of one check of ``ftjob check``."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    part: str
    ok: bool
    found: str
    todo: str = ""
    """The fix, or an advice."""
