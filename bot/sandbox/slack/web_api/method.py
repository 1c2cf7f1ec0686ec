"""Web API methods: registration by name with their arguments and scope, and one call's context."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.rate_limits import RateLimits
from bot.sandbox.slack.workspace import Channel, WebApiError, Workspace

COMMON_ARGUMENTS = frozenset({"token", "team_id", "pretty"})
"""Arguments that every method accepts."""


@dataclass(frozen=True)
class MethodCall:
    """One authenticated call."""

    workspace: Workspace
    arguments: dict[str, Any]
    scopes: frozenset[str]
    rate_limits: RateLimits

    def require_scope(self, scope: str) -> None:
        """Raise ``missing_scope`` unless the token has ``scope``."""
        if scope not in self.scopes:
            provided = ",".join(sorted(self.scopes))
            raise WebApiError("missing_scope", needed=scope, provided=provided)

    def is_true(self, name: str) -> bool:
        """Return a boolean argument, from JSON or a form."""
        return self.arguments.get(name) in {True, "1", "true", "True"}

    def int_argument(self, name: str, default: int, maximum: int) -> int:
        """Return an integer argument, clamped to 1 through ``maximum``."""
        try:
            return min(maximum, max(1, int(self.arguments.get(name) or default)))
        except ValueError:
            raise WebApiError("invalid_limit") from None

    def channel(self, name: str = "channel") -> Channel:
        """Return the channel that an argument names; a private one only if the bot is a member.

        Raises:
            WebApiError: ``channel_not_found``.
        """
        channel = self.workspace.channels.get(str(self.arguments.get(name, "")))
        if channel is None or (channel.is_private and not channel.bot_is_member):
            raise WebApiError("channel_not_found")
        return channel

    def joined_channel(self, name: str = "channel") -> Channel:
        """Return the channel that an argument names; the bot must be a member.

        Raises:
            WebApiError: ``channel_not_found`` or ``not_in_channel``.
        """
        channel = self.channel(name)
        if not channel.bot_is_member:
            raise WebApiError("not_in_channel")
        return channel

    def user_id(self, name: str = "user") -> str:
        """Return the id of the existing user that an argument names.

        Raises:
            WebApiError: ``user_not_found``.
        """
        user_id = str(self.arguments.get(name, ""))
        if user_id not in self.workspace.users:
            raise WebApiError("user_not_found")
        return user_id


MethodHandler = Callable[[MethodCall], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """One Web API method."""

    handler: MethodHandler
    required: frozenset[str]
    accepted: frozenset[str]
    scope: str
    """Scope that the token must have, "" if none."""

    def __call__(self, call: MethodCall) -> dict[str, Any]:
        """Run the method.

        Raises:
            WebApiError: Slack's error response.
        """
        if self.scope:
            call.require_scope(self.scope)
        problems = [f"[ERROR] unknown argument: {name}" for name in sorted(set(call.arguments) - self.accepted)]
        problems += [f"[ERROR] missing required field: {name}" for name in sorted(self.required - set(call.arguments))]
        if problems:
            raise WebApiError("invalid_arguments", response_metadata={"messages": problems})
        return {"ok": True, **self.handler(call)}


METHODS: dict[str, Method] = {}


def method(
    name: str, *, required: str = "", optional: str = "", scope: str = ""
) -> Callable[[MethodHandler], MethodHandler]:
    """Register a function in ``METHODS``; ``required`` and ``optional`` list argument names, separated by spaces."""

    def enter(work: MethodHandler) -> MethodHandler:
        needed = frozenset(required.split())
        METHODS[name] = Method(work, needed, needed | frozenset(optional.split()) | COMMON_ARGUMENTS, scope)
        return work

    return enter
