"""The database behind the store: SQLite in one process, PostgreSQL for several."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Double, Insert, Table, any_, cast, func, literal, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import FtjobError
from bot.runtime.clock import Clock
from bot.store.db.clock_steps import ClockSteps
from bot.store.db.postgres import TRANSACTION_TIMEOUT, postgres_engine
from bot.store.db.reasons import explain_postgres_errors
from bot.store.db.url import PostgresAddress, SqliteAddress, parse
from bot.store.db.wakeups import Queue, Wakeups
from bot.store.sqlite.engine import read_only_engine, sqlite_engine
from bot.store.sqlite.file import SqliteFile
from bot.store.sqlite.file_lock import lock_exclusively
from bot.store.sqlite.integrity import check_integrity, explain_sqlite_errors

_ADVISORY_LOCK = 0x66746A6F62  # "ftjob"


class Transaction(AsyncConnection):
    """An open transaction, which callers join with several writes; after its commit it wakes workers."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.queues: set[Queue] = set()
        """Queues that were given work."""

    def wakes(self, *queues: Queue) -> None:
        """Wake the workers of queues once this is committed."""
        self.queues.update(queues)


class Database:
    """An engine, and the clock that leases and retries go by."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        file: SqliteFile | None = None,
        *,
        ignored_options: Sequence[str] = (),
        transaction_timeout: float = TRANSACTION_TIMEOUT,
        monotonic: Clock | None = None,
    ) -> None:
        self.file = file
        """The SQLite file, None on PostgreSQL."""
        self.ignored_options = ignored_options
        """Options of its URL without effect."""
        self.transaction_timeout = transaction_timeout
        """Seconds: the timeout of a transaction on PostgreSQL."""
        self._engine = engine
        self._clock = clock
        self.clock_steps = ClockSteps(monotonic or clock)
        """Detects that the clock was set."""
        self.wakeups = Wakeups()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is an SQLite file, which one process has for itself."""
        return self.file is not None

    @property
    def is_locked(self) -> bool:
        """Whether another program locked the SQLite file during the last transaction."""
        return self.file is not None and self.file.is_locked

    @asynccontextmanager
    async def transaction(self, *, without_timeout: bool = False) -> AsyncIterator[Transaction]:
        """Open a transaction that commits at the end of the block and rolls back on any exception.

        Never hold one across a request to the outside: SQLite has one connection for all.

        Args:
            without_timeout: for migrations, and for the wait for one.

        Raises:
            TimeoutError: PostgreSQL did not respond in time; SQLite has a timeout of its own, ``BUSY_SECONDS``.
        """
        try:
            async with asyncio.timeout(None if self.is_sqlite or without_timeout else self.transaction_timeout):
                tx = Transaction(self._engine)
                async with self.file.transaction(tx) if self.file else _transaction(tx):
                    yield tx
                self.wakeups.wake(tx.queues)
        except TimeoutError as error:
            raise TimeoutError(f"The database didn't respond within {self.transaction_timeout:.0f} seconds.") from error

    async def is_reachable(self) -> bool:
        """Return whether the database responds quickly, after a timeout."""
        try:
            async with asyncio.timeout(self.transaction_timeout / 5), self._engine.connect() as connection:
                await connection.execute(select(1))
        except (TimeoutError, SQLAlchemyError, OSError):
            return False
        return True

    def now(self) -> ColumnElement[float]:
        """Return the current time as an SQL expression: one clock for every process that shares the database.

        PostgreSQL's ``now()`` does not advance inside a transaction, ``clock_timestamp()`` does not.
        """
        if self.is_sqlite:
            return literal(self._clock(), Double)
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    def among(self, column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
        """Return whether a column has one of some values, as SQL.

        On PostgreSQL they are one parameter: a statement that is the same for any number of them is prepared once.
        """
        if self.is_sqlite:
            return column.in_(list(values))  # type: ignore[no-any-return]
        kind = ARRAY(column.type)
        return column == any_(cast(literal(list(values), kind), kind))  # type: ignore[no-any-return]

    async def read_clock(self, tx: Transaction) -> float:
        """Return the current time, and detect whether the clock was set since the last call."""
        sent_at = self.clock_steps.monotonic()
        now = self._clock() if self.is_sqlite else float(await tx.scalar(select(self.now())) or 0.0)
        self.clock_steps.observe(now, sent_at)
        return now

    async def advisory_lock(self, tx: Transaction) -> None:
        """Take an advisory lock until the end of the transaction; SQLite needs none, it has one process."""
        if not self.is_sqlite:
            await tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})

    def insert(self, table: Table) -> Any:
        """Return an INSERT that knows ``ON CONFLICT``."""
        statement: Insert = sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)
        return statement


@asynccontextmanager
async def _transaction(tx: Transaction) -> AsyncIterator[None]:
    async with tx, tx.begin():
        yield


@asynccontextmanager
async def open_database(
    url: str, clock: Clock, monotonic: Clock | None = None, *, transaction_timeout: float = TRANSACTION_TIMEOUT
) -> AsyncIterator[Database]:
    """Open the database at ``url`` ("sqlite:///file" or "postgresql://...") and close it at the end.

    Database errors within the block are translated, too.

    Raises:
        StoreInUse: another process has the SQLite file.
        StoreLocked: another program keeps it locked.
        StoreDamaged: the file is corrupt.
        StoreUnusable: it cannot be used for another reason.
    """
    address = parse(url)
    if isinstance(address, PostgresAddress):
        async with _postgres(address, clock, monotonic, transaction_timeout=transaction_timeout) as db:
            yield db
        return
    path = sqlite_path(url)
    with lock_exclusively(path) as lock:
        await asyncio.to_thread(check_integrity, path)
        async with _disposing(sqlite_engine(path)) as engine:
            with explain_sqlite_errors(path):
                yield Database(engine, clock, SqliteFile(lock), ignored_options=address.ignored, monotonic=monotonic)


@asynccontextmanager
async def open_for_reading(url: str, clock: Clock) -> AsyncIterator[Database]:
    """Open the database at ``url`` read-only, beside a running bot: nothing is created, upgraded or locked.

    Raises:
        FtjobError: there is no such file, or the database cannot be used.
    """
    address = parse(url)
    if isinstance(address, PostgresAddress):
        async with _postgres(address, clock) as db:
            yield db
        return
    path = sqlite_path(url)
    if not path.exists():
        raise FtjobError(f"There's no database at {path}.")
    async with _disposing(read_only_engine(path)) as engine:
        with explain_sqlite_errors(path):
            yield Database(engine, clock, SqliteFile())


@asynccontextmanager
async def _postgres(
    address: PostgresAddress,
    clock: Clock,
    monotonic: Clock | None = None,
    *,
    transaction_timeout: float = TRANSACTION_TIMEOUT,
) -> AsyncIterator[Database]:
    async with _disposing(postgres_engine(address)) as engine:
        db = Database(
            engine, clock, ignored_options=address.ignored, transaction_timeout=transaction_timeout, monotonic=monotonic
        )
        with explain_postgres_errors(address, connecting=True):
            async with db.transaction() as tx:
                await tx.execute(text("SELECT 1"))
        with explain_postgres_errors(address):
            yield db


def sqlite_path(url: str) -> Path:
    """Return the file that an SQLite address names.

    Raises:
        FtjobError: it names none; a database in memory would lose every pending alert.
    """
    address = parse(url)
    if not isinstance(address, SqliteAddress) or address.path in ("", ":memory:"):
        raise FtjobError("DATABASE_URL must name a file, as in sqlite:///ftjob.db.")
    return Path(address.path)


@asynccontextmanager
async def _disposing(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    try:
        yield engine
    finally:
        await engine.dispose()
