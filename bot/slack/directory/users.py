"""Users: who they are in Slack, cached for five minutes; a stale entry serves for a day while Slack is unreachable."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.call import SlackCallError, call
from bot.slack.directory.members import Person, UnknownReason, Workspace, person_of, unknown_reason
from bot.slack.directory.user_groups import UserGroups
from bot.slack.errors import RECIPIENT_UNVERIFIED
from bot.store.outbox.dead_letters import LOST_ACCESS

CACHE_SECONDS = 300.0
STALE_SECONDS = 86_400.0
"""Seconds for which an old entry is good for reading commands while Slack is unreachable."""
_MAX_CACHED = 10_000

log = structlog.get_logger()


class Users:
    """Users of the workspace."""

    def __init__(self, client: AsyncWebClient, operators: frozenset[str], monotonic: Callable[[], float]) -> None:
        self._client = client
        self.operators = operators
        """IDs of users and of user groups, as the settings name them."""
        self._groups = UserGroups(client, operators, monotonic)
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, Person]] = {}

    async def look_up(
        self, user_id: str, workspace: Workspace, *, check_groups: bool = False, fresh: bool = False
    ) -> Person | UnknownReason:
        """Return a user as Slack describes them, or why they are unknown.

        Args:
            user_id: the user.
            workspace: our workspace; everyone else is external.
            check_groups: whether to read the operators' user groups, too, as for what only operators may do.
            fresh: whether to bypass the cache, as for an action that cannot be undone.
        """
        at, known = self._cache.get(user_id, (0.0, None))
        is_recent = known is not None and not fresh and self._monotonic() < at + CACHE_SECONDS
        who = known if known and is_recent else await self._fetch(user_id, workspace)
        if isinstance(who, Person):
            if not is_recent:
                self._remember(who)
            return await self._with_groups(who, fresh=fresh) if check_groups else who
        if who not in (UnknownReason.UNREACHABLE, UnknownReason.FORBIDDEN):
            # Slack answered, and did not describe a member.
            self._cache.pop(user_id, None)
        elif known and self._monotonic() < at + STALE_SECONDS:
            return replace(known, is_stale=True)
        return who

    def cached(self, user_id: str) -> Person | UnknownReason:
        """Return a user from the cache alone."""
        at, known = self._cache.get(user_id, (0.0, None))
        return known if known and self._monotonic() < at + CACHE_SECONDS else UnknownReason.UNREACHABLE

    async def access_error(self, user_id: str, workspace: Workspace) -> str | None:
        """Return the error that forbids direct messages to a user, or None if they are a full member."""
        who = await self.look_up(user_id, workspace)
        if isinstance(who, Person) and who.is_member:
            return None
        reason = "no_member" if isinstance(who, Person) else who.value
        log.warning("direct_messages.blocked", person=user_id, why=reason)
        return LOST_ACCESS if isinstance(who, Person) or who is UnknownReason.NO_SUCH_PERSON else RECIPIENT_UNVERIFIED

    def _remember(self, person: Person) -> None:
        self._cache.pop(person.id, None)
        if len(self._cache) >= _MAX_CACHED:
            del self._cache[next(iter(self._cache))]
        self._cache[person.id] = self._monotonic(), person

    async def _fetch(self, user_id: str, workspace: Workspace) -> Person | UnknownReason:
        try:
            response = await call(self._client.users_info(user=user_id))
        except SlackCallError as error:
            reason = unknown_reason(error.name)
            log.warning("users.lookup_failed", why=reason.value, error=str(error))
            return reason
        who = person_of(response.get("user"), user_id, workspace)
        if isinstance(who, UnknownReason):
            log.warning("users.unreadable", person=user_id)
        return who

    async def _with_groups(self, person: Person, *, fresh: bool) -> Person:
        """Return a user with their groups, unless they are an operator without them, or cannot be one."""
        cannot_operate = person.is_guest or person.is_external or not person.is_human
        if cannot_operate or person.is_admin or person.id in self.operators:
            return person
        groups, some_unknown = await self._groups.groups_of(person.id, fresh=fresh)
        return replace(person, groups=groups, groups_unknown=some_unknown)
