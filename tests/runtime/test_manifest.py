"""The Slack app's manifest: valid for Slack, and no promise that the code does not keep."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.check_slack import SCOPE_BENEFITS
from bot.listeners.shortcuts import TRACK_FROM_MESSAGE
from bot.listeners.slash import COMMAND
from bot.runtime import manifest
from bot.sandbox.slack.installed_app import InstalledApp, from_manifest
from bot.sandbox.slack.web_api import METHODS

ROOT = Path(__file__).parents[2]
URL = "https://bot.example.com"
SCOPE_OF = {
    "auth.test": "",
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "views.open": "",
    "views.publish": "",
    "views.update": "",
    "conversations.history": "channels:history groups:history im:history",
    "conversations.info": "channels:read groups:read",
    "conversations.replies": "channels:history groups:history im:history",
    "users.info": "users:read",
    "usergroups.users.list": "usergroups:read",
}
"""Each Web API method that the bot may use with its own token, and the scopes that it takes."""

BY_APP_TOKEN = {"apps.connections.open"}
"""Called with the app-level token, whose one scope no manifest lists."""

EVENT_SCOPES = {"commands", "channels:read", "groups:read"}
"""Needed without a call: for the command itself, and for hearing of channels."""


def both() -> dict[str, dict[str, Any]]:
    return {"Socket Mode": manifest.for_socket_mode(), "HTTP": manifest.for_http(URL)}


def sources() -> list[ast.AST]:
    """Return the parsed code that speaks to Slack."""
    paths = [
        *(ROOT / "bot" / "slack").rglob("*.py"),
        *(ROOT / "bot" / "listeners").rglob("*.py"),
        ROOT / "bot" / "cli" / "check.py",
    ]
    return [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]


def used_methods() -> set[str]:
    """Return the Web API methods that the code uses: called by name, kept in a variable, or methods of the SDK's client."""
    called = {
        str(node.args[0].value)
        for node in sources()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "api_call"
        and isinstance(node.args[0], ast.Constant)
    }
    named = {node.value for node in sources() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    known = {*METHODS, *SCOPE_OF, *BY_APP_TOKEN}
    return called | (named & known) | {_dotted(attribute) for attribute in _api_attributes()}


def _api_attributes() -> set[str]:
    """Return attributes of anything called ``client`` that are API methods of the SDK's client."""
    return {
        node.attr
        for node in sources()
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute | ast.Name)
        and (node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id).endswith(("client", "web"))
        and "_" in node.attr
        and node.attr not in ("api_call", "retry_handlers")
        and callable(getattr(AsyncWebClient, node.attr, None))
    }


def _dotted(attribute: str) -> str:
    known = {name.replace(".", "_").lower(): name for name in [*METHODS, *SCOPE_OF, *BY_APP_TOKEN]}
    return known.get(attribute.lower(), attribute)


def listeners(kind: str) -> set[str]:
    """Return what ``app.<kind>(...)`` is called with in the listeners, None for what is no plain text."""
    tree = ast.walk(ast.parse((ROOT / "bot" / "listeners" / "bolt.py").read_text()))
    return {
        str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else ast.unparse(node.args[0])
        for node in tree
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == kind
    }


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
@pytest.mark.parametrize("form", ["Socket Mode", "HTTP"])
def test_slack_accepts_the_manifest(form: str, version: str) -> None:
    path = ROOT / "tests" / "payloads" / "slack" / f"manifest.schema.{version}.json"
    validator = Draft7Validator(json.loads(path.read_text()))
    assert [error.json_path for error in validator.iter_errors(both()[form])] == []


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_the_schemas_reject_what_slack_rejects(version: str) -> None:
    path = ROOT / "tests" / "payloads" / "slack" / f"manifest.schema.{version}.json"
    validator = Draft7Validator(json.loads(path.read_text()))
    without_name = manifest.for_socket_mode()
    del without_name["display_information"]["name"]
    assert not validator.is_valid(without_name)
    odd_scope = manifest.for_socket_mode()
    odd_scope["oauth_config"]["scopes"]["bot"] = "chat:write"
    assert not validator.is_valid(odd_scope)


def test_the_manifest_is_the_file_at_the_top() -> None:
    assert manifest.read() == (ROOT / "manifest.yml").read_text()
    assert manifest.for_socket_mode() == yaml.safe_load((ROOT / "manifest.yml").read_text())


def test_over_socket_mode_no_url_is_set() -> None:
    made = manifest.for_socket_mode()
    assert made["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(made)


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_over_http_every_url_is_set_and_socket_mode_is_off(url: str) -> None:
    made = manifest.for_http(url)
    expected = f"{URL}/slack/events"
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": expected}
    assert [command["url"] for command in made["features"]["slash_commands"]] == [expected]
    assert made["settings"]["event_subscriptions"]["request_url"] == expected


def test_the_two_manifests_differ_in_nothing_else() -> None:
    socket, http = manifest.for_socket_mode(), manifest.for_http(URL)
    http["settings"]["socket_mode_enabled"] = True
    for part in ("interactivity", "event_subscriptions"):
        del http["settings"][part]["request_url"]
    for command in http["features"]["slash_commands"]:
        del command["url"]
    assert http == socket


def test_the_one_command_has_a_listener() -> None:
    commands = manifest.for_socket_mode()["features"]["slash_commands"]
    assert [command["command"] for command in commands] == [COMMAND]
    assert listeners("command") == {"COMMAND"}
    assert commands[0]["should_escape"] is True


def test_interactivity_is_on_because_buttons_have_listeners() -> None:
    interactivity = manifest.for_socket_mode()["settings"]["interactivity"]
    interactive = {kind for kind in ("action", "view", "shortcut", "options") if listeners(kind)}
    assert interactivity["is_enabled"] is bool(interactive)
    assert "action" in interactive


def test_every_subscribed_event_and_every_shortcut_has_a_listener() -> None:
    made = manifest.for_socket_mode()
    events = set(made["settings"]["event_subscriptions"]["bot_events"])
    shortcuts = {shortcut["callback_id"] for shortcut in made["features"].get("shortcuts", ())}
    assert listeners("event") == events
    assert listeners("shortcut") == {"TRACK_FROM_MESSAGE"}
    assert shortcuts == {TRACK_FROM_MESSAGE}
    assert made["features"]["app_home"]["home_tab_enabled"] is ("app_home_opened" in events)


def test_the_stand_in_installs_both_manifests() -> None:
    for made in both().values():
        needed, optional = manifest.scopes(made)
        app = InstalledApp.parse(made)
        assert app == from_manifest()
        assert app.scopes == needed | optional
        assert app.events == set(made["settings"]["event_subscriptions"]["bot_events"])
        assert app.commands == {COMMAND: True}
        assert app.has_shortcut(TRACK_FROM_MESSAGE, "message")
        assert (app.is_interactive, app.has_home) == (True, True)


def test_the_stand_in_sends_every_subscribed_event() -> None:
    """An event whose scope the manifest forgot would never come."""
    app = from_manifest()
    assert [event for event in sorted(app.events) if not app.receives_event(event)] == []


def test_the_code_uses_exactly_the_listed_methods() -> None:
    used = used_methods()
    assert {"auth.test", "chat.postMessage", "chat.postEphemeral", "users.info", "usergroups.users.list"} <= used
    assert used - set(SCOPE_OF) - BY_APP_TOKEN == set()


def test_every_method_in_use_needs_only_scopes_that_are_declared() -> None:
    needed, optional = manifest.scopes(manifest.for_socket_mode())
    scopes = {scope for method in used_methods() - BY_APP_TOKEN for scope in SCOPE_OF[method].split()}
    assert scopes - needed - optional == set()


def test_a_scope_that_is_not_optional_is_one_that_something_needs() -> None:
    needed, optional = manifest.scopes(manifest.for_socket_mode())
    bought = {scope for scopes in SCOPE_OF.values() for scope in scopes.split()}
    assert needed - bought - EVENT_SCOPES == set()
    assert needed & optional == set()


@pytest.mark.parametrize("method", [method for method in SCOPE_OF if len(SCOPE_OF[method].split()) < 2])
def test_the_stand_in_requires_the_scope_of_this_table(method: str) -> None:
    assert METHODS[method].scope == SCOPE_OF[method]


def test_no_forbidden_scope_is_requested() -> None:
    needed, optional = manifest.scopes(manifest.for_socket_mode())
    for scope in needed | optional:
        assert not scope.startswith(("admin", "search:", "users.profile", "team"))
        assert scope not in ("chat:write.public", "chat:write.customize", "files:read")
    assert "user" not in manifest.for_socket_mode()["oauth_config"]["scopes"]


def test_check_says_what_every_optional_scope_enables() -> None:
    _, optional = manifest.scopes(manifest.for_socket_mode())
    assert set(SCOPE_BENEFITS) == optional
