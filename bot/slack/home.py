"""A Home tab that was opened, or whose Refresh was pressed, as Slack says it."""

from typing import Any

from bot.blocks.home import REFRESH_HOME


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
