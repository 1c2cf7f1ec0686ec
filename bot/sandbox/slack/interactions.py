"""User interaction: what a user or Slack sent to the app, and its acknowledgement, replies and modal."""

import re
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.messages import OpenView, SentReply
from bot.sandbox.slack.payload_sender import Ack
from bot.sandbox.slack.sockets import PayloadKind
from bot.sandbox.slack.workspace import Workspace

PLACEHOLDER_REPLY = re.compile(r":hourglass_flowing_sand: [A-Z][a-z ]+…")
"""The bot's placeholder reply until the result is available."""
NO_ACK = Ack(acked=False, seconds=0.0)


@dataclass
class UserInteraction:
    """One user action or event, with everything that the app did in response."""

    id: str
    user: str
    workspace: Workspace
    ack: Ack = NO_ACK
    response_url: str = ""
    trigger_id: str = ""
    delivered: tuple[PayloadKind, dict[str, Any]] | None = None
    """The delivered payload, None if nothing was delivered."""
    at: float = 0.0
    """When it happened, seconds since the epoch."""
    _first_reply: int = 0

    @property
    def acked(self) -> bool:
        """Whether the app acknowledged within three seconds."""
        return self.ack.acked

    @property
    def ack_seconds(self) -> float:
        """Seconds until the acknowledgement."""
        return self.ack.seconds

    @property
    def ack_body(self) -> Any:
        """Payload of the acknowledgement, None if it was empty."""
        return self.ack.body

    @property
    def status(self) -> int:
        """HTTP status of the acknowledgement; 200 over Socket Mode, 0 if none came."""
        return self.ack.status

    @property
    def error(self) -> str:
        """Error that Slack shows the user: ``operation_timeout``, ``dispatch_failed``, or ""."""
        return self.ack.error

    @property
    def replies(self) -> list[SentReply]:
        """Replies through its response URL, and ephemeral posts to its user since it began."""
        later = self.workspace.replies[self._first_reply :]
        return [
            one for one in later if one.interaction_id == self.id or (one.user == self.user and not one.interaction_id)
        ]

    @property
    def final_replies(self) -> list[SentReply]:
        """The replies without placeholders."""
        return [one for one in self.replies if not PLACEHOLDER_REPLY.fullmatch(one.text)]

    async def reply(self, n: int = 0, seconds: float = 300) -> SentReply:
        """Wait for the final reply number ``n``, from 0.

        Raises:
            TimeoutError: it did not come.
        """
        what = f"reply {n} to {self.id}; {self.error or 'acknowledged'}"
        await self.workspace.request_log.wait_until(lambda: len(self.final_replies) > n, seconds=seconds, why=what)
        return self.final_replies[n]

    async def modal(self, seconds: float = 300) -> OpenView:
        """Wait for the modal that the app opens with its trigger id.

        Raises:
            TimeoutError: none was opened.
        """
        view: OpenView = await self.workspace.request_log.wait_until(
            self._opened, seconds=seconds, why=f"a modal for {self.id}"
        )
        return view

    def _opened(self) -> OpenView | None:
        views = (view for view in self.workspace.views.values() if view.trigger)
        return next((view for view in views if view.trigger == self.trigger_id), None)
