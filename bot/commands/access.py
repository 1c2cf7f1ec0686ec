"""Access control: whether a person may use a command, and how often."""

from dataclasses import dataclass

from bot.commands.command import Command
from bot.commands.permissions import NEVER_ALLOWED, Authorized, Denied, Permission, Policy, authorize
from bot.commands.rate_limit import RateLimiter, RequestKind
from bot.commands.registry import VERBS
from bot.commands.verb import Effect
from bot.runtime.clock import Clock
from bot.slack.directory.members import Person, UnknownReason

_KINDS = {
    Permission.NONE: RequestKind.NO_PERMISSION,
    Permission.READ: RequestKind.MEMBER,
    Permission.OPERATE: RequestKind.OPERATOR,
}
"""Which rate limit a command counts against, by the permission that it needs."""


@dataclass(frozen=True)
class AccessControl:
    """The permissions and rate limits of one process."""

    policy: Policy
    rate_limiter: RateLimiter
    monotonic: Clock

    def authorize(self, person: Person | UnknownReason, command: Command) -> Authorized | Denied:
        """Decide whether somebody may use a command."""
        verb = VERBS[command.verb]
        changes = {"changes_job": verb.changes_job, "changes_channel": verb.changes_channel(command)}
        return authorize(person, verb.permission_for(command), self.policy, **changes)

    def update_rate_limits(self, decision: Authorized | Denied, permission: Permission, person_id: str) -> None:
        """Record a decision in the rate limits, so that denied people use up none of the limits of others."""
        if isinstance(decision, Denied):
            permanent = decision.reason in NEVER_ALLOWED
            self.rate_limiter.record_denied(person_id, self.monotonic(), permanent=permanent)
        elif permission is not Permission.NONE:
            self.rate_limiter.record_authorized(person_id)


def request_kind(command: Command) -> RequestKind:
    """Return which rate limit a command counts against."""
    verb = VERBS[command.verb]
    if verb.effect is Effect.EXECUTES_ACTION:
        return RequestKind.CONFIRMATION
    return _KINDS[verb.permission_for(command)]
