"""How log lines look: events with fields, for people or as JSON. Nothing leaves here that is a secret or a forged line."""

import logging
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from bot.redaction import redacted

LONGEST_VALUE = 120
"""Characters of one value: what it says may come from outside."""
LONGEST_TEXT = 2000
"""Characters of a library's message, and of each text in an exception."""

_LONG = ("event", "exception")
_EVERY: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
STEPS: list[structlog.typing.Processor] = [*_EVERY, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
"""What an event of ours goes through until it is a record of the standard library's."""


def set_up(style: Literal["console", "json"]) -> None:
    """Send our events and those of libraries, and what ends the process, to standard error in one form."""
    structlog.configure(
        processors=STEPS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler()
    handler.setFormatter(formatter(style))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # They tell every request, every timer and every ping.
    for chatty in ("httpx", "slack_bolt", "slack_sdk", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns at each tick that finds the last look still under way, which is as it should be.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_end


def formatter(style: Literal["console", "json"]) -> logging.Formatter:
    """Return what makes a line of a record, be it of an event of ours that took ``STEPS`` or of a library's."""
    # Neither shows the local variables of frames, and with them tokens and keys.
    last: list[structlog.typing.Processor] = (
        [
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            _cleaned,
            structlog.processors.JSONRenderer(),
        ]
        if style == "json"
        else [
            ExceptionRenderer(),
            _cleaned,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_EVERY, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


class _Handler(logging.StreamHandler[Any]):
    """Writes to standard error; a record that cannot be written is named, where Python would print its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        self.stream.write(f"a log line of {record.module}:{record.lineno} could not be written\n")


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        structlog.get_logger().critical("process.broke", exc_info=(kind, error, trace))


def _cleaned(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Make every value safe: no secret, nothing that is not seen, one line, and not too long."""
    traceback = event.get("exception")
    safe = {key: _safe(value, LONGEST_TEXT if key in _LONG else LONGEST_VALUE) for key, value in event.items()}
    return safe | {"exception": _indented(traceback)} if isinstance(traceback, str) else safe


def _safe(value: Any, longest: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_one_line(str(key), longest): _safe(each, longest) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(each, longest) for each in value]
    return _one_line(value if isinstance(value, str) else repr(value), longest)


def _one_line(text: str, longest: int) -> str:
    """Return ``text`` without secrets, with escapes for what is not printable, and cut."""
    safe = redacted(text)
    if not safe.isprintable():
        safe = "".join(map(_visible, safe))
    return safe if len(safe) <= longest else f"{safe[: longest - 1]}…"


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _indented(traceback: str) -> str:
    """Return a traceback of several lines, none of which can pass for the beginning of a record."""
    return "\n".join("    " + _one_line(line, LONGEST_TEXT) for line in redacted(traceback).split("\n"))
