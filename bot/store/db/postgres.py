"""Connections to PostgreSQL: asyncpg's arguments, statement caches that a pooler breaks, and pools that a failover spoils."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import StoreUnusable
from bot.store.db.reasons import INVALIDATING, sqlstate_of
from bot.store.db.url import PostgresAddress

TRANSACTION_TIMEOUT = 10.0
"""Seconds until PostgreSQL counts as down: a transaction takes milliseconds, and a server that hangs never responds."""

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_CACHES: dict[str, Any] = {
    # More than there are statements, those of migrations included: each one that makes room costs a round trip.
    "statement_cache_size": 1_000,
    "prepared_statement_cache_size": 1_000,
}
_NO_CACHES: dict[str, Any] = {
    "statement_cache_size": 0,  # asyncpg's own cache
    "prepared_statement_cache_size": 0,  # SQLAlchemy's; behind a pooler either of them alone breaks
    "prepared_statement_name_func": str,  # "": two processes would give the same names
}
_NOT_OURS = ("26000", "42P05")
"""SQLSTATEs of a prepared statement that is missing, or there already: another session's server answered."""


def postgres_engine(address: PostgresAddress) -> AsyncEngine:
    """Return an engine; it connects when it is first used.

    Raises:
        StoreUnusable: a file that the address names cannot be read.
    """
    engine = create_async_engine("postgresql+asyncpg://", pool_pre_ping=True, connect_args=connect_arguments(address))
    caches = _StatementCaches()
    event.listen(engine.sync_engine, "do_connect", caches.connect)
    event.listen(engine.sync_engine, "handle_error", caches.disable)
    event.listen(engine.sync_engine, "handle_error", _drop_pool)
    return engine


def connect_arguments(address: PostgresAddress) -> dict[str, Any]:
    """Return what ``asyncpg.connect`` takes for an address.

    TLS options of libpq are in a DSN of their own, since asyncpg reads it only there, and as libpq does.
    """
    tls = dict(address.tls)
    given: dict[str, Any] = dict(address.driver)
    if tls.get("sslrootcert") == "system":
        del tls["sslrootcert"], tls["sslmode"]
        given["ssl"] = _context(tls)
    else:
        _check_files(tls)
    if address.hosts:
        given |= {"host": list(address.hosts), "port": list(address.ports)}
    given |= {"user": address.user, "password": address.password, "database": address.database}
    given["timeout"] = min(address.connect_timeout or TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT)
    if tls:
        given["dsn"] = f"postgresql://?{urlencode(tls, quote_via=quote)}"
    if address.session:
        given["server_settings"] = dict(address.session)
    return {name: value for name, value in given.items() if value is not None}


def _context(tls: dict[str, str]) -> ssl.SSLContext:
    """Return TLS that trusts whom this machine trusts."""
    context = ssl.create_default_context()
    if "sslcert" in tls:
        _check_files(tls | {"sslmode": "verify-full"})
        context.load_cert_chain(tls["sslcert"], tls.get("sslkey"), tls.get("sslpassword", ""))
    return context


def _check_files(tls: dict[str, str]) -> None:
    """Leave out files that are not there where TLS is only preferred, as libpq does; refuse them where it is asked for."""
    for name in _FILES:
        if name in tls and tls.get("sslmode", "prefer") in ("disable", "allow", "prefer"):
            if not Path(tls[name]).exists():
                del tls[name]
        elif name in tls:
            try:
                Path(tls[name]).open("rb").close()
            except OSError as error:
                raise StoreUnusable(f"DATABASE_URL: the file in {name} can't be read: {error.strerror}.") from None


class _StatementCaches:
    """Whether statements may be prepared once and used again: only where each of our sessions is one of the server's.

    A pooler in transaction mode (PgBouncer, Supavisor, PgCat) gives each transaction another server's session. It also
    hands out keys of its own: so the process id that a connection got at its start is then not the one that responds.
    Each new connection is checked. A wrong guess against the caches costs 0.4 ms a transaction, nothing else; one for
    them shows in the first error, after which they stay off.
    """

    def __init__(self) -> None:
        self._on = False
        self._trusted = True

    def connect(self, dialect: Dialect, _record: Any, args: Any, given: dict[str, Any]) -> Any:
        """Connect with the caches that fit; where the guess was wrong, once more."""
        connection: Any = self._connect(dialect, args, given)
        try:
            is_direct = self._trusted and connection.run_async(_is_direct)
        except BaseException:
            connection.terminate()
            raise
        if is_direct == self._on:
            return connection
        self._on = is_direct
        connection.close()
        return self._connect(dialect, args, given)

    def _connect(self, dialect: Dialect, args: Any, given: dict[str, Any]) -> Any:
        return dialect.connect(*args, **given, **(_CACHES if self._on else _NO_CACHES))

    def disable(self, context: ExceptionContext) -> None:
        """Leave the caches off for good once a statement was not where it had been prepared."""
        if sqlstate_of(context.original_exception) in _NOT_OURS:
            self._on = self._trusted = False
            context.is_disconnect = True


async def _is_direct(connection: Any) -> bool:
    transaction = connection.transaction()
    await transaction.start()
    try:
        # Without a name, so that it meets no statement of another session.
        statement = await connection.prepare("SELECT pg_catalog.pg_backend_pid()", name="")
        return bool(await statement.fetchval() == connection.get_server_pid())
    finally:
        await transaction.rollback()


def _drop_pool(context: ExceptionContext) -> None:
    """Drop every connection after an error that all of them would meet, so that the next transaction gets a new one."""
    if sqlstate_of(context.original_exception).startswith(INVALIDATING) or isinstance(
        context.original_exception, ConnectionError
    ):
        context.is_disconnect = True
