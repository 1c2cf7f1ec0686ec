"""``auth.*``, ``users.*``, ``usergroups.*``, ``team.*`` and ``apps.*``: who is who."""

from typing import Any

from bot.sandbox.web_api.method import Call, method
from bot.sandbox.web_api.shapes import person_shape
from bot.sandbox.workspace import APP, BOT, BOT_NAME, BOT_USER, TEAM, TEAM_DOMAIN, TEAM_NAME, Refusal


@method("auth.test")
def auth_test(_: Call) -> dict[str, Any]:
    """Say whose token this is."""
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": BOT_NAME,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


@method("users.info", required="user", optional="include_locale", scope="users:read")
def users_info(call: Call) -> dict[str, Any]:
    """Return one person."""
    return {"user": person_shape(call.workspace.people[call.person()])}


@method("usergroups.users.list", required="usergroup", optional="include_disabled", scope="usergroups:read")
def usergroups_users_list(call: Call) -> dict[str, Any]:
    """Return the people of one user group."""
    members = call.workspace.usergroups.get(call.arguments["usergroup"])
    if members is None:
        raise Refusal("no_such_subteam")
    return {"users": list(members)}


@method("team.info", optional="team domain include_slackbot_availability", scope="team:read")
def team_info(_: Call) -> dict[str, Any]:
    """Return the workspace."""
    return {"team": {"id": TEAM, "name": TEAM_NAME, "domain": TEAM_DOMAIN, "email_domain": "", "icon": {}}}


@method("apps.connections.open", scope="connections:write")
def apps_connections_open(call: Call) -> dict[str, Any]:
    """Hand out the address of one Socket Mode connection."""
    address = call.workspace.origin().replace("http://", "ws://", 1)
    return {"url": f"{address}/link/?ticket={call.workspace.hand_out_ticket()}&app_id={APP}"}
