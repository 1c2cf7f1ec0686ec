"""What the SDK says of its WebSocket, told once: when it is lost and when it is back."""

import logging
from collections.abc import Callable

import structlog

from bot.net.connection_errors import trouble_of

LONGEST = 200
"""Characters of what the SDK says where it names no exception."""

_OURS = ("process_messages", "run_message_listeners")
"""Where the SDK runs what is ours."""

log = structlog.get_logger()


class Connection(logging.Logger):
    """A logger for the SDK, which repeats a traceback every few seconds while there is no network."""

    def __init__(self, renew: Callable[[], None]) -> None:
        """Take ``renew``, which lets the next try ask for an address of its own: Slack's are good for one connection."""
        super().__init__("socket", logging.WARNING)
        self._renew = renew
        self._is_lost = False

    def handle(self, record: logging.LogRecord) -> None:
        """Take what the SDK says: that a connection failed, or that something of ours did, which is a bug."""
        error = record.exc_info[1] if record.exc_info else None
        trouble = trouble_of(error) if error else None
        if error and not trouble and record.funcName in _OURS:
            log.error("socket.broke", said=record.getMessage()[:LONGEST], exc_info=error)
            return
        self._renew()
        if not self._is_lost:
            self._is_lost = True
            log.error("socket.lost", error=trouble.said if trouble else record.getMessage()[:LONGEST])

    def opened(self) -> None:
        """Note that the connection is open."""
        if self._is_lost:
            self._is_lost = False
            log.info("socket.back")
