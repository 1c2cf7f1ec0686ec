"""The lock of an SQLite file: one process has the file, and no name of it goes around the lock."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bot.errors import StoreInUse, StoreUnusable


@contextmanager
def lock_exclusively(path: Path) -> Iterator[int]:
    """Hold a file, whatever name it goes by, and yield the descriptor of the lock file beside it.

    Two processes on one SQLite file would send every alert twice. The file itself is locked, too: it may be mounted in two
    places. SQLite's own locks are of another kind (fcntl); but they end with any descriptor of the file that this process
    closes, so ours is closed last.
    """
    real_path = Path(os.path.realpath(path))
    with _locked(_open_privately(_lock_of(real_path)), path) as lock, _locked(_open_privately(real_path), path) as file:
        _refuse_other_names(file, path)
        yield lock


@contextmanager
def lock_if_exists(path: Path) -> Iterator[None]:
    """Lock the file and its lock file as ``lock_exclusively`` does, if they exist; create and change nothing."""
    real_path = Path(os.path.realpath(path))
    with ExitStack() as held:
        if _lock_of(real_path).exists():
            held.enter_context(_locked(_open(_lock_of(real_path)), path))
        if real_path.exists():
            _refuse_other_names(held.enter_context(_locked(_open(real_path), path)), path)
        yield


def _lock_of(real_path: Path) -> Path:
    return Path(f"{real_path}.lock")


@contextmanager
def _locked(held: int, path: Path) -> Iterator[int]:
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(f"{path} is in use by another ftjob process. Stop that process first.") from None
        yield held
    finally:
        os.close(held)


def _refuse_other_names(file: int, path: Path) -> None:
    if (links := os.fstat(file).st_nlink) > 1:
        raise StoreUnusable(
            f"{path} has {links} hard links, and SQLite can't see changes made through the others. Copy it to a separate "
            "file and point DATABASE_URL to that file."
        )


def _open_privately(path: Path) -> int:
    """Open a file that is its owner's alone, also one that a copy left open to others; SQLite's own follow its mode."""
    file = _open(path, os.O_CREAT)
    with suppress(PermissionError):  # another user's file
        os.fchmod(file, 0o600)
    return file


def _open(path: Path, more: int = 0) -> int:
    try:
        return os.open(path, os.O_RDWR | more, 0o600)
    except OSError as error:
        raise open_error(path, error) from error


def open_error(path: Path, error: OSError) -> StoreUnusable:
    """Return why a file cannot be opened for writing, or made."""
    if not path.parent.exists():
        return StoreUnusable(f"The folder {path.parent} doesn't exist. Create it or correct DATABASE_URL.")
    if not path.parent.is_dir():
        return StoreUnusable(f"{path.parent} is a file, not a folder. Correct DATABASE_URL.")
    return StoreUnusable(f"{path} can't be opened for writing: {error.strerror}.")
