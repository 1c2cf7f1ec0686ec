"""The door through which messages leave, as the sender needs it: Slack's gateway stands in it."""

from dataclasses import dataclass
from typing import Protocol

from bot.alerts.draw import Outgoing
from bot.alerts.retry import Answer, Sight, Sought


@dataclass(frozen=True)
class Upload:
    """A picture on its way to Slack."""

    content: bytes
    name: str
    """Of the file."""
    title: str


class Door(Protocol):
    """Where messages go out: Slack's gateway."""

    async def post(self, outgoing: Outgoing) -> Answer:
        """Post one message, once, and say how that ended."""

    async def edit(self, outgoing: Outgoing, ts: str) -> Answer:
        """Let a message of ours say something else, and say how that ended."""

    async def upload(self, upload: Upload) -> str | None:
        """Upload a picture for a message to show; return Slack's id of it, None where that did not work."""

    async def now(self) -> float:
        """Return the time of day by Slack's clock, as well as it is known."""

    async def find(self, sought: Sought) -> Sight:
        """Look whether a message arrived."""
