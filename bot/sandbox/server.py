"""Loopback HTTP server with a request log, latency and fault injection: the base of every stand-in."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.faults import Fault, FaultPlan
from bot.sandbox.origin import is_local_request
from bot.sandbox.request_log import RequestLog


@dataclass(frozen=True)
class ServerResponse:
    """Response of a stand-in; ``accepted`` is whether the request took effect."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = True

    def to_http(self) -> web.Response:
        """Return it as an aiohttp response: strings as text, bytes as they are, anything else as JSON."""
        match self.body:
            case bytes():
                return web.Response(body=self.body, status=self.status, headers=self.headers)
            case str():
                return web.Response(text=self.body, status=self.status, headers=self.headers)
            case _:
                return web.json_response(self.body, status=self.status, headers=self.headers)


class LoopbackServer:
    """An aiohttp application on 127.0.0.1; subclasses add routes and call ``serve``."""

    def __init__(self, *, request_log: RequestLog | None = None, latency: float = 0.0, port: int = 0) -> None:
        self.request_log = RequestLog() if request_log is None else request_log
        self.faults = FaultPlan()
        self.latency = latency
        """Seconds that are added to every response."""
        self.port = port
        self.proxy_ports: set[int] = set()
        """Ports of proxies in front of this server, such as a test's TLS proxy."""
        self.app = web.Application(client_max_size=2**24, middlewares=[self._reject_cross_site])
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        """The server's URL without a path, "http://127.0.0.1:54321"."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _reject_cross_site(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Reject what another site's page sends: it would act on behalf of whoever views that page."""
        if is_local_request(request.headers, {self.port, *self.proxy_ports}):
            return await handler(request)
        message = f"Another site's page sent this, or it is addressed to another name. Type {self.origin}/ by hand.\n"
        return web.Response(text=message, status=HTTPStatus.FORBIDDEN)

    async def stop_accepting(self) -> None:
        """Refuse new connections; open ones stay."""
        for site in list(self._runner.sites if self._runner else ()):
            await site.stop()

    async def serve(
        self,
        http: web.Request,
        endpoint: str,
        arguments: dict[str, Any],
        handler: Callable[[], ServerResponse],
        *,
        credential: str = "",
    ) -> web.StreamResponse:
        """Serve one request: apply its fault if there is one, else call ``handler``; log the request either way."""
        fault = self.faults.next_fault(endpoint, arguments.get("id"))
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            fault = None
        handled = handler() if fault is None or fault.accepted or fault.kind == "late" else None
        accepted = handled is not None and handled.accepted
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault is None or fault.kind == "late":
            if fault:
                await asyncio.sleep(fault.seconds)
            assert handled is not None  # noqa: S101 - both cases called the handler above
            response = handled
        elif fault.kind == "answer":
            response = ServerResponse(fault.body, fault.status, fault.headers, accepted)
        else:
            self.request_log.append(endpoint, arguments, status=0, accepted=accepted, credential=credential)
            return await self._abort_connection(http, fault)
        self.request_log.append(
            endpoint,
            arguments,
            status=response.status,
            response=response.body,
            accepted=accepted,
            credential=credential,
        )
        return response.to_http()

    @staticmethod
    async def _abort_connection(http: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if http.transport:
            http.transport.abort()
        return web.Response(status=500)
