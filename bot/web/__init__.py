"""The HTTP server: Slack's requests, webhooks, what is counted, and whether the bot is alive and ready."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.web.server import Handler, Server, default_connection_limit, listen

HEADER_SECONDS = 10.0
"""How long a connection may be silent, or take for the head of a request, before it is cut."""

SHUTDOWN_SECONDS = 0.5
"""How long a stop waits for requests under way: Slack's are answered in milliseconds."""


@asynccontextmanager
async def http_server(
    host: str,
    port: int,
    *,
    routes: Mapping[str, Handler],
    broken_parts: Callable[[], list[str]],
    header_seconds: float = HEADER_SECONDS,
    max_connections: int | None = None,
) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port that was bound.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        routes: what answers every request to a path, beside those that only look.
        broken_parts: the names of the parts that do not work at present.
        header_seconds: how long a connection may take until the head of its next request is there.
        max_connections: how many there may be at once; by default what the process's descriptors allow.
    """

    async def live(_request: web.BaseRequest) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(_request: web.BaseRequest) -> web.Response:
        broken = broken_parts()
        body = {"status": "not ready", "parts": broken} if broken else {"status": "ok"}
        return web.json_response(body, status=503 if broken else 200)

    async def metrics(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    looks = {"/livez": live, "/readyz": readiness, "/metrics": metrics}
    routes = {**{path: _get_only(handler) for path, handler in looks.items()}, **routes}
    server = Server(
        routes, header_seconds=header_seconds, max_connections=max_connections or default_connection_limit()
    )
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    listeners: list[socket.socket] = []
    try:
        listeners = await listen(host, port)
        admitting = [asyncio.create_task(server.accept(listener)) for listener in listeners]
        try:
            yield listeners[0].getsockname()[1]
        finally:
            for task in admitting:
                task.cancel()
            await asyncio.gather(*admitting, return_exceptions=True)
    finally:
        for listener in listeners:
            listener.close()
        await runner.cleanup()


def _get_only(handler: Handler) -> Handler:
    """Let nothing but a look reach a handler."""

    async def look(request: web.BaseRequest) -> web.Response:
        return await handler(request) if request.method in ("GET", "HEAD") else web.Response(status=405)

    return look
