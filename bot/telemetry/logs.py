"""Structured logging: events with fields, for a console or as JSON, redacted and safe from log injection.

A thread writes the lines, so that a blocked standard error delays no task.
"""

import atexit
import logging
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from typing_extensions import override

from bot.telemetry.metrics import LOG_LINES_DROPPED
from bot.telemetry.redaction import MASK, is_secret_name, redacted
from bot.text import printable

MAX_QUEUED_BYTES = 1024 * 1024
"""Bytes of queued lines; lines beyond that are dropped and counted."""
SHUTDOWN_SECONDS = 0.4
"""How long the exit of the process waits for queued lines."""
MAX_VALUE_LENGTH = 120
"""Characters of one field; its value may be untrusted."""
MAX_TEXT_LENGTH = 2000
"""Characters of a library's message, and of each text in an exception."""

_LONG = ("event", "exception")
_SHARED_PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
PROCESSORS: list[structlog.typing.Processor] = [
    *_SHARED_PROCESSORS,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]
"""Processors that turn our events into records of the standard library."""


def configure(style: Literal["console", "json"]) -> None:
    """Log our events, those of libraries, and uncaught exceptions to standard error in one format."""
    structlog.configure(
        processors=PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _QueueHandler(sys.stderr.fileno())
    handler.setFormatter(formatter(style))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # These log every request, timer and ping.
    for chatty in ("httpx", "slack_bolt", "slack_sdk", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # The first warns whenever a poll is still running at the next tick, which is intended; the second of each token that
    # Entra ID did not give, of which our own event tells.
    for quiet in ("apscheduler", "azure"):
        logging.getLogger(quiet).setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_unraisable
    atexit.register(drain)


def write_stderr(text: str) -> None:
    """Write a line to standard error, through the log queue if logging is configured."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _QueueHandler):
            handler.write(text)
            return
    sys.stderr.write(f"{text}\n")


def drain(seconds: float = SHUTDOWN_SECONDS) -> None:
    """Wait until all queued lines are written, at most ``seconds``: standard error may be blocked."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _QueueHandler):
            handler.drain(seconds)


def formatter(style: Literal["console", "json"]) -> logging.Formatter:
    """Return the formatter for records of our events, which passed ``PROCESSORS``, and of libraries."""
    # Neither shows local variables of frames, which may hold tokens and keys.
    last: list[structlog.typing.Processor] = (
        [
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            _sanitize,
            structlog.processors.JSONRenderer(),
        ]
        if style == "json"
        else [
            ExceptionRenderer(),
            _sanitize,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED_PROCESSORS, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


class _QueueHandler(logging.Handler):
    """Handler with a queue and a writer thread."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._queued_bytes = 0
        self._dropped = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._write_all, name="log", daemon=True).start()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; if it can't be formatted, queue its origin, where Python would print its arguments."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - whatever the arguments do when they are formatted
            line = f"a log line of {record.module}:{record.lineno} couldn't be written"
        self.write(line)

    def write(self, text: str) -> None:
        """Queue a line, or drop and count it if the queue is full."""
        line = f"{text}\n".encode(errors="backslashreplace")
        with self._changed:
            if self._queued_bytes + len(line) > MAX_QUEUED_BYTES:
                self._drop()
                return
            self._lines.append(line)
            self._queued_bytes += len(line)
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until the queue is empty, or for ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, seconds)

    def _drop(self) -> None:
        self._dropped += 1
        LOG_LINES_DROPPED.inc()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                line = self._lines[0]
            is_written = _write(self._descriptor, line)
            with self._changed:
                if not is_written:
                    self._drop()
                # Report drops only when the queue has room, so that the report is not dropped, too.
                dropped = self._dropped if is_written and self._queued_bytes <= MAX_QUEUED_BYTES // 2 else 0
                self._dropped -= dropped
            if dropped:
                structlog.get_logger().warning("log.lines_dropped", lines=dropped)
            with self._changed:
                self._lines.popleft()
                self._queued_bytes -= len(line)
                self._changed.notify_all()


def _write(descriptor: int, line: bytes) -> bool:
    """Write a whole line, blocking; return whether it succeeded."""
    while line:
        try:
            line = line[os.write(descriptor, line) :]
        except BlockingIOError:  # another process with the same descriptor may have made it non-blocking
            select.select((), (descriptor,), ())
        except OSError:  # a closed pipe, or a full disk
            return False
    return True


def _log_unraisable(what: "sys.UnraisableHookArgs") -> None:
    structlog.get_logger().error(
        "process.unraisable", exc_info=what.exc_value, where=getattr(what.object, "__qualname__", None)
    )


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        structlog.get_logger().critical("process.crashed", exc_info=(kind, error, trace))


def _sanitize(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Sanitize every field: redacted, printable, one line, truncated."""
    traceback = event.get("exception")
    safe = {
        key: _field(key, value, MAX_TEXT_LENGTH if key in _LONG else MAX_VALUE_LENGTH) for key, value in event.items()
    }
    return safe | {"exception": _indented(traceback)} if isinstance(traceback, str) else safe


def _safe(value: Any, longest: int, *, hides: bool = False) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            _one_line(str(key), longest): _field(str(key), each, longest, hides=hides) for key, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(each, longest, hides=hides) for each in value]
    return MASK if hides else _one_line(value if isinstance(value, str) else repr(value), longest)


def _field(name: str, value: Any, longest: int, *, hides: bool = False) -> Any:
    return _safe(value, longest, hides=hides or is_secret_name(name))


def _one_line(text: str, longest: int) -> str:
    """Return ``text`` redacted, escaped to printable characters, and truncated."""
    safe = printable(redacted(text))
    return safe if len(safe) <= longest else f"{safe[: longest - 1]}…"


def _indented(traceback: str) -> str:
    """Return a traceback with every line indented, so that none can imitate a new record."""
    return "\n".join("    " + _one_line(line, MAX_TEXT_LENGTH) for line in redacted(traceback).split("\n"))


class RateLimitedLog:
    """Logs one event at most once a second."""

    def __init__(self, event: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._clock = clock
        self._log = structlog.get_logger()
        self._suppressed = 0
        self._next = 0.0

    def __call__(self, **fields: Any) -> None:
        """Log the event with the number of suppressed ones since the last time, or suppress it."""
        now = self._clock()
        if now < self._next:
            self._suppressed += 1
            return
        self._log.info(self._event, suppressed=self._suppressed, **fields)
        self._suppressed, self._next = 0, now + 1
