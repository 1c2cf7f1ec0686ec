"""``views.*``: stacks of up to three modals, and Home tabs."""

import hashlib
import json
from typing import Any

from bot.sandbox.slack.block_kit.validation import check_view
from bot.sandbox.slack.messages import OpenView
from bot.sandbox.slack.web_api.json_objects import view_json
from bot.sandbox.slack.web_api.method import MethodCall, method
from bot.sandbox.slack.workspace import WebApiError, Workspace

MAX_DEPTH = 3
MAX_VIEW_BYTES = 250_000
"""Greatest size of a view's JSON."""


@method("views.open", required="view trigger_id")
def open_(call: MethodCall) -> dict[str, Any]:
    """Open a modal for the trigger's user; their open modals are closed."""
    body = validate_view(call.workspace, call.arguments["view"], "modal")
    trigger = call.workspace.redeem_trigger(str(call.arguments["trigger_id"]))
    close_all_views(call.workspace, trigger.user)
    view = push_view(call.workspace, trigger.user, body, str(call.arguments["trigger_id"]))
    return {"view": view_json(view)}


@method("views.push", required="view trigger_id")
def push(call: MethodCall) -> dict[str, Any]:
    """Push a modal onto the open ones."""
    body = validate_view(call.workspace, call.arguments["view"], "modal")
    trigger = call.workspace.redeem_trigger(str(call.arguments["trigger_id"]))
    stack = call.workspace.modal_stacks.get(trigger.user)
    if not stack:
        raise WebApiError("not_found")
    if len(stack) == MAX_DEPTH:
        raise WebApiError("push_limit_reached")
    view = push_view(call.workspace, trigger.user, body, str(call.arguments["trigger_id"]))
    return {"view": view_json(view)}


@method("views.update", required="view", optional="view_id external_id hash")
def update(call: MethodCall) -> dict[str, Any]:
    """Replace the content of an open modal."""
    view = _find_view(call)
    if view is None or view.closed:
        raise WebApiError("not_found")
    body = validate_view(call.workspace, call.arguments["view"], view.body["type"])
    _reject_stale_hash(call, view)
    replace_view(call.workspace, view, body)
    return {"view": view_json(view)}


@method("views.publish", required="user_id view", optional="hash")
def publish(call: MethodCall) -> dict[str, Any]:
    """Publish a user's Home tab."""
    if not call.workspace.app.has_home:
        raise WebApiError("not_enabled")
    user = call.user_id("user_id")
    body = validate_view(call.workspace, call.arguments["view"], "home")
    home = call.workspace.homes.get(user)
    if home is None:
        view_id = call.workspace.new_id("V")
        home = OpenView(view_id, user, body, "", root_id=view_id)
        call.workspace.homes[user] = call.workspace.views[view_id] = home
    else:
        _reject_stale_hash(call, home)
    replace_view(call.workspace, home, body)
    return {"view": view_json(home)}


def validate_view(workspace: Workspace, body: Any, kind: str) -> dict[str, Any]:
    """Return a view's body if it is valid; record violations of this project's own rules.

    Raises:
        WebApiError: ``invalid_arguments`` with Slack's details, or ``view_too_large``.
    """
    if len(json.dumps(body, ensure_ascii=False).encode(errors="replace")) > MAX_VIEW_BYTES:
        raise WebApiError("view_too_large")
    if not isinstance(body, dict) or body.get("type") != kind:
        messages = [f"[ERROR] view must be of type {kind} [json-pointer:/view/type]"]
        raise WebApiError("invalid_arguments", response_metadata={"messages": messages})
    result = check_view(body, user_ids=workspace.users)
    if result.error:
        raise WebApiError(result.error, response_metadata={"messages": result.messages})
    workspace.violations.extend(result.violations)
    return body


def push_view(workspace: Workspace, user: str, body: dict[str, Any], trigger: str = "") -> OpenView:
    """Push a new modal onto a user's stack."""
    stack = workspace.modal_stacks.setdefault(user, [])
    view_id = workspace.new_id("V")
    root_id = stack[0].id if stack else view_id
    previous = stack[-1].id if stack else None
    view = OpenView(view_id, user, body, _hash(workspace), root_id, previous, trigger)
    stack.append(view)
    workspace.views[view_id] = view
    workspace.request_log.notify_waiters()
    return view


def replace_view(workspace: Workspace, view: OpenView, body: dict[str, Any]) -> None:
    """Replace a view's content and hash."""
    view.body, view.hash = body, _hash(workspace)
    workspace.request_log.notify_waiters()


def close_top_view(workspace: Workspace, user: str) -> None:
    """Close the top modal of a user."""
    workspace.modal_stacks[user].pop().closed = True
    workspace.request_log.notify_waiters()


def close_all_views(workspace: Workspace, user: str) -> None:
    """Close every modal of a user."""
    for view in workspace.modal_stacks.pop(user, []):
        view.closed = True
    workspace.request_log.notify_waiters()


def _find_view(call: MethodCall) -> OpenView | None:
    views = call.workspace.views
    if external := call.arguments.get("external_id"):
        return next((view for view in views.values() if view.body.get("external_id") == external), None)
    return views.get(str(call.arguments.get("view_id")))


def _reject_stale_hash(call: MethodCall, view: OpenView) -> None:
    if call.arguments.get("hash") not in {None, "", view.hash}:
        raise WebApiError("hash_conflict")


def _hash(workspace: Workspace) -> str:
    ts = workspace.ts()
    return f"{ts}.{hashlib.sha256(ts.encode()).hexdigest()[:8]}"
