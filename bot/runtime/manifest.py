"""The Slack app manifest: manifest.yml as it is for Socket Mode, with request URLs for HTTP."""

from pathlib import Path
from typing import Any

import yaml

SLACK_PATH = "/slack/events"
"""Path of Slack requests over HTTP."""


def read() -> str:
    """Return the text of manifest.yml, from the installed package or the top of a checkout."""
    here = Path(__file__).parents[1]
    path = next(path for path in (here / "manifest.yml", here.parent / "manifest.yml") if path.exists())
    return path.read_text()


def for_socket_mode() -> dict[str, Any]:
    """Return the manifest for Socket Mode."""
    manifest: dict[str, Any] = yaml.safe_load(read())
    return manifest


def for_http(url: str) -> dict[str, Any]:
    """Return the manifest for HTTP with the base URL ``url``, such as "https://bot.example.com"."""
    manifest = for_socket_mode()
    request_url = url.rstrip("/") + SLACK_PATH
    for command in manifest["features"]["slash_commands"]:
        command["url"] = request_url
    for part in ("interactivity", "event_subscriptions"):
        manifest["settings"][part]["request_url"] = request_url
    manifest["settings"]["socket_mode_enabled"] = False
    return manifest


def scopes(manifest: dict[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the required bot scopes, and the optional ones."""
    declared = manifest["oauth_config"]["scopes"]
    return frozenset(declared["bot"]), frozenset(declared.get("bot_optional", ()))
