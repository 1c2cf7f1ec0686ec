"""The HTTP server: Slack's requests, and whether the bot is alive and ready."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

LARGEST_BODY = 256 * 1024
"""Bytes; Slack's own requests are far smaller."""

LAST_SECONDS = 0.5
"""How long a stop waits for requests under way: Slack's are answered in milliseconds."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(host: str, port: int, *, slack: Handler | None, ready: Callable[[], list[str]]) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port that was bound.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        slack: what answers ``POST /slack/events``, None in Socket Mode.
        ready: the names of the parts that do not work at present.
    """

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(_request: web.Request) -> web.Response:
        broken = ready()
        body = {"status": "not ready", "parts": broken} if broken else {"status": "ok"}
        return web.json_response(body, status=503 if broken else 200)

    app = web.Application(client_max_size=LARGEST_BODY)
    app.add_routes([web.get("/livez", live), web.get("/readyz", readiness)])
    if slack:
        app.add_routes([web.post("/slack/events", slack)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=LAST_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
