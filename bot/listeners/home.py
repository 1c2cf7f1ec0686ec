"""Home tabs: publish one when a person opens it or presses its Refresh button."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bot.blocks.home import REFRESH_HOME, home_unavailable
from bot.blocks.parts import Block
from bot.commands.access import AccessControl
from bot.commands.home import Viewer, denied_home, home_of, still_checking
from bot.commands.permissions import Authorized, Permission, authorize, is_operator
from bot.commands.services import Services
from bot.listeners.replies import slow_notice
from bot.slack.directory.members import Person, UnknownReason

log = structlog.get_logger()


class HomeTabs:
    """Publishes Home tabs."""

    def __init__(
        self,
        services: Services,
        access: AccessControl,
        lookup_person: Callable[[str], Awaitable[Person | UnknownReason]],
        *,
        slow_after: float | None,
    ) -> None:
        """Store the collaborators. After ``slow_after`` seconds a person sees the last known state meanwhile."""
        self._services = services
        self._access = access
        self._slack = services.slack
        self._lookup_person = lookup_person
        self._slow_after = slow_after

    async def show(self, person_id: str) -> bool:
        """Publish a person's Home tab; return False if the bot is not identified yet, so that it must be repeated."""
        who = await self._lookup_person(person_id)
        decision = authorize(who, Permission.READ, self._access.policy, changes_job=False)
        self._access.update_rate_limits(decision, Permission.READ, person_id)
        try:
            if isinstance(decision, Authorized):
                view = await self._home(self._viewer(person_id, who))
            else:
                view = denied_home(decision.reason, self._access.policy)
        except Exception:
            log.exception("home.failed")
            view = home_unavailable()
        await self._slack.publish_home(person_id, view)
        return who is not UnknownReason.STARTING

    def _viewer(self, person_id: str, who: Person | UnknownReason) -> Viewer:
        if isinstance(who, UnknownReason):
            return Viewer(person_id, can_track=False, is_operator=False)
        return Viewer(person_id, can_track=not who.is_guest, is_operator=is_operator(who, self._access.policy))

    async def _home(self, viewer: Viewer) -> Block:
        """Return a person's Home tab; if that takes long, publish the last known state meanwhile."""

        async def show_known() -> bool:
            known = await home_of(viewer, self._services, still_checking)
            await self._slack.publish_home(viewer.id, known)
            return True

        async with slow_notice.notify_if_slow(show_known, after=self._slow_after):
            return await home_of(viewer, self._services)


def viewer_of(body: dict[str, Any]) -> str | None:
    """Return the user who opened or refreshed their Home tab, or None for any other body."""
    match body:
        case {"event": {"type": "app_home_opened", "tab": "home", "user": str(person)}}:
            return person
        case {"view": {"type": "home"}, "actions": [{"action_id": action}], "user": {"id": str(person)}} if (
            action == REFRESH_HOME
        ):
            return person
    return None
