"""User groups of operators: their members, cached for five minutes; concurrent reads share one request."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.call import SlackCallError, call
from bot.slack.directory.members import FORBIDDEN

CACHE_SECONDS = 300.0
UNUSABLE = FORBIDDEN | frozenset("no_such_subteam subteam_not_found plan_upgrade_required permission_denied".split())
"""Error names for a group that makes no one an operator until a setting is changed."""

log = structlog.get_logger()


class UserGroups:
    """Members of user groups. Slack allows about twenty such requests a minute, for all groups together."""

    def __init__(self, client: AsyncWebClient, operators: Iterable[str], monotonic: Callable[[], float]) -> None:
        self._client = client
        self._groups = sorted(operator for operator in operators if operator.startswith("S"))
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, frozenset[str]]] = {}
        self._in_flight: dict[str, asyncio.Task[frozenset[str] | None]] = {}
        self._unusable: set[str] = set()

    async def groups_of(self, user_id: str, *, fresh: bool) -> tuple[frozenset[str], bool]:
        """Return one of the groups that a user is in, if any, and whether some group could not be read.

        Args:
            user_id: the user.
            fresh: whether to bypass the cache.
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
        if (request := self._in_flight.get(group)) is None:
            request = self._in_flight[group] = asyncio.create_task(self._fetch(group))
            request.add_done_callback(lambda _: self._in_flight.pop(group, None))
        return await asyncio.shield(request)

    async def _fetch(self, group: str) -> frozenset[str] | None:
        """Return the members of a group, none for an unusable one; None if Slack could not be asked."""
        try:
            users = await call(self._list_users(group))
        except SlackCallError as error:
            if error.name not in UNUSABLE:
                log.warning("user_groups.unreachable", group=group, error=error.reason)
                return None
            users, problem = [], error.name
        else:
            problem = "no members, or disabled"
        if not isinstance(users, list):
            log.warning("user_groups.unreadable", group=group)
            return None
        members = frozenset(user for user in users if isinstance(user, str))
        self._log_unusable(group, None if members else problem)
        self._cache[group] = self._monotonic(), members
        return members

    async def _list_users(self, group: str) -> Any:
        return (await self._client.usergroups_users_list(usergroup=group)).get("users")

    def _log_unusable(self, group: str, problem: str | None) -> None:
        """Log once that a group makes no one an operator."""
        if problem and group not in self._unusable:
            log.error("user_groups.unusable", group=group, error=problem)
        (self._unusable.add if problem else self._unusable.discard)(group)
