"""The running bot, as its entrances, the readiness probe and tests see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.delivery.connection import SlackConnection
from bot.delivery.worker import DeliveryWorker
from bot.listeners.socket import SocketMode
from bot.poll.scheduler import AccountPoller
from bot.push.receiver import PushReceiver
from bot.push.silence import HeartbeatCheck
from bot.settings.model import Settings
from bot.slack.client import SlackClient
from bot.slack.identity import BotIdentity
from bot.store import Store


@dataclass
class Bot:
    """The parts of a running bot that other parts query."""

    settings: Settings
    store: Store
    pollers: Mapping[str, AccountPoller]
    """By the account's name."""
    worker: DeliveryWorker
    slack: SlackClient
    connection: SlackConnection
    poll_soon: Callable[[AccountPoller], None]
    """Polls an account at once."""
    socket: SocketMode | None = None
    port: int | None = None
    """The port that the HTTP server got, None without one."""

    @property
    def identity(self) -> BotIdentity | None:
        """The bot's user and workspace, from ``auth.test``; None until it returned."""
        return self.connection.identity

    @property
    def push_receivers(self) -> dict[str, PushReceiver]:
        """The receivers of the accounts whose trainers push their jobs, by name."""
        return {name: each.receiver for name, each in self.pollers.items() if isinstance(each, HeartbeatCheck)}

    def broken_parts(self) -> list[str]:
        """Return the names of the parts that don't work now; "account" only if every account fails."""
        parts = {
            "slack": not self.connection.is_up,
            "account": all(each.is_failing for each in self.pollers.values()),
            "clock": self.connection.is_clock_skewed and not self.settings.uses_socket_mode,
            "store": self._is_store_broken(),
        }
        return [name for name, broken in parts.items() if broken]

    def _is_store_broken(self) -> bool:
        pollers = self.pollers.values()
        return self.store.db.is_locked or self.worker.is_store_failing or any(each.is_broken for each in pollers)
