"""Who is in the operators' user groups: asked of Slack once for each group, whoever asks, remembered for five minutes."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.members import FORBIDDEN

CACHE_SECONDS = 300.0
"""Seconds that Slack's word about a group is good for."""
UNUSABLE = FORBIDDEN | frozenset("no_such_subteam subteam_not_found plan_upgrade_required permission_denied".split())
"""Slack's words for a group that makes nobody an operator until somebody changes a setting."""

log = structlog.get_logger()


class UserGroups:
    """Looks members of groups up. Slack allows about twenty such questions a minute, whichever the groups."""

    def __init__(self, client: AsyncWebClient, operators: Iterable[str], monotonic: Callable[[], float]) -> None:
        self._client = client
        self._groups = sorted(operator for operator in operators if operator.startswith("S"))
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, frozenset[str]]] = {}
        self._in_flight: dict[str, asyncio.Task[frozenset[str] | None]] = {}
        self._unusable: set[str] = set()

    async def groups_of(self, user_id: str, *, fresh: bool) -> tuple[frozenset[str], bool]:
        """Return a group that somebody is in, if there is one, and whether some group could not be asked.

        Args:
            user_id: whom.
            fresh: whether only Slack's word of this moment counts; who asks at the same moment shares it.
        """
        unknown = False
        for group in self._groups:
            members = await self._members(group, fresh=fresh)
            if members is None:
                unknown = True
            elif user_id in members:
                return frozenset({group}), False
        return frozenset(), unknown

    async def _members(self, group: str, *, fresh: bool) -> frozenset[str] | None:
        at, members = self._cache.get(group, (0.0, None))
        if members is not None and not fresh and self._monotonic() < at + CACHE_SECONDS:
            return members
        if (asking := self._in_flight.get(group)) is None:
            asking = self._in_flight[group] = asyncio.create_task(self._fetch(group))
            asking.add_done_callback(lambda _: self._in_flight.pop(group, None))
        return await asyncio.shield(asking)

    async def _fetch(self, group: str) -> frozenset[str] | None:
        """Return the members of a group, nobody for one that is no good; None where Slack could not be asked."""
        try:
            users: Any = (await self._client.usergroups_users_list(usergroup=group)).get("users")
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            word = error_name(error)
            if word not in UNUSABLE:
                log.warning("groups.unreachable", group=group, error=word or type(error).__name__)
                return None
            users, why = [], word
        else:
            why = "nobody is in it, or it is disabled"
        if not isinstance(users, list):
            log.warning("groups.unreadable", group=group)
            return None
        members = frozenset(user for user in users if isinstance(user, str))
        self._log_unusable(group, None if members else why)
        self._cache[group] = self._monotonic(), members
        return members

    def _log_unusable(self, group: str, problem: str | None) -> None:
        """Log once that a group makes nobody an operator."""
        if problem and group not in self._unusable:
            log.error("groups.bad", group=group, error=problem)
        (self._unusable.add if problem else self._unusable.discard)(group)


def error_name(error: Exception) -> str:
    """Return Slack's word for what went wrong, "" where its answer has none."""
    data = getattr(error.response, "data", None) if isinstance(error, SlackApiError) else None
    return str(data.get("error") or "") if isinstance(data, dict) else ""
