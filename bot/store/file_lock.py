"""The lock of an SQLite file: one process has the file, and no name of it goes around the lock."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot.errors import StoreInUse, StoreUnusable


@contextmanager
def only_process(path: Path) -> Iterator[int]:
    """Hold a file, whatever name it goes by, and yield the descriptor of the lock file beside it.

    Two processes on one SQLite file would tell everything twice. The file itself is locked, too: it may be mounted in two
    places. SQLite's own locks are of another kind (fcntl); but they end with any descriptor of the file that this process
    closes, so ours is closed last.
    """
    place = Path(os.path.realpath(path))
    with _locked(Path(f"{place}.lock"), path) as lock, _locked(place, path) as file:
        if (names := os.fstat(file).st_nlink) > 1:
            raise StoreUnusable(
                f"{path} has {names} names (hard links), and SQLite cannot know what happens under the others: copy it to a "
                "file of its own, and let DATABASE_URL name that."
            )
        yield lock


@contextmanager
def _locked(file: Path, path: Path) -> Iterator[int]:
    held = _open_privately(file)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(f"{path} is in use by the running bot.") from None
        yield held
    finally:
        os.close(held)


def _open_privately(path: Path) -> int:
    """Open a file that is its owner's alone, also one that a copy left open to others; SQLite's own follow its mode."""
    try:
        file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        if not path.parent.is_dir():
            raise StoreUnusable(f"{path.parent} is no folder: make it, or correct DATABASE_URL.") from error
        raise StoreUnusable(f"{path} cannot be opened for writing: {error.strerror}.") from error
    with suppress(PermissionError):  # somebody else's file
        os.fchmod(file, 0o600)
    return file
