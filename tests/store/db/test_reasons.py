"""Why a database cannot be used, in a sentence: from errors of a real PostgreSQL and of what is none."""

import asyncio
import ssl
import time as wall
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from bot.errors import StoreUnusable
from bot.sandbox.processes import free_port
from bot.store import open_store
from bot.store.db.engine import open_for_reading
from bot.store.db.reasons import EX_TEMPFAIL, Reason, reason_of
from bot.store.db.url import PostgresAddress
from tests.postgres import RestartablePostgres, admin, restartable_postgres

HIDDEN = "hunter2-hunter2"
PLACE = PostgresAddress(hosts=("db",), ports=(5432,), user="my app", password=HIDDEN)

# --- what a server says ---


def said(error: type[asyncpg.PostgresError], text: str) -> asyncpg.PostgresError:
    """Return an error as the driver makes it of a server's answer."""
    return error(text)


SERVER = [
    (
        asyncpg.InsufficientPrivilegeError,
        "permission denied for schema public",
        1,
        'GRANT CREATE ON SCHEMA public TO "my app"',
    ),
    (asyncpg.InsufficientPrivilegeError, "permission denied for table job", 1, "GRANT SELECT, INSERT, UPDATE, DELETE"),
    (
        asyncpg.InsufficientPrivilegeError,
        'permission denied for database "x"',
        1,
        'GRANT CONNECT ON DATABASE x TO "my app"',
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "must be owner of table job",
        1,
        'Ask the database owner to give the user "my app" that permission.',
    ),
    (asyncpg.InvalidPasswordError, 'password authentication failed for user "u"', 1, "rejected the password"),
    (asyncpg.InvalidAuthorizationSpecificationError, 'role "u" does not exist', 1, "rejected the login"),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        'no pg_hba.conf entry for host "h", user "u", database "d", no encryption',
        1,
        "Add sslmode=require",
    ),
    (asyncpg.InvalidCatalogNameError, 'database "nope" does not exist', 1, "Create it or correct its name"),
    (asyncpg.TooManyConnectionsError, "sorry, too many clients already", EX_TEMPFAIL, "Try again later"),
    (asyncpg.CannotConnectNowError, "the database system is starting up", EX_TEMPFAIL, "Try again later"),
    (
        asyncpg.AdminShutdownError,
        "terminating connection due to administrator command",
        EX_TEMPFAIL,
        "Try again later",
    ),
    (asyncpg.ReadOnlySQLTransactionError, "cannot execute UPDATE in a read-only transaction", EX_TEMPFAIL, "read-only"),
    (
        asyncpg.DiskFullError,
        "could not extend file: No space left on device",
        EX_TEMPFAIL,
        "Free up disk space on the server",
    ),
    (asyncpg.OutOfMemoryError, "out of memory", EX_TEMPFAIL, "out of resources"),
    (asyncpg.ProtocolViolationError, "unsupported startup parameter: options", 1, "Remove it from DATABASE_URL"),
    (
        asyncpg.ProtocolViolationError,
        "no more connections allowed (max_client_conn)",
        EX_TEMPFAIL,
        "a pooler in front of it",
    ),
    (asyncpg.UndefinedTableError, 'relation "audit" does not exist', 1, "ftjob db upgrade"),
    (asyncpg.DivisionByZeroError, "division by zero", 1, "SQLSTATE 22012"),
]


@pytest.mark.parametrize(("error", "text", "code", "todo"), SERVER, ids=lambda value: str(value)[:40])
def test_what_a_server_says_is_passed_on_with_what_to_do(
    error: type[asyncpg.PostgresError], text: str, code: int, todo: str
) -> None:
    wrapped = RuntimeError("SELECT a secret")
    wrapped.__cause__ = said(error, f"{text}\nDETAIL: a secret\n")
    reason = reason_of(wrapped, PLACE)
    assert reason is not None
    assert reason.exit_code == code
    assert text in reason.sentence
    assert todo in reason.sentence
    assert "a secret" not in reason.sentence
    assert "\n" not in reason.sentence


@pytest.mark.parametrize("text", [f"login of {HIDDEN} failed", f"postgresql://u:{HIDDEN}@h failed"])
def test_a_password_in_what_a_server_says_is_hidden(text: str) -> None:
    reason = reason_of(said(asyncpg.InvalidPasswordError, text), PLACE)
    assert reason is not None
    assert HIDDEN not in reason.sentence


def test_an_error_of_something_else_is_none_of_a_database() -> None:
    assert reason_of(ValueError("no database"), PLACE) is None


# --- real ones ---


async def why(url: str) -> Reason:
    """Open the store, which must fail, and return why."""
    with pytest.raises(StoreUnusable) as refused:
        async with open_store(url, wall.time):
            pass
    assert HIDDEN not in str(refused.value)
    assert "\n" not in str(refused.value)
    return Reason(str(refused.value), refused.value.exit_code)


@pytest.fixture
async def role(postgres_url: str) -> AsyncIterator[str]:
    """A role that owns nothing, for the one test."""
    name = f"app_{wall.time_ns()}"
    async with admin(postgres_url) as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{HIDDEN}'")
        yield name
        await connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.fixture
def is_migrated() -> bool:
    return False


def as_role(url: str, role: str) -> str:
    return url.replace("postgres@", f"{role}:{HIDDEN}@")


async def test_a_role_that_may_make_no_tables_gets_the_grant_that_mends_it(postgres_url: str, role: str) -> None:
    said = await why(as_role(postgres_url, role))
    assert said == Reason(
        f"permission denied for schema public. To fix it, run: GRANT CREATE ON SCHEMA public TO {role}"
    )

    async with admin(postgres_url) as connection:
        await connection.execute(said.sentence.split(": ")[1])
    async with open_store(as_role(postgres_url, role), wall.time):
        pass


async def test_a_role_that_may_not_connect_gets_the_grant_that_mends_it(postgres_url: str, role: str) -> None:
    name = postgres_url.rpartition("/")[2]
    async with admin(postgres_url) as connection:
        await connection.execute(f"REVOKE CONNECT ON DATABASE {name} FROM public")
    said = await why(as_role(postgres_url, role))
    assert said == Reason(
        f'permission denied for database "{name}". To fix it, run: GRANT CONNECT ON DATABASE {name} TO {role}'
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda url: f"{url}_nope", '_nope" does not exist. Create it or correct its name in DATABASE_URL.'),
        (lambda url: url.replace("postgres@", "nobody@"), 'role "nobody" does not exist. Correct the user'),
        (lambda url: f"{url}?sslmode=require", "doesn't offer TLS, which sslmode=require in DATABASE_URL requires"),
        (lambda url: f"{url}?sslmode=verify-full", 'root.crt" does not exist or cannot be accessed'),
        (lambda url: f"{url}?sslmode=verify-ca&sslrootcert=/nope.pem", "the file in sslrootcert can't be read: No such file"),
        (lambda url: f"{url}?options=-c%20nope%3D1", 'unrecognized configuration parameter "nope". Correct the options'),
        (lambda url: url.replace("127.0.0.1", "127.0.0.1:1,127.0.0.1"), None),
        (lambda _: f"postgresql://u@127.0.0.1:{free_port()}/d", "(connection refused). Check DATABASE_URL"),
        (lambda _: "postgresql:///d?host=/nope", "no PostgreSQL server at the socket /nope/.s.PGSQL.5432"),
        (lambda _: "postgresql://u@nosuchhost.invalid/d", "The host nosuchhost.invalid wasn't found"),
    ],
)  # fmt: skip
async def test_a_server_that_cannot_be_used_is_named_with_why(
    postgres_url: str, change: Callable[[str], str], sentence: str | None
) -> None:
    if sentence is None:  # the second of two hosts answers
        async with open_store(change(postgres_url), wall.time):
            return
    said = await why(change(postgres_url))
    assert sentence in said.sentence
    assert said.exit_code == 1


async def test_a_server_that_only_reads_is_one_to_try_later(postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    async with admin(postgres_url) as connection:
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    said = await why(postgres_url)
    assert "The database is read-only (cannot execute CREATE TABLE" in said.sentence
    assert said.exit_code == EX_TEMPFAIL
    primary = await why(f"{postgres_url}?target_session_attrs=read-write")
    assert "doesn't match target_session_attrs" in primary.sentence
    assert primary.exit_code == EX_TEMPFAIL


@pytest.fixture
def small_server() -> Iterator[RestartablePostgres]:
    """A server that takes few connections."""
    with restartable_postgres("max_connections=4", "superuser_reserved_connections=0") as started:
        yield started


async def test_a_server_without_a_connection_left_is_one_to_try_later(small_server: RestartablePostgres) -> None:
    held = [await asyncpg.connect(small_server.url) for _ in range(4)]
    said = await why(small_server.url)
    assert said == Reason(
        "The server is out of connections (sorry, too many clients already). Try again later, or raise the server's connection limit.",
        EX_TEMPFAIL,
    )
    for each in held:
        await each.close()


async def test_tables_that_are_not_there_yet_are_said_by_who_only_reads(postgres_url: str) -> None:
    with pytest.raises(StoreUnusable, match=r'relation "audit" does not exist\. .*ftjob db upgrade'):
        async with open_for_reading(postgres_url, wall.time) as db, db.transaction() as tx:
            await tx.exec_driver_sql("SELECT * FROM audit")


# --- what is no PostgreSQL ---

NOT_POSTGRES = {
    "a web server": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "Redis": b"-ERR unknown command\r\n",
    "one that hangs up": b"",
    "MySQL": b"\x4a\x00\x00\x00\x0a8.0.33\x00abc",
}


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """Serve one who answers everything so and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("mode", ["prefer", "disable", "require"])
@pytest.mark.parametrize("what", NOT_POSTGRES)
async def test_what_is_no_postgresql_is_said_to_be_none(what: str, mode: str) -> None:
    async with answering(NOT_POSTGRES[what]) as port:
        said = await why(f"postgresql://u:{HIDDEN}@127.0.0.1:{port}/d?sslmode={mode}")
    assert f"127.0.0.1:{port}" in said.sentence
    assert "PostgreSQL" in said.sentence


# --- TLS ---


def test_certificates_that_do_not_fit_are_told_from_other_trouble_with_tls() -> None:
    refused = ssl.SSLCertVerificationError("certificate verify failed")
    refused.verify_message = "self-signed certificate"
    reason = reason_of(refused, PLACE)
    assert reason is not None
    assert "The certificate for db:5432 wasn't accepted (self-signed certificate)" in reason.sentence
    reason = reason_of(ssl.SSLError("wrong version number"), PLACE)
    assert reason is not None
    assert "TLS with db:5432 failed" in reason.sentence


async def test_files_that_are_not_there_are_left_out_where_tls_is_only_preferred(
    postgres_url: str, tmp_path: Path
) -> None:
    missing = tmp_path / "no.pem"
    query = f"?sslmode=prefer&sslrootcert={missing}&sslcert={missing}&sslkey={missing}"
    async with open_store(postgres_url + query, wall.time) as store:
        assert not store.db.is_sqlite
