"""``auth.*``, ``users.*``, ``usergroups.*``, ``team.*`` and ``apps.*``."""

from typing import Any

from bot.sandbox.slack.web_api.json_objects import user_json
from bot.sandbox.slack.web_api.method import MethodCall, method
from bot.sandbox.slack.workspace import APP, BOT, BOT_NAME, BOT_USER, TEAM, TEAM_DOMAIN, TEAM_NAME, WebApiError


@method("auth.test")
def auth_test(call: MethodCall) -> dict[str, Any]:
    """Return the token's bot and workspace, and the workspace's Enterprise Grid organization if it has one."""
    enterprise = call.workspace.enterprise_id
    return {
        **({"enterprise_id": enterprise} if enterprise else {}),
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": BOT_NAME,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


@method("users.info", required="user", optional="include_locale", scope="users:read")
def users_info(call: MethodCall) -> dict[str, Any]:
    """Return one user that is visible to the token."""
    user = call.workspace.users[call.user_id()]
    if not user.is_visible:
        raise WebApiError("user_not_visible")
    return {"user": user_json(user)}


@method("usergroups.users.list", required="usergroup", optional="include_disabled", scope="usergroups:read")
def usergroups_users_list(call: MethodCall) -> dict[str, Any]:
    """Return the members of a user group; those of a disabled one only with ``include_disabled``."""
    members = call.workspace.usergroups.get(call.arguments["usergroup"])
    if members is None:
        raise WebApiError("no_such_subteam")
    if call.arguments["usergroup"] in call.workspace.disabled_usergroups and not call.is_true("include_disabled"):
        return {"users": []}
    return {"users": list(members)}


@method("team.info", optional="team domain include_slackbot_availability", scope="team:read")
def team_info(_: MethodCall) -> dict[str, Any]:
    """Return the workspace."""
    return {"team": {"id": TEAM, "name": TEAM_NAME, "domain": TEAM_DOMAIN, "email_domain": "", "icon": {}}}


@method("apps.connections.open", scope="connections:write")
def apps_connections_open(call: MethodCall) -> dict[str, Any]:
    """Return the URL of one Socket Mode connection."""
    address = call.workspace.origin().replace("http://", "ws://", 1)
    return {"url": f"{address}/link/?ticket={call.workspace.issue_socket_ticket()}&app_id={APP}"}
