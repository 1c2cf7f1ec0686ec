"""SQLite without a thread: aiosqlite's connection, whose work is done at once, on the loop.

aiosqlite hands every statement to a thread, which runs in real time while virtual time flies. Only that is replaced.
Each incarnation of the bot has a disk of its own on the one file, and it can be torn away from it.
"""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Self

import aiosqlite
from typing_extensions import override

DISK: ContextVar["Disk"] = ContextVar("DISK")
"""The disk of the incarnation that runs here."""

_SLOW = 0.1
"""The part of statements that take time; the others only let somebody else have a turn."""


class Disk:
    """A database file as one incarnation sees it."""

    def __init__(self, rng: random.Random, passing: Callable[[str], None]) -> None:
        self._rng = rng
        self._failpoint = passing
        self._files: list[sqlite3.Connection] = []
        self._is_gone = False
        self.is_slow = False
        """Whether its work takes time; until then it takes none."""

    def open(self, path: str, options: dict[str, Any]) -> sqlite3.Connection:
        """Open the file.

        Raises:
            sqlite3.OperationalError: the incarnation is dead.
        """
        if self._is_gone:
            raise sqlite3.OperationalError("This process is dead.")
        opened = sqlite3.connect(path, factory=_SyncedFile, **options)
        self._files.append(opened)
        return opened

    def detach(self) -> None:
        """Let the incarnation reach nothing from now on; what it did not commit is rolled back."""
        self._is_gone = True
        for opened in self._files:
            # Closed under an open cursor it would keep its lock, as no dead process does.
            with suppress(sqlite3.ProgrammingError):  # closed already
                opened.rollback()
            opened.close()

    def work(self, do: Callable[[], Any]) -> tuple[Any, float]:
        """Do something with the file; return what came of it, and the seconds until it is known."""
        what = getattr(getattr(do, "func", do), "__name__", "")
        if what != "commit":
            done = do()
            takes_time = self.is_slow and what == "execute" and self._rng.random() < _SLOW
            return done, self._rng.uniform(0.0005, 0.02) if takes_time else 0.0
        self._failpoint("disk.before_commit")
        done = do()
        self._failpoint("disk.after_commit")
        return done, self._rng.uniform(0.0005, 0.006) if self.is_slow else 0.0


class _InlineQueue:
    """Where aiosqlite puts the work for its thread: here it is done at once."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def put_nowait(self, statement: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, do = statement
        loop = asyncio.get_running_loop()
        try:
            done, after = self._disk.work(do)
        except BaseException as error:  # noqa: BLE001 - aiosqlite's thread hands on everything, too
            if future:
                future.set_exception(error)
            return
        if future and after:
            loop.call_later(after, _answer, future, done)
        elif future:
            loop.call_soon(_answer, future, done)


def _answer(future: asyncio.Future[Any], done: Any) -> None:
    if not future.done():
        future.set_result(done)


class InlineConnection(aiosqlite.Connection):
    """aiosqlite's connection without its thread."""

    def __init__(self, disk: Disk, path: str, options: dict[str, Any]) -> None:
        super().__init__(lambda: disk.open(path, options), iter_chunk_size=64)
        self._tx = _InlineQueue(disk)  # type: ignore[assignment]

    @override
    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        return self._connect().__await__()

    @override
    def __del__(self) -> None:
        """Say nothing: the disk knows what is open."""


class _SyncedFile(sqlite3.Connection):
    """A file that never waits for the real disk: no power is cut in here."""

    @override
    def cursor(self, *args: Any, **named: Any) -> Any:
        return super().cursor(_SyncedCursor, *args, **named)


class _SyncedCursor(sqlite3.Cursor):
    @override
    def execute(self, sql: str, *args: Any) -> Self:
        return super().execute("PRAGMA synchronous=OFF" if sql == "PRAGMA synchronous=FULL" else sql, *args)


@contextmanager
def inline_sqlite() -> Iterator[None]:
    """Let aiosqlite open inline connections, on the disk of whoever asks, until the block ends."""
    threaded = aiosqlite.connect

    def connect(database: Any, **options: Any) -> aiosqlite.Connection:
        options.pop("iter_chunk_size", None)
        return InlineConnection(DISK.get(), str(database), options)

    aiosqlite.connect = connect
    try:
        yield
    finally:
        aiosqlite.connect = threaded
