"""What every Web API method has in common: a name, arguments, a scope, and one call's view of the workspace."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.limits import RateLimits
from bot.sandbox.slack.workspace import Channel, WebApiError, Workspace

COMMON_ARGUMENTS = frozenset({"token", "team_id", "pretty"})
"""Arguments that every method takes."""


@dataclass(frozen=True)
class MethodCall:
    """One request that passed authentication."""

    workspace: Workspace
    arguments: dict[str, Any]
    scopes: frozenset[str]
    rate_limits: RateLimits

    def require_scope(self, scope: str) -> None:
        """Refuse with ``missing_scope`` unless the token has ``scope``."""
        if scope not in self.scopes:
            provided = ",".join(sorted(self.scopes))
            raise WebApiError("missing_scope", needed=scope, provided=provided)

    def is_true(self, name: str) -> bool:
        """Read a truth value, from JSON or a form."""
        return self.arguments.get(name) in {True, "1", "true", "True"}

    def int_argument(self, name: str, default: int, most: int) -> int:
        """Read a number between 1 and ``most``."""
        try:
            return min(most, max(1, int(self.arguments.get(name) or default)))
        except ValueError:
            raise WebApiError("invalid_limit") from None

    def channel(self, name: str = "channel") -> Channel:
        """Return the channel that an argument names; private ones only where the bot is in.

        Raises:
            Refusal: ``channel_not_found``.
        """
        channel = self.workspace.channels.get(str(self.arguments.get(name, "")))
        if channel is None or (channel.is_private and not channel.bot_is_member):
            raise WebApiError("channel_not_found")
        return channel

    def joined_channel(self, name: str = "channel") -> Channel:
        """Return the channel that an argument names; the bot has to be in it.

        Raises:
            Refusal: ``channel_not_found`` or ``not_in_channel``.
        """
        channel = self.channel(name)
        if not channel.bot_is_member:
            raise WebApiError("not_in_channel")
        return channel

    def user_id(self, name: str = "user") -> str:
        """Return the id of the known person that an argument names.

        Raises:
            Refusal: ``user_not_found``.
        """
        who = str(self.arguments.get(name, ""))
        if who not in self.workspace.users:
            raise WebApiError("user_not_found")
        return who


MethodHandler = Callable[[MethodCall], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """One Web API method."""

    handler: MethodHandler
    required: frozenset[str]
    accepted: frozenset[str]
    scope: str
    """What the token has to have; empty where every token will do."""

    def __call__(self, call: MethodCall) -> dict[str, Any]:
        """Carry it out.

        Raises:
            Refusal: whatever Slack would say instead.
        """
        if self.scope:
            call.require_scope(self.scope)
        wrong = [f"[ERROR] unknown argument: {name}" for name in sorted(set(call.arguments) - self.accepted)]
        wrong += [f"[ERROR] missing required field: {name}" for name in sorted(self.required - set(call.arguments))]
        if wrong:
            raise WebApiError("invalid_arguments", response_metadata={"messages": wrong})
        return {"ok": True, **self.handler(call)}


METHODS: dict[str, Method] = {}


def method(
    name: str, *, required: str = "", optional: str = "", scope: str = ""
) -> Callable[[MethodHandler], MethodHandler]:
    """Enter a function into ``METHODS``; arguments are named in one string each."""

    def enter(work: MethodHandler) -> MethodHandler:
        needed = frozenset(required.split())
        METHODS[name] = Method(work, needed, needed | frozenset(optional.split()) | COMMON_ARGUMENTS, scope)
        return work

    return enter
