"""A wall clock that a test sets under a running process: libfaketime, where it is installed (Debian: ``faketime``)."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
needs_faketime = pytest.mark.skipif(not _LIBRARIES, reason="libfaketime is not installed (Debian: faketime)")


class WallClock:
    """The wall clock of the processes that run with ``environ``; their monotonic clock stays the machine's."""

    def __init__(self, folder: Path) -> None:
        """Keep the time in a file there, which everybody can read: PostgreSQL runs as somebody else."""
        self._file = folder / "faketime"
        self.set(0)

    def set(self, seconds: float) -> None:
        """Let the clock be so many seconds ahead of the machine's; what reads it meanwhile sees either time."""
        anew = self._file.with_suffix(".new")
        anew.write_text(f"{seconds:+.0f}\n")
        anew.chmod(0o644)
        anew.replace(self._file)

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs in its environment.

        Without FAKETIME_FORCE_MONOTONIC_FIX=0 libfaketime 0.9.10 ends every timed wait on a condition of the monotonic
        clock at once. Python's threads wait so for their turn: they spin, and the process gets nothing done.
        ``time.sleep`` of Python 3.11 fails with EINVAL there, whatever is set.
        """
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }


@contextmanager
def wall_clock() -> Iterator[WallClock]:
    """Yield a clock that is right, until it is set."""
    with tempfile.TemporaryDirectory(prefix="ftjob-clock-") as folder:
        Path(folder).chmod(0o755)
        yield WallClock(Path(folder))
