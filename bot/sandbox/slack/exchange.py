"""One exchange between a person and the app: what was acknowledged, answered and opened."""

import re
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack.delivery import Ack, PayloadKind
from bot.sandbox.slack.messages import OpenView, SentReply
from bot.sandbox.slack.workspace import Workspace

PLACEHOLDER_REPLY = re.compile(r":hourglass_flowing_sand: [A-Z][a-z ]+…")
"""What an app says until the answer is there."""
NO_ACK = Ack(acked=False, seconds=0.0)


@dataclass
class UserInteraction:
    """One thing that a person did, and all that came of it."""

    id: str
    user: str
    workspace: Workspace
    request_log: RequestLog
    ack: Ack = NO_ACK
    response_url: str = ""
    trigger_id: str = ""
    event: dict[str, Any] = field(default_factory=dict)
    """The event that was delivered, in its envelope; empty where a person acted."""
    delivered: tuple[PayloadKind, dict[str, Any]] | None = None
    """What was delivered, None before it was."""
    at: float = 0.0
    """When the person did it, seconds since the epoch."""
    _since: int = 0

    @property
    def acked(self) -> bool:
        """Whether the app acknowledged within three seconds."""
        return self.ack.acked

    @property
    def ack_seconds(self) -> float:
        """How long the acknowledgement took."""
        return self.ack.seconds

    @property
    def ack_body(self) -> Any:
        """What came with the acknowledgement."""
        return self.ack.body

    @property
    def status(self) -> int:
        """The HTTP status; 200 for an acknowledgement over Socket Mode, 0 where none came."""
        return self.ack.status

    @property
    def error(self) -> str:
        """What Slack told the person: ``operation_timeout``, ``dispatch_failed``, or nothing."""
        return self.ack.error

    @property
    def replies(self) -> list[SentReply]:
        """Every answer through its response URL, and the ephemeral posts for that person since it began."""
        later = self.workspace.replies[self._since :]
        return [
            one for one in later if one.interaction_id == self.id or (one.user == self.user and not one.interaction_id)
        ]

    @property
    def final_replies(self) -> list[SentReply]:
        """The replies without those that say that the answer is still to come."""
        return [one for one in self.replies if not PLACEHOLDER_REPLY.fullmatch(one.text)]

    async def reply(self, n: int = 0, seconds: float = 300) -> SentReply:
        """Wait for the answer number ``n``.

        Raises:
            TimeoutError: it did not come.
        """
        what = f"reply {n} to {self.id}; {self.error or 'acknowledged'}"
        await self.request_log.wait_until(lambda: len(self.final_replies) > n, seconds=seconds, why=what)
        return self.final_replies[n]

    async def modal(self, seconds: float = 300) -> OpenView:
        """Wait for the modal that the app opens in answer to it.

        Raises:
            TimeoutError: none was opened.
        """
        view: OpenView = await self.request_log.wait_until(self._opened, seconds=seconds, why=f"a modal for {self.id}")
        return view

    def _opened(self) -> OpenView | None:
        views = (view for view in self.workspace.views.values() if view.trigger)
        return next((view for view in views if view.trigger == self.trigger_id), None)
