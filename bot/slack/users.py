"""Who is who: asked of Slack, remembered for five minutes; its last word serves for a day where it cannot be asked."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import LOST_ACCESS, NOT_ASKED
from bot.slack.groups import Groups, word_of
from bot.slack.members import Person, Unknown, Workspace, person_of, unknown

REMEMBERED = 300.0
"""Seconds that Slack's word about a person is good for."""
LAST_WORD = 86_400.0
"""Seconds for which Slack's last word about somebody is good for reading, while it cannot be asked."""
_MOST_REMEMBERED = 10_000

log = structlog.get_logger()


class People:
    """Looks people up. Ages go by ``ages``, which no change of the wall clock moves."""

    def __init__(self, client: AsyncWebClient, operators: frozenset[str], ages: Callable[[], float]) -> None:
        self._client = client
        self._operators = operators
        self._groups = Groups(client, operators, ages)
        self._ages = ages
        self._known: dict[str, tuple[float, Person]] = {}

    async def ask(
        self, user_id: str, ours: Workspace, *, operates: bool = False, fresh: bool = False
    ) -> Person | Unknown:
        """Return somebody as Slack describes them, or why nothing is known of them.

        Args:
            user_id: whom.
            ours: our workspace; who is not in it is a stranger.
            operates: whether they want to do what only operators may: then groups are asked, too.
            fresh: whether only Slack's word of this moment counts, as for what cannot be taken back.
        """
        at, known = self._known.get(user_id, (0.0, None))
        is_recent = known is not None and not fresh and self._ages() < at + REMEMBERED
        who = known if known and is_recent else await self._look_up(user_id, ours)
        if isinstance(who, Person):
            if not is_recent:
                self._remember(who)
            return await self._with_groups(who, fresh=fresh) if operates else who
        if who not in (Unknown.UNREACHABLE, Unknown.FORBIDDEN):
            # Slack was asked, and did not say that this is a member.
            self._known.pop(user_id, None)
        elif known and self._ages() < at + LAST_WORD:
            return replace(known, is_stale=True)
        return who

    def remembered(self, user_id: str) -> Person | Unknown:
        """Return what Slack said of somebody lately, without asking it."""
        at, known = self._known.get(user_id, (0.0, None))
        return known if known and self._ages() < at + REMEMBERED else Unknown.UNREACHABLE

    async def lost_access(self, user_id: str, ours: Workspace) -> str | None:
        """Return why nothing may be sent to somebody, as the error of an attempt; None where they may read."""
        who = await self.ask(user_id, ours)
        if isinstance(who, Person) and who.is_member:
            return None
        log.warning(
            "direct_messages.refused", person=user_id, why="no_member" if isinstance(who, Person) else who.value
        )
        return LOST_ACCESS if isinstance(who, Person) or who is Unknown.NO_SUCH_PERSON else NOT_ASKED

    def _remember(self, person: Person) -> None:
        self._known.pop(person.id, None)
        if len(self._known) >= _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[person.id] = self._ages(), person

    async def _look_up(self, user_id: str, ours: Workspace) -> Person | Unknown:
        try:
            answer = await self._client.users_info(user=user_id)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            why = unknown(word_of(error))
            log.warning("people.unknown", why=why.value, error=f"{type(error).__name__}: {error}")
            return why
        who = person_of(answer.get("user"), user_id, ours)
        if isinstance(who, Unknown):
            log.warning("people.unreadable", person=user_id)
        return who

    async def _with_groups(self, person: Person, *, fresh: bool) -> Person:
        """Return somebody with their groups, where these could make them an operator who is none anyway."""
        is_out = person.is_guest or person.is_stranger or not person.is_human
        if is_out or person.is_admin or person.id in self._operators:
            return person
        groups, some_unknown = await self._groups.of(person.id, fresh=fresh)
        return replace(person, groups=groups, groups_unknown=some_unknown)
