"""What Slack's ``users.info`` says of somebody: a member of our workspace, or why not. Pure.

https://docs.slack.dev/reference/objects/user-object
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.slack.errors import AUTH_ERRORS

NO_SUCH_PERSON = frozenset("user_not_found users_not_found user_not_visible".split())
"""Slack's words for somebody who is not there, or whom our token may not see."""
FORBIDDEN = AUTH_ERRORS | frozenset("no_permission org_login_required enterprise_is_restricted".split())
"""Slack's words for a token that may not ask."""
SLACKBOT = "USLACKBOT"
"""Of it Slack says that it is no bot."""

_NEEDED = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted")
"""Flags without which nobody is known to be a full member, in the answer about somebody who is active."""
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
    """Our workspace, as ``auth.test`` names it."""

    team_id: str
    enterprise_id: str | None = None
    """The organization of an Enterprise Grid that it belongs to."""


class UnknownReason(StrEnum):
    """Why nothing is known of somebody; the value is the reason to refuse them."""

    NO_SUCH_PERSON = "no_such_person"
    """Slack says that there is no such person, or none that our token may see."""
    UNREADABLE = "unreadable"
    """Slack answered, but without what a decision needs."""
    UNREACHABLE = "slack_unreachable"
    """Slack could not be asked now."""
    FORBIDDEN = "slack_refuses"
    """Slack does not let our token ask, until an administrator mends the installation."""
    STARTING = "starting"
    """Slack did not say yet which workspace is ours."""


@dataclass(frozen=True)
class Person:
    """Somebody of whom Slack said what a decision needs."""

    id: str
    is_admin: bool = False
    """An admin or owner of the workspace."""
    is_guest: bool = False
    """Of one channel or of several: a guest of this workspace."""
    is_external: bool = False
    """A member of another company, in a channel shared over Slack Connect; whatever else they are, never a guest of ours."""
    is_human: bool = True
    """Neither a bot, nor deactivated, nor only invited."""
    groups: frozenset[str] = frozenset()
    """Those of the operators' user groups that they are in; filled only where operating matters."""
    groups_unknown: bool = False
    """Whether one of these groups could not be asked now."""
    is_stale: bool = False
    """Whether this is Slack's last word from a while ago, because it cannot be asked now: good for reading alone."""

    @property
    def is_member(self) -> bool:
        """Whether this is a full member of the workspace."""
        return self.is_human and not self.is_external and not self.is_guest


def unknown_reason(error_name: str) -> UnknownReason:
    """Return what an error of ``users.info`` means; a word that we do not know means that it may work later."""
    if error_name in NO_SUCH_PERSON:
        return UnknownReason.NO_SUCH_PERSON
    return UnknownReason.FORBIDDEN if error_name in FORBIDDEN else UnknownReason.UNREACHABLE


def person_of(user: Any, user_id: str, workspace: Workspace) -> Person | UnknownReason:
    """Return the person that a ``user`` object describes, ``Unknown.UNREADABLE`` where it lacks what a decision needs.

    What an interaction's payload says of a person's team is never asked: on an Enterprise Grid it names one of several.
    """
    if not isinstance(user, dict) or not _is_about(user, user_id):
        return UnknownReason.UNREADABLE
    flags = {name: user[name] for name in _FLAGS if user.get(name) is not None}
    in_workspace = same_workspace(user, workspace)
    if in_workspace is None or not all(isinstance(flag, bool) for flag in flags.values()):
        return UnknownReason.UNREADABLE
    is_out = flags.get("deleted") or not in_workspace
    # Answers about people of an Enterprise Grid leave fields out (looker/lookerbot#184); of others they do not.
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
    """Return whether a ``user`` object is of our workspace; None where it does not say, or not in a form that we know.

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
    """Return the workspaces that a ``user`` object lists, None where that is no list of ids."""
    enterprise = user.get("enterprise_user")
    lists = [user.get("teams"), enterprise.get("teams") if isinstance(enterprise, dict) else None]
    if not all(isinstance(each, list | None) for each in lists):
        return None
    teams = [team for each in lists for team in each or ()]
    return set(teams) if all(isinstance(team, str) and team for team in teams) else None


def _is_about(user: Mapping[str, Any], user_id: str) -> bool:
    """Whether it is about the person who was asked about; on a Grid either id of theirs may have been used."""
    enterprise = user.get("enterprise_user")
    other = enterprise.get("id") if isinstance(enterprise, dict) else None
    return user_id in (user.get("id"), other)
