"""Who is who: asked of Slack, remembered for five minutes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.access import Person

REMEMBERED = 300.0
"""Seconds that Slack's word about a person is good for."""
_MOST_REMEMBERED = 10_000

log = structlog.get_logger()


class People:
    """Looks people up."""

    def __init__(self, client: AsyncWebClient, operators: frozenset[str], clock: Callable[[], float]) -> None:
        self._client = client
        self._operators = operators
        self._groups = sorted(operator for operator in operators if operator.startswith("S"))
        self._clock = clock
        self._known: dict[str, tuple[float, Person]] = {}

    async def person(self, user_id: str, *, team_id: str, fresh: bool = False) -> Person | None:
        """Return somebody as Slack describes them, or None where Slack cannot be asked.

        Args:
            user_id: whom.
            team_id: our workspace's; a person of another one is a stranger.
            fresh: whether only Slack's word of this moment counts, as for an order.
        """
        until, known = self._known.get(user_id, (0.0, None))
        if known and not fresh and self._clock() < until:
            return known
        try:
            person = await self._look_up(user_id, team_id)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            log.warning("people.unreachable", error=f"{type(error).__name__}: {error}")
            return None
        if person is None:
            log.warning("people.unreadable", person=user_id)
            return None
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[user_id] = (self._clock() + REMEMBERED, person)
        return person

    async def _look_up(self, user_id: str, team_id: str) -> Person | None:
        user: Any = (await self._client.users_info(user=user_id)).get("user")
        if not isinstance(user, dict):
            return None
        elsewhere = bool(user.get("team_id") and user["team_id"] != team_id)
        person = Person(
            id=user_id,
            is_admin=bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner")),
            is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
            is_stranger=bool(user.get("is_stranger")) or elsewhere,
            is_human=not (user.get("is_bot") or user.get("deleted")),
        )
        # Whom no group could make an operator, or who is one anyway, costs no further question.
        matters = not (person.is_admin or person.is_guest or person.is_stranger or user_id in self._operators)
        return replace(person, groups=await self._groups_of(user_id)) if matters else person

    async def _groups_of(self, user_id: str) -> frozenset[str]:
        mine = set()
        for group in self._groups:
            members = await self._client.usergroups_users_list(usergroup=group)
            if user_id in members.get("users", []):
                mine.add(group)
        return frozenset(mine)
