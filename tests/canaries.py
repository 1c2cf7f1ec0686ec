"""Canary secrets, a capture of every log record, and a search of every place in which no canary may appear."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import structlog
from typing_extensions import override

from bot.telemetry.logs import PROCESSORS, formatter

AT_DEBUG = "CANARIES_AT_DEBUG"
CANARY = "c4n4ry"
BOT, APP = f"xoxb-{CANARY}-bot-0123456789", f"xapp-{CANARY}-app-0123456789"
SIGNING, KEY, WRITE_KEY = f"5161{CANARY}0123456789", f"sk-{CANARY}-key-0123456789", f"gateway.{CANARY}.0123456789"
WEBHOOK = f"whsec_{CANARY}{'A' * 26}"
HEARTBEAT = f"/heartbeat/{CANARY}"
PUSH = f"{CANARY}-push-0123456789-abcdef"

_LINES = (formatter("console"), formatter("json"))
_Plain: Any = structlog.make_filtering_bound_logger(logging.NOTSET)
_capture_logger = logging.getLogger("canaries")
_capture_logger.propagate = False
_capture_logger.setLevel(logging.DEBUG)
_events = structlog.wrap_logger(_capture_logger, processors=PROCESSORS, wrapper_class=_Plain)


class _CapturedLogger(_Plain):  # type: ignore[misc] # it is made at run time
    """A logger that also passes every event to the log capture, whatever a test configures."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **fields: Any) -> Any:
        getattr(_events, method_name)(event, **self._context | fields)
        return super()._proxy_to_logger(method_name, event, **fields)


class LogCapture(logging.Handler):
    """Captures every log record; ``leaks`` are the rendered lines that hold a canary."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Draw a line only where a canary may stand in what it is made of: most of the work is in the drawing."""
        if CANARY in _record_text(record) or _has_traceback(record):
            self.leaks += [line for each in _LINES if CANARY in (line := each.format(record))]


@contextmanager
def capturing_logs(capture: LogCapture) -> Iterator[None]:
    """Capture every logger of this process; under ``make canaries`` each says all it can, which takes three times as long."""
    root = logging.getLogger()
    known = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    levels = [(logger, logger.level) for logger in known if logger.level] + [(root, root.level)]
    before = structlog.get_config()["wrapper_class"]
    for logger, _ in levels if AT_DEBUG in os.environ else ():
        logger.setLevel(logging.DEBUG)
    for logger in (root, _capture_logger):
        logger.addHandler(capture)
    structlog.configure(wrapper_class=_CapturedLogger)
    try:
        yield
    finally:
        structlog.configure(wrapper_class=before)
        for logger in (root, _capture_logger):
            logger.removeHandler(capture)
        for logger, level in levels:
            logger.setLevel(level)


def with_password(database_url: str) -> str:
    """Return the address of a database with a canary for its password; SQLite has none, and a test's server takes any."""
    parts = urlsplit(database_url)
    if parts.scheme == "sqlite":
        return database_url
    account, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{account.partition(':')[0]}:{CANARY}@{place}").geturl()


async def database_contents(database_url: str) -> bytes:
    """Return everything that a database holds."""
    if database_url.startswith("sqlite"):
        file = Path(database_url.removeprefix("sqlite:///"))
        return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    try:
        server = await asyncpg.connect(database_url)
    except OSError:  # a server of the test's own, which has ended
        return b""
    tables = await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [await server.fetch(f'SELECT t::text FROM "{name}" t') for (name,) in tables]  # noqa: S608 - the catalogue's own names
    await server.close()
    return f"{rows}".encode()


async def execute(database_url: str, statement: str) -> None:
    """Do something to a database behind the bot's back."""
    if database_url.startswith("sqlite"):
        # In a thread: a bot on this loop may be in the middle of a transaction.
        await asyncio.to_thread(_execute, database_url.removeprefix("sqlite:///"), statement)
    else:
        server = await asyncpg.connect(database_url)
        await server.execute(statement)
        await server.close()


def _execute(file: str, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()


def leaking(exposed: dict[str, str | bytes]) -> list[str]:
    """Return the names of the places in which a canary is seen."""
    return [
        name
        for name, held in exposed.items()
        if CANARY.encode() in (held if isinstance(held, bytes) else held.encode())
    ]


def _record_text(record: logging.LogRecord) -> str:
    """Return all that a line is made of but a traceback, before anything is taken out of it."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # the bot only says that such a record cannot be written
        return ""
    return f"{message} {record.__dict__} {structlog.contextvars.get_contextvars()}"


def _has_traceback(record: logging.LogRecord) -> bool:
    event: Any = record.msg
    return bool(record.exc_info or (isinstance(event, dict) and event.get("exc_info")))
