"""Slack over HTTP: signed requests to our own address."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

log = structlog.get_logger()


def gate(app: AsyncApp) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of ``POST /slack/events``."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            response = await app.async_dispatch(await to_bolt_request(request))
        except Exception as error:  # noqa: BLE001 - Bolt parses before it verifies, and raises for what it cannot parse
            log.info("gate.unreadable", error=type(error).__name__)
            return web.json_response({"error": "bad_request"}, status=400)
        return await to_aiohttp_response(response)

    return handle
