"""A row of the registry: how a verb is typed, who may use it, what it changes, and what runs it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, TypeVar

from bot.commands.accounts import Account
from bot.commands.command import Command, Reply, Requester
from bot.commands.permissions import Permission
from bot.commands.services import Services
from bot.commands.usage import Usage

C = TypeVar("C", bound=Command)
_JOB = re.compile(r"<id|\[id\|")
"""How the syntax of a verb writes a job."""


class Effect(Enum):
    """What a verb changes."""

    NONE = auto()
    CHANGES_CHANNEL = auto()
    """What a channel or a person gets."""
    STOPS_ALERTS = auto()
    """What a channel or a person gets, and only less of it: everyone may do that in their own direct messages."""
    REQUESTS_ACTION = auto()
    """Nothing yet: it asks for the confirmation of an action on a job."""
    EXECUTES_ACTION = auto()
    """A job: it confirms an action."""


@dataclass(frozen=True)
class Verb(Generic[C]):
    """One verb."""

    command: type[C]
    run: Callable[[C, Services, Account], Awaitable[Reply]]
    usage: Usage | None = None
    """None for a verb that only buttons and forms have."""
    parse: Callable[[list[str], Requester], C] | None = None
    """Reads the words after the verb; raises ``UserError``."""
    permission: Permission = Permission.READ
    effect: Effect = Effect.NONE
    opens_modal: bool = False
    """Whether the reply belongs in a modal, which has to be opened within three seconds."""
    is_local: bool = False
    """Whether it works on the store alone, so that the account of its job need not be resolved."""

    @property
    def changes_job(self) -> bool:
        """Whether the verb requests or executes an action of the fine-tuning API."""
        return self.effect in (Effect.REQUESTS_ACTION, Effect.EXECUTES_ACTION)

    @property
    def names_job(self) -> bool:
        """Whether the words after it name jobs, of which `account:` may name the account."""
        return self.usage is not None and _JOB.search(self.usage.syntax) is not None

    def changes_channel(self, command: C) -> bool:
        """Whether a command changes what a channel or a person gets, or writes there."""
        return self.effect in (Effect.CHANGES_CHANNEL, Effect.STOPS_ALERTS) and not command.is_read_only

    def permission_for(self, command: C) -> Permission:
        """Return the permission that a command needs: an operator's where it concerns another channel or person."""
        return Permission.OPERATE if command.is_elsewhere else self.permission

    def needs_fresh_permissions(self, command: C) -> bool:
        """Whether Slack is asked again who the requester is: an operator's command that takes effect without a confirmation."""
        is_final = self.permission is Permission.OPERATE and self.effect is not Effect.REQUESTS_ACTION
        return is_final or command.is_elsewhere

    def stops_own_alerts(self, command: C) -> bool:
        """Whether a command stops what its requester gets in their own direct messages, which everybody may."""
        return self.effect is Effect.STOPS_ALERTS and command.requester.channel.startswith("D")
