"""Checks of Slack's side: the tokens, the scopes, the operators and the connection."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.app.clients import open_slack
from bot.blocks.parts import counted
from bot.cli.finding import Finding
from bot.net.connection_errors import CONNECTION_FAILED, connection_problem
from bot.runtime import manifest
from bot.settings.model import Settings
from bot.slack.client import SlackClient
from bot.slack.directory.members import Person, UnknownReason, Workspace
from bot.slack.directory.users import Users
from bot.slack.identity import BotIdentity

SCOPE_BENEFITS = {
    "channels:history": "checking whether an alert arrived before resending it, in public channels",
    "groups:history": "checking whether an alert arrived before resending it, in private channels",
    "im:history": "checking whether an alert arrived before resending it, in direct messages",
    "usergroups:read": "user groups in FTJOB_OPERATORS",
    "files:write": "loss curves as images",
}
"""What each optional Slack scope enables."""

_TRANSIENT_ERRORS = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_UNKNOWN_PEOPLE = {
    UnknownReason.NO_SUCH_PERSON: "no such user",
    UnknownReason.UNREADABLE: "Slack's response can't be read",
    UnknownReason.UNREACHABLE: "Slack didn't respond",
    UnknownReason.FORBIDDEN: "Slack won't let ftjob look them up",
    UnknownReason.STARTING: "Slack didn't respond",
}


async def slack_findings(settings: Settings) -> list[Finding]:
    """Return what Slack says of the tokens, their scopes and the operators."""
    async with open_slack(settings) as slack:
        try:
            identity = await slack.identity()
        except Exception as error:  # noqa: BLE001 - the SDK raises any error on an invalid response
            todo = "Copy the bot token again from OAuth & Permissions, or reinstall the app."
            return [_failed("Slack", error, if_refused=todo)]
        found = [Finding("Slack", ok=True, found=f"workspace {identity.team}"), *_scopes(identity, settings)]
        found += await _operators(settings, slack, identity.workspace)
        return found + await _socket_mode(settings, slack.web.apps_connections_open)


async def _operators(settings: Settings, slack: SlackClient, workspace: Workspace) -> list[Finding]:
    """Return who the operators are, and a finding for each person and user group in FTJOB_OPERATORS."""
    listed = sorted(settings.ftjob_operators)
    todo = (
        "" if listed else "To let other people cancel, pause, and create jobs, add their user IDs to FTJOB_OPERATORS."
    )
    found = "workspace admins and owners" + (", and everyone listed in FTJOB_OPERATORS" if listed else " only")
    groups = [await _group(each, slack.web.usergroups_users_list) for each in listed if each.startswith("S")]
    people = [await _person(each, slack.users, workspace) for each in listed if not each.startswith("S")]
    return [Finding("Operators", ok=True, found=found, todo=todo), *groups, *people]


async def _group(group: str, members_of: Callable[..., Awaitable[Any]]) -> Finding:
    part = f"Operators: {group}"
    todo = (
        "Correct FTJOB_OPERATORS, enable the group in Slack, or grant usergroups:read. Other operators aren't affected."
    )
    try:
        users = (await members_of(usergroup=group)).get("users")
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(part, error, if_refused=todo)
    found = counted(len(users), "member") if users else "empty or disabled"
    return Finding(part, ok=bool(users), found=found, todo="" if users else todo)


async def _person(person_id: str, users: Users, workspace: Workspace) -> Finding:
    person = await users.look_up(person_id, workspace)
    if isinstance(person, Person) and person.is_member:
        return Finding(f"Operators: {person_id}", ok=True, found="member of this workspace")
    found = _UNKNOWN_PEOPLE[person] if isinstance(person, UnknownReason) else "not an active member of this workspace"
    todo = (
        "Try again in a minute."
        if person in (UnknownReason.UNREACHABLE, UnknownReason.UNREADABLE, UnknownReason.STARTING)
        else "Correct FTJOB_OPERATORS, or grant users:read. Other operators aren't affected."
    )
    return Finding(f"Operators: {person_id}", ok=False, found=found, todo=todo)


def _scopes(identity: BotIdentity, settings: Settings) -> list[Finding]:
    needed, optional = manifest.scopes(manifest.for_socket_mode())
    url = "" if settings.uses_socket_mode else " --url https://your-host"
    todo = f"Paste the output of `ftjob manifest{url}` into the app's settings and reinstall."
    missing = sorted(needed - identity.scopes)
    lacking = sorted(optional - identity.scopes)
    extra = sorted(identity.scopes - needed - optional)
    return [
        Finding(
            "Slack scopes",
            ok=not missing,
            found=f"missing: {', '.join(missing)}" if missing else "all required scopes granted",
            todo=todo if missing else "",
        ),
        *(
            Finding(f"Optional: {scope}", ok=True, found="not granted", todo=f"Enables: {SCOPE_BENEFITS[scope]}.")
            for scope in lacking
        ),
        *(
            Finding(f"Not needed: {scope}", ok=True, found="granted", todo="Remove it: ftjob doesn't need it.")
            for scope in extra
        ),
    ]


async def _socket_mode(settings: Settings, open_connection: Callable[..., Awaitable[object]]) -> list[Finding]:
    if settings.slack_app_token is None:
        return [
            Finding(
                "Slack over HTTP",
                ok=True,
                found="signing secret is set",
                todo="Make sure Slack can reach /slack/events.",
            )
        ]
    try:
        await open_connection(app_token=settings.slack_app_token.get_secret_value())
    except Exception as error:  # noqa: BLE001 - as above
        todo = "SLACK_APP_TOKEN must be an app-level token with connections:write."
        return [_failed("Socket Mode", error, if_refused=todo)]
    return [Finding("Socket Mode", ok=True, found="can connect")]


def _failed(part: str, error: Exception, *, if_refused: str) -> Finding:
    """Return the finding for a failed Slack call: an API error means rejected, any other one unreachable."""
    response = getattr(error, "response", None)
    data = getattr(response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    if not isinstance(word, str):
        status = getattr(response, "status_code", None)
        trouble = None if status else connection_problem(error)
        found = trouble.message if trouble else f"HTTP {status}" if status else type(error).__name__
        todo = trouble.todo if trouble else CONNECTION_FAILED.todo
        return Finding(part, ok=False, found=f"unreachable: {found}", todo=todo.format(address="SLACK_API_URL"))
    todo = "Try again in a minute." if word in _TRANSIENT_ERRORS else if_refused
    return Finding(part, ok=False, found=f"rejected: {word}", todo=todo)
