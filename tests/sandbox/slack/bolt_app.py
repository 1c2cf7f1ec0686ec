"""Connect a Bolt app to the stand-in, over Socket Mode or over HTTP."""

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.sandbox.slack.installed_app import InstalledApp, from_manifest
from bot.sandbox.slack.server import Slack

BUTTONS: list[dict[str, Any]] = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "again",
                "value": value,
                "text": {"type": "plain_text", "text": value},
            }
        ],
    }
    for value in ("one", "two")
]
"""Two buttons with the same action id."""


def extended_app() -> InstalledApp:
    """Return the manifest's app with another command, a global shortcut and two more events."""
    app = from_manifest()
    return replace(
        app,
        events=app.events | {"app_uninstalled", "channel_left"},
        commands={**app.commands, "/other": True},
        shortcuts={**app.shortcuts, "ftjob_lookup": ("global", "Look up")},
    )


async def connect(stack: AsyncExitStack, slack: Slack, app: AsyncApp, transport: str) -> None:
    """Connect an app until the stack closes; ``transport`` is "socket" or "http"."""
    if transport == "http":
        await serve(stack, slack, app.web_app("/slack/events"), "/slack/events")
        return
    handler = AsyncSocketModeHandler(app, slack.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt left it out
    stack.push_async_callback(handler.close_async)
    await slack.wait_for_connection()


async def serve(stack: AsyncExitStack, slack: Slack, application: web.Application, path: str) -> None:
    """Serve an application on loopback and make it the app's request URL."""
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
