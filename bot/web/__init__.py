"""HTTP server: Slack requests, provider webhooks, liveness, readiness, and Prometheus metrics."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.web.server import Handler, Server, default_connection_limit, listen

HEADER_SECONDS = 10.0
"""How long a connection may be idle, or take to send a request's header, before it is closed."""

SHUTDOWN_SECONDS = 0.5
"""How long a shutdown waits for running requests: Slack's take milliseconds."""


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
    """Serve until the end of the block; yield the bound port.

    Args:
        host: the address to listen on.
        port: the port; 0 picks a free one.
        routes: the handler of each path, or of all below one that ends in a slash, beside the three probes.
        broken_parts: returns the names of the parts that currently fail.
        header_seconds: how long a connection may take for the header of its next request.
        max_connections: open connections at once; by default as many as the file descriptors allow.
    """

    async def live(_request: web.BaseRequest) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(_request: web.BaseRequest) -> web.Response:
        broken = broken_parts()
        body = {"status": "not ready", "parts": broken} if broken else {"status": "ok"}
        return web.json_response(body, status=503 if broken else 200)

    async def metrics(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    probes = {"/livez": live, "/readyz": readiness, "/metrics": metrics}
    routes = {**{path: _get_only(handler) for path, handler in probes.items()}, **routes}
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
    """Wrap a handler so that methods other than GET and HEAD get 405."""

    async def get_only(request: web.BaseRequest) -> web.Response:
        return await handler(request) if request.method in ("GET", "HEAD") else web.Response(status=405)

    return get_only
