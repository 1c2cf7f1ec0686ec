"""PostgreSQL errors, translated to a sentence and an exit code. Pure.

SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.errors import FtjobError, StoreUnusable
from bot.store.db.url import PostgresAddress
from bot.telemetry.redaction import redacted

EX_TEMPFAIL = 75
"""The exit code of temporary failures (sysexits.h)."""
INVALIDATING = ("08", "25006", "53300", "57P01", "57P02", "57P03")
"""Prefixes of SQLSTATEs that invalidate the pool: the server stops, or became a read-only replica in a failover."""

_SENTENCES = {
    "08P01": ("The database, or a pooler in front of it, refused the connection: {said}.", EX_TEMPFAIL),
    "08": ("The connection to the database was lost: {said}.", EX_TEMPFAIL),
    "25006": (
        "The database is read-only ({said}). Wait until it accepts writes again, or point DATABASE_URL at the primary.",
        EX_TEMPFAIL,
    ),
    "28P01": ("The database rejected the password: {said}. Correct it in DATABASE_URL.", 1),
    "28": ("The database rejected the login: {said}. Correct the user in DATABASE_URL or grant it access.", 1),
    "3D000": ("{said}. Create it or correct its name in DATABASE_URL.", 1),
    "3F000": ("{said}. Create a schema for ftjob or correct the role's search_path.", 1),
    "42704": ("{said}. Correct the options in DATABASE_URL.", 1),
    "42P01": ("{said}. Run `ftjob db upgrade`.", 1),
    "53100": ("The server's disk is full ({said}). Free up disk space on the server, then try again.", EX_TEMPFAIL),
    "53300": (
        "The server is out of connections ({said}). Try again later, or raise the server's connection limit.",
        EX_TEMPFAIL,
    ),
    "53": ("The server is out of resources ({said}). Try again later.", EX_TEMPFAIL),
    "57P0": ("The server isn't accepting connections right now ({said}). Try again later.", EX_TEMPFAIL),
}
"""Sentence and exit code by the beginning of the SQLSTATE; the longest one counts."""


@dataclass(frozen=True)
class Reason:
    """A reason for a person."""

    sentence: str
    """Without any secret."""
    exit_code: int = 1


def reason_of(error: BaseException, address: PostgresAddress) -> Reason | None:
    """Return the reason for an error, or None if it is not one of a database or its connection."""
    known = [each for each in _chain(error) if is_database_error(each)]
    if not known:
        return None
    drivers = [each for each in known if not type(each).__module__.startswith("sqlalchemy.")] or known
    found = next(filter(sqlstate_of, drivers), drivers[0])
    reason = _of_server(found, address) if sqlstate_of(found) else _of_connection(found, address)
    sentence = redacted(reason.sentence)
    if address.password:
        sentence = sentence.replace(address.password, "...")
    return Reason(sentence, reason.exit_code)


@contextmanager
def explain_postgres_errors(address: PostgresAddress, *, connecting: bool = False) -> Iterator[None]:
    """Translate PostgreSQL errors within the block; with ``connecting`` every network error is one.

    Raises:
        StoreUnusable: the database cannot be used.
    """
    try:
        yield
    except TimeoutError:
        raise
    except Exception as error:
        is_ours = connecting or not isinstance(error, OSError)
        if (reason := reason_of(error, address) if is_ours and not isinstance(error, FtjobError) else None) is None:
            raise
        raise StoreUnusable(reason.sentence, reason.exit_code) from error


def sqlstate_of(error: BaseException | None) -> str:
    """Return the SQLSTATE of an error, or ""."""
    return getattr(error, "sqlstate", None) or ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__


def is_database_error(error: BaseException) -> bool:
    """Return whether an error is one of the database or its connection, and not a bug: a retry may help."""
    return isinstance(error, OSError) or type(error).__module__.startswith(("asyncpg.", "sqlalchemy."))


def _message_of(error: BaseException) -> str:
    """Return the first line of a server's message: the details below it may have data."""
    said = getattr(error, "message", None) or str(error)
    said = re.sub(r"^<class '[\w.]+'>: ", "", str(said)).strip() or type(error).__name__
    return said.splitlines()[0].rstrip(".")


def _of_server(error: BaseException, address: PostgresAddress) -> Reason:
    state, said = sqlstate_of(error), _message_of(error)
    if state == "42501":
        return Reason(f"{said}. {_grant_hint(said, address)}")
    if state.startswith("08") and "connection was closed in the middle" in said:
        return Reason(
            f"{_server_name(address)} closed the connection without responding. Is it a PostgreSQL server?", EX_TEMPFAIL
        )
    if "no encryption" in said and "pg_hba" in said:
        return Reason(f"The database only accepts TLS connections ({said}). Add sslmode=require to DATABASE_URL.")
    if "startup parameter" in said:
        return Reason(f"A pooler in front of the database rejected an option ({said}). Remove it from DATABASE_URL.")
    for length in (5, 4, 3, 2):
        if found := _SENTENCES.get(state[:length]):
            sentence, exit_code = found
            return Reason(sentence.format(said=said), exit_code)
    return Reason(f"The database rejected ftjob's request: {said} (SQLSTATE {state}).")


def _grant_hint(said: str, address: PostgresAddress) -> str:
    """Return the fix for a missing privilege; SQL has no period after it, so that it can be copied."""
    role = _identifier(address.user) if address.user else "<user>"
    if schema := re.search(r"for schema (\S+)", said):
        return f"To fix it, run: GRANT CREATE ON SCHEMA {schema[1]} TO {role}"
    if database := re.search(r'for database "?([^"]+)"?', said):
        return f"To fix it, run: GRANT CONNECT ON DATABASE {_identifier(database[1])} TO {role}"
    if re.search(r"for (table|relation|sequence)", said):
        return (
            f"To fix it, run: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}; "
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
        )
    user = f"the user {role}" if address.user else "the database user"
    return f"Ask the database owner to give {user} that permission."


def _identifier(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def _of_connection(error: BaseException, address: PostgresAddress) -> Reason:
    said, server = _message_of(error), _server_name(address)
    match error:
        case ssl.SSLError():
            return _of_tls(error, server)
        case socket.gaierror():
            return Reason(f"The host {', '.join(address.hosts)} wasn't found ({error.strerror}). Check DATABASE_URL.")
        case ConnectionRefusedError():
            return Reason(
                f"Nothing is listening at {server} (connection refused). Check DATABASE_URL or start the database."
            )
        case TimeoutError():
            return Reason(said if said != "TimeoutError" else f"{server} didn't respond in time.")
        case FileNotFoundError() | PermissionError() if any(host.startswith("/") for host in address.hosts):
            return Reason(f"There's no PostgreSQL server at the socket {server} ({error.strerror or said}).")
        case ConnectionError() if "rejected SSL" in said:
            return _without_tls(server, address)
        case ConnectionError() | EOFError():
            return Reason(f"{server} closed the connection without responding. Is it a PostgreSQL server?")
        case OSError():
            return Reason(f"{server} can't be reached ({error.strerror or said}). Check DATABASE_URL and the network.")
    if type(error).__name__ == "TargetServerAttributeNotMatched":
        return Reason(f"{server} doesn't match target_session_attrs in DATABASE_URL.", EX_TEMPFAIL)
    return Reason(f"The database can't be used: {said}.")


def _of_tls(error: ssl.SSLError, server: str) -> Reason:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or _message_of(error)
        return Reason(f"The certificate for {server} wasn't accepted ({why}). Correct sslrootcert in DATABASE_URL.")
    return Reason(
        f"TLS with {server} failed ({getattr(error, 'reason', None) or _message_of(error)}). Check sslmode, sslcert, and sslkey."
    )


def _without_tls(server: str, address: PostgresAddress) -> Reason:
    mode = address.tls.get("sslmode", "prefer")
    if mode in ("allow", "prefer"):  # then the driver goes on without TLS, if a PostgreSQL says that it has none
        return Reason(f"{server} doesn't respond like a PostgreSQL server. Check the host and port in DATABASE_URL.")
    return Reason(
        f"{server} doesn't offer TLS, which sslmode={mode} in DATABASE_URL requires. Turn on TLS there or set sslmode=prefer. "
        "If it isn't a PostgreSQL server, correct DATABASE_URL."
    )


def _server_name(address: PostgresAddress) -> str:
    """Return the server's address for people."""
    hosts = zip(address.hosts, address.ports, strict=True)
    return ", ".join(
        f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}" for host, port in hosts
    ) or ("the local PostgreSQL server")
