"""Home tabs: who opened one or pressed its Refresh, as Slack says it, and what they get to see."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bot.blocks.home import REFRESH_HOME, broken
from bot.blocks.parts import Block
from bot.commands.context import Context
from bot.commands.home import closed_to, home_of, still_checking
from bot.commands.permissions import Allowed, Need, may
from bot.commands.registry import mind_limits
from bot.listeners.replies import waiting
from bot.slack.client import Gateway
from bot.slack.members import Person, Unknown

log = structlog.get_logger()


class HomeTabs:
    """Shows people their Home tabs."""

    def __init__(
        self,
        context: Context,
        gateway: Gateway,
        who: Callable[[str], Awaitable[Person | Unknown]],
        *,
        tells_after: float | None,
    ) -> None:
        """Take what it needs; ``tells_after`` is after how many seconds somebody sees what is known meanwhile."""
        self._context = context
        self._gateway = gateway
        self._who = who
        self._tells_after = tells_after

    async def show(self, person_id: str) -> bool:
        """Show somebody their Home tab; return False where that says nothing yet, because Slack did not say who we are."""
        who = await self._who(person_id)
        decision = may(who, Need.READ, self._context.policy, changes_job=False)
        mind_limits(decision, Need.READ, person_id, self._context)
        try:
            if isinstance(decision, Allowed):
                view = await self._home(person_id, may_follow=isinstance(who, Person) and not who.is_guest)
            else:
                view = closed_to(decision.why, self._context)
        except Exception:
            log.exception("home.broke")
            view = broken()
        await self._gateway.publish(person_id, view)
        return who is not Unknown.STARTING

    async def _home(self, person_id: str, *, may_follow: bool) -> Block:
        """Return somebody's Home tab; where that takes long, they see what is known meanwhile."""

        async def show_known() -> bool:
            known = await home_of(person_id, self._context, still_checking, may_follow=may_follow)
            await self._gateway.publish(person_id, known)
            return True

        async with waiting.telling(show_known, after=self._tells_after):
            return await home_of(person_id, self._context, may_follow=may_follow)


def viewer_of(body: dict[str, Any]) -> str | None:
    """Return who wants to see their Home tab, None where the body does not say that."""
    match body:
        case {"event": {"type": "app_home_opened", "tab": "home", "user": str(person)}}:
            return person
        case {"view": {"type": "home"}, "actions": [{"action_id": action}], "user": {"id": str(person)}} if (
            action == REFRESH_HOME
        ):
            return person
    return None
