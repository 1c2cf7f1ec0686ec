"""``views.*``: modals, three deep, and Home tabs."""

import hashlib
import json
from typing import Any

from bot.sandbox.slack.blockkit import check_view
from bot.sandbox.slack.messages import View
from bot.sandbox.slack.web_api.method import Call, method
from bot.sandbox.slack.web_api.shapes import view_shape
from bot.sandbox.slack.workspace import Refusal, Workspace

DEEPEST = 3
LARGEST = 250_000
"""Bytes of a view's JSON."""


@method("views.open", required="view trigger_id")
def open_(call: Call) -> dict[str, Any]:
    """Open a modal for the person behind the trigger; what they had open goes."""
    body = checked(call.workspace, call.arguments["view"], "modal")
    trigger = call.workspace.redeem(str(call.arguments["trigger_id"]))
    close_all(call.workspace, trigger.user)
    view = push_view(call.workspace, trigger.user, body, str(call.arguments["trigger_id"]))
    return {"view": view_shape(view)}


@method("views.push", required="view trigger_id")
def push(call: Call) -> dict[str, Any]:
    """Put a modal on top of the one that is open."""
    body = checked(call.workspace, call.arguments["view"], "modal")
    trigger = call.workspace.redeem(str(call.arguments["trigger_id"]))
    stack = call.workspace.stacks.get(trigger.user)
    if not stack:
        raise Refusal("not_found")
    if len(stack) == DEEPEST:
        raise Refusal("push_limit_reached")
    view = push_view(call.workspace, trigger.user, body, str(call.arguments["trigger_id"]))
    return {"view": view_shape(view)}


@method("views.update", required="view", optional="view_id external_id hash")
def update(call: Call) -> dict[str, Any]:
    """Replace a modal that is open."""
    view = _named(call)
    if view is None or view.closed:
        raise Refusal("not_found")
    body = checked(call.workspace, call.arguments["view"], view.body["type"])
    _refuse_stale(call, view)
    replace(call.workspace, view, body)
    return {"view": view_shape(view)}


@method("views.publish", required="user_id view", optional="hash")
def publish(call: Call) -> dict[str, Any]:
    """Show a Home tab to one person."""
    if not call.workspace.installed.has_home:
        raise Refusal("not_enabled")
    user = call.person("user_id")
    body = checked(call.workspace, call.arguments["view"], "home")
    home = call.workspace.homes.get(user)
    if home is None:
        view_id = call.workspace.number("V")
        home = View(view_id, user, body, "", root_id=view_id)
        call.workspace.homes[user] = call.workspace.views[view_id] = home
    else:
        _refuse_stale(call, home)
    replace(call.workspace, home, body)
    return {"view": view_shape(home)}


def checked(workspace: Workspace, body: Any, kind: str) -> dict[str, Any]:
    """Return a view's body, or refuse it as Slack would; collect what only the house rules forbid.

    Raises:
        Refusal: ``invalid_arguments`` with Slack's details, or ``view_too_large``.
    """
    if len(json.dumps(body, ensure_ascii=False).encode(errors="replace")) > LARGEST:
        raise Refusal("view_too_large")
    if not isinstance(body, dict) or body.get("type") != kind:
        messages = [f"[ERROR] view must be of type {kind} [json-pointer:/view/type]"]
        raise Refusal("invalid_arguments", response_metadata={"messages": messages})
    verdict = check_view(body, people=workspace.people)
    if verdict.error:
        raise Refusal(verdict.error, response_metadata={"messages": verdict.messages})
    workspace.complaints.extend(verdict.complaints)
    return body


def push_view(workspace: Workspace, user: str, body: dict[str, Any], trigger: str = "") -> View:
    """Put a new modal on a person's stack."""
    stack = workspace.stacks.setdefault(user, [])
    view_id = workspace.number("V")
    root_id = stack[0].id if stack else view_id
    previous = stack[-1].id if stack else None
    view = View(view_id, user, body, _hash(workspace), root_id, previous, trigger)
    stack.append(view)
    workspace.views[view_id] = view
    workspace.moved()
    return view


def replace(workspace: Workspace, view: View, body: dict[str, Any]) -> None:
    """Give a view another content, and a new hash."""
    view.body, view.hash = body, _hash(workspace)
    workspace.moved()


def close_top(workspace: Workspace, user: str) -> None:
    """Take the top modal from a person's stack."""
    workspace.stacks[user].pop().closed = True
    workspace.moved()


def close_all(workspace: Workspace, user: str) -> None:
    """Close every modal that a person has open."""
    for view in workspace.stacks.pop(user, []):
        view.closed = True
    workspace.moved()


def _named(call: Call) -> View | None:
    views = call.workspace.views
    if external := call.arguments.get("external_id"):
        return next((view for view in views.values() if view.body.get("external_id") == external), None)
    return views.get(str(call.arguments.get("view_id")))


def _refuse_stale(call: Call, view: View) -> None:
    if call.arguments.get("hash") not in {None, "", view.hash}:
        raise Refusal("hash_conflict")


def _hash(workspace: Workspace) -> str:
    ts = workspace.ts()
    return f"{ts}.{hashlib.sha256(ts.encode()).hexdigest()[:8]}"
