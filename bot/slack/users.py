"""Who is who: asked of Slack, remembered for five minutes; its last word serves for a day where it cannot be asked."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import RECIPIENT_UNVERIFIED
from bot.slack.members import Person, UnknownReason, Workspace, person_of, unknown_reason
from bot.slack.user_groups import UserGroups, error_name
from bot.store.outbox.dead_letters import LOST_ACCESS

CACHE_SECONDS = 300.0
"""Seconds that Slack's word about a person is good for."""
STALE_SECONDS = 86_400.0
"""Seconds for which Slack's last word about somebody is good for reading, while it cannot be asked."""
_MAX_CACHED = 10_000

log = structlog.get_logger()


class Users:
    """Looks people up. Ages go by ``monotonic``, which no change of the wall clock moves."""

    def __init__(self, client: AsyncWebClient, operators: frozenset[str], monotonic: Callable[[], float]) -> None:
        self._client = client
        self._operators = operators
        self._groups = UserGroups(client, operators, monotonic)
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, Person]] = {}

    async def look_up(
        self, user_id: str, workspace: Workspace, *, check_groups: bool = False, fresh: bool = False
    ) -> Person | UnknownReason:
        """Return somebody as Slack describes them, or why nothing is known of them.

        Args:
            user_id: whom.
            workspace: our workspace; who is not in it is a stranger.
            check_groups: whether they want to do what only operators may: then groups are asked, too.
            fresh: whether only Slack's word of this moment counts, as for what cannot be taken back.
        """
        at, known = self._cache.get(user_id, (0.0, None))
        is_recent = known is not None and not fresh and self._monotonic() < at + CACHE_SECONDS
        who = known if known and is_recent else await self._fetch(user_id, workspace)
        if isinstance(who, Person):
            if not is_recent:
                self._remember(who)
            return await self._with_groups(who, fresh=fresh) if check_groups else who
        if who not in (UnknownReason.UNREACHABLE, UnknownReason.FORBIDDEN):
            # Slack was asked, and did not say that this is a member.
            self._cache.pop(user_id, None)
        elif known and self._monotonic() < at + STALE_SECONDS:
            return replace(known, is_stale=True)
        return who

    def cached(self, user_id: str) -> Person | UnknownReason:
        """Return what Slack said of somebody lately, without asking it."""
        at, known = self._cache.get(user_id, (0.0, None))
        return known if known and self._monotonic() < at + CACHE_SECONDS else UnknownReason.UNREACHABLE

    async def lost_access(self, user_id: str, workspace: Workspace) -> str | None:
        """Return why nothing may be sent to somebody, as the error of an attempt; None where they may read."""
        who = await self.look_up(user_id, workspace)
        if isinstance(who, Person) and who.is_member:
            return None
        log.warning(
            "direct_messages.refused", person=user_id, why="no_member" if isinstance(who, Person) else who.value
        )
        return LOST_ACCESS if isinstance(who, Person) or who is UnknownReason.NO_SUCH_PERSON else RECIPIENT_UNVERIFIED

    def _remember(self, person: Person) -> None:
        self._cache.pop(person.id, None)
        if len(self._cache) >= _MAX_CACHED:
            del self._cache[next(iter(self._cache))]
        self._cache[person.id] = self._monotonic(), person

    async def _fetch(self, user_id: str, workspace: Workspace) -> Person | UnknownReason:
        try:
            response = await self._client.users_info(user=user_id)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            why = unknown_reason(error_name(error))
            log.warning("people.unknown", why=why.value, error=f"{type(error).__name__}: {error}")
            return why
        who = person_of(response.get("user"), user_id, workspace)
        if isinstance(who, UnknownReason):
            log.warning("people.unreadable", person=user_id)
        return who

    async def _with_groups(self, person: Person, *, fresh: bool) -> Person:
        """Return somebody with their groups, where these could make them an operator who is none anyway."""
        is_out = person.is_guest or person.is_external or not person.is_human
        if is_out or person.is_admin or person.id in self._operators:
            return person
        groups, some_unknown = await self._groups.groups_of(person.id, fresh=fresh)
        return replace(person, groups=groups, groups_unknown=some_unknown)
