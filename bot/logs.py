"""How log lines look: events with fields, for people or as JSON."""

import logging
import time
from collections.abc import Callable
from typing import Any, Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer


def set_up(style: Literal["console", "json"]) -> None:
    """Send our events and those of libraries to standard error in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Both would show the local variables of every frame, and with them tokens and keys.
    dict_tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    last: list[structlog.typing.Processor] = (
        [dict_tracebacks, structlog.processors.JSONRenderer()]
        if style == "json"
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # They tell every request, every timer and every ping.
    for chatty in ("httpx", "slack_bolt", "slack_sdk", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns at each tick that finds the last look still under way, which is as it should be.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Sampled:
    """Logs one event at most once a second, however often strangers cause it."""

    def __init__(self, event: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._clock = clock
        self._log = structlog.get_logger()
        self._left_out = 0
        self._next = 0.0

    def __call__(self, **fields: Any) -> None:
        """Log it, with the number of those that were left out since the last time, or leave it out."""
        now = self._clock()
        if now < self._next:
            self._left_out += 1
            return
        self._log.info(self._event, left_out=self._left_out, **fields)
        self._left_out, self._next = 0, now + 1
