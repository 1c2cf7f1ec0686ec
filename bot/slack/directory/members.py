"""Membership: whether a ``user`` object of ``users.info`` describes a full member of our workspace. Pure.

https://docs.slack.dev/reference/objects/user-object
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.slack.errors import AUTH_ERRORS

NO_SUCH_PERSON = frozenset("user_not_found users_not_found user_not_visible".split())
"""Error names for a user who does not exist or is invisible to our token."""
FORBIDDEN = AUTH_ERRORS | frozenset("no_permission org_login_required enterprise_is_restricted".split())
"""Error names for a token without the permission to ask."""
SLACKBOT = "USLACKBOT"
"""Slackbot, whose ``is_bot`` is false."""

_NEEDED = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted")
"""Flags that an active user must have to be known as a full member."""
_FLAGS = (
    *_NEEDED,
    *(
        "is_admin",
        "is_owner",
        "is_primary_owner",
        "is_stranger",
        "is_invited_user",
        "is_workflow_bot",
        "is_connector_bot",
    ),
)


@dataclass(frozen=True)
class Workspace:
    """Our workspace, as in ``auth.test``."""

    team_id: str
    enterprise_id: str | None = None
    """Organization of the Enterprise Grid that it belongs to."""


class UnknownReason(StrEnum):
    """Why a user is unknown; the value is the reason of the denial."""

    NO_SUCH_PERSON = "no_such_person"
    """The user does not exist, or is invisible to our token."""
    UNREADABLE = "unreadable"
    """The response lacks what a decision needs."""
    UNREACHABLE = "slack_unreachable"
    """Slack is unreachable."""
    FORBIDDEN = "slack_refuses"
    """Our token lacks the permission, until an admin repairs the installation."""
    STARTING = "starting"
    """Our workspace is not known yet."""


@dataclass(frozen=True)
class Person:
    """A user, with all that a permission check needs."""

    id: str
    is_admin: bool = False
    """An admin or owner of the workspace."""
    is_guest: bool = False
    """A single-channel or multi-channel guest of the workspace."""
    is_external: bool = False
    """An external user, from another company over Slack Connect; not a guest of our workspace."""
    is_human: bool = True
    """Not a bot, deactivated, or only invited."""
    groups: frozenset[str] = frozenset()
    """Operators' user groups that they are in; read only for what operators may do."""
    groups_unknown: bool = False
    """Whether one of these groups could not be read."""
    is_stale: bool = False
    """Whether this is an old cache entry, because Slack is unreachable: good for reading commands only."""

    @property
    def is_member(self) -> bool:
        """Whether this is a full member of the workspace."""
        return self.is_human and not self.is_external and not self.is_guest


def unknown_reason(error_name: str) -> UnknownReason:
    """Return the reason for an error of ``users.info``; an unknown error counts as temporary."""
    if error_name in NO_SUCH_PERSON:
        return UnknownReason.NO_SUCH_PERSON
    return UnknownReason.FORBIDDEN if error_name in FORBIDDEN else UnknownReason.UNREACHABLE


def person_of(user: Any, user_id: str, workspace: Workspace) -> Person | UnknownReason:
    """Return the person that a ``user`` object describes, or why they are unknown.

    The team in the payload of an interaction does not count: on an Enterprise Grid it is one of several.
    """
    if not isinstance(user, dict) or not _is_about(user, user_id):
        return UnknownReason.UNREADABLE
    flags = {name: user[name] for name in _FLAGS if user.get(name) is not None}
    in_workspace = same_workspace(user, workspace)
    if in_workspace is None or not all(isinstance(flag, bool) for flag in flags.values()):
        return UnknownReason.UNREADABLE
    is_out = flags.get("deleted") or not in_workspace
    # Only ``user`` objects of an Enterprise Grid leave fields out (looker/lookerbot#184).
    if not is_out and not user.get("enterprise_user") and not flags.keys() >= set(_NEEDED):
        return UnknownReason.UNREADABLE
    not_active = ("deleted", "is_bot", "is_workflow_bot", "is_connector_bot", "is_invited_user")
    return Person(
        id=user_id,
        is_admin=any(flags.get(name, False) for name in ("is_admin", "is_owner", "is_primary_owner")),
        is_guest=any(flags.get(name, False) for name in ("is_restricted", "is_ultra_restricted")),
        is_external=not in_workspace,
        is_human=user_id != SLACKBOT and not any(flags.get(name, False) for name in not_active),
    )


def same_workspace(user: Mapping[str, Any], workspace: Workspace) -> bool | None:
    """Return whether a ``user`` object belongs to our workspace; None if it does not say, or in an unknown form.

    Where it lists workspaces, as on an Enterprise Grid, the list decides: ``team_id`` is any of them there, or missing,
    or the organization.
    """
    team, enterprise, teams = user.get("team_id"), user.get("enterprise_user"), _teams(user)
    if teams is None or not isinstance(enterprise, dict | None) or not isinstance(team, str | None):
        return None
    if user.get("is_stranger") is True:
        return False
    organization = (enterprise or {}).get("enterprise_id") or user.get("enterprise_id")
    if workspace.enterprise_id and organization and organization != workspace.enterprise_id:
        return False
    if teams:
        return workspace.team_id in teams
    return team == workspace.team_id if team else None


def _teams(user: Mapping[str, Any]) -> set[str] | None:
    """Return the workspaces that a ``user`` object lists; None if that is not a list of ids."""
    enterprise = user.get("enterprise_user")
    lists = [user.get("teams"), enterprise.get("teams") if isinstance(enterprise, dict) else None]
    if not all(isinstance(each, list | None) for each in lists):
        return None
    teams = [team for each in lists for team in each or ()]
    return set(teams) if all(isinstance(team, str) and team for team in teams) else None


def _is_about(user: Mapping[str, Any], user_id: str) -> bool:
    """Whether a ``user`` object is about a user id; on an Enterprise Grid a user has two."""
    enterprise = user.get("enterprise_user")
    other = enterprise.get("id") if isinstance(enterprise, dict) else None
    return user_id in (user.get("id"), other)
