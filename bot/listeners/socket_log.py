"""What the SDK says of its WebSocket, told once: when it is lost and when it is back."""

import logging
from collections.abc import Callable

import structlog

from bot.net.connection_errors import connection_problem

MAX_MESSAGE_LENGTH = 200
"""Characters of what the SDK says where it names no exception."""

_OURS = ("process_messages", "run_message_listeners")
"""Where the SDK runs what is ours."""

log = structlog.get_logger()


class ConnectionLog(logging.Logger):
    """A logger for the SDK, which repeats a traceback every few seconds while there is no network."""

    def __init__(self, discard_url: Callable[[], None]) -> None:
        """Take ``renew``, which lets the next try ask for an address of its own: Slack's are good for one connection."""
        super().__init__("socket", logging.WARNING)
        self._discard_url = discard_url
        self._is_lost = False

    def handle(self, record: logging.LogRecord) -> None:
        """Take what the SDK says: that a connection failed, or that something of ours did, which is a bug."""
        error = record.exc_info[1] if record.exc_info else None
        trouble = connection_problem(error) if error else None
        if error and not trouble and record.funcName in _OURS:
            log.error("socket.broke", said=record.getMessage()[:MAX_MESSAGE_LENGTH], exc_info=error)
            return
        self._discard_url()
        if not self._is_lost:
            self._is_lost = True
            log.error("socket.lost", error=trouble.message if trouble else record.getMessage()[:MAX_MESSAGE_LENGTH])

    def opened(self) -> None:
        """Note that the connection is open."""
        if self._is_lost:
            self._is_lost = False
            log.info("socket.back")
