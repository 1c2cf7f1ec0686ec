"""A loopback HTTP server with a ledger, latency and faults, closed to other sites' pages: what stand-ins are made of."""

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
    """What a stand-in decided to answer; ``accepted`` says whether it did what was asked."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = True

    def to_http(self) -> web.Response:
        """Return it as an HTTP response: strings as text, bytes as they are, the rest as JSON."""
        match self.body:
            case bytes():
                return web.Response(body=self.body, status=self.status, headers=self.headers)
            case str():
                return web.Response(text=self.body, status=self.status, headers=self.headers)
            case _:
                return web.json_response(self.body, status=self.status, headers=self.headers)


class LoopbackServer:
    """Starts and stops an aiohttp application on 127.0.0.1; subclasses add routes and call ``serve``."""

    def __init__(self, *, request_log: RequestLog | None = None, latency: float = 0.0, port: int = 0) -> None:
        self.request_log = RequestLog() if request_log is None else request_log
        self.faults = FaultPlan()
        self.latency = latency
        """Seconds that every answer takes on top of the work."""
        self.port = port
        self.proxy_ports: set[int] = set()
        """Further ports of this machine that lead here, as where a test speaks TLS before the server."""
        self.app = web.Application(client_max_size=2**24, middlewares=[self._only_from_here])
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        """The server's address without a path, "http://127.0.0.1:54321"."""
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
    async def _only_from_here(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what a page of another site sends: it would act for whoever looks at that page."""
        if is_local_request(request.headers, {self.port, *self.proxy_ports}):
            return await handler(request)
        said = f"Another site's page sent this, or it is addressed to another name. Type {self.origin}/ by hand.\n"
        return web.Response(text=said, status=HTTPStatus.FORBIDDEN)

    async def stop_accepting(self) -> None:
        """Refuse new connections from now on; those that are open go on."""
        for site in list(self._runner.sites if self._runner else ()):
            await site.stop()

    async def serve(
        self,
        http: web.Request,
        what: str,
        arguments: dict[str, Any],
        work: Callable[[], ServerResponse],
        *,
        credential: str = "",
    ) -> web.StreamResponse:
        """Answer one request: meet a fault if one waits, else do the work; write the ledger either way."""
        fault = self.faults.next_fault(what, arguments.get("id"))
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            fault = None
        done = work() if fault is None or fault.accepted or fault.kind == "late" else None
        accepted = done is not None and done.accepted
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault is None or fault.kind == "late":
            if fault:
                await asyncio.sleep(fault.seconds)
            assert done is not None  # noqa: S101 - both cases carried it out above
            answer = done
        elif fault.kind == "answer":
            answer = ServerResponse(fault.body, fault.status, fault.headers, accepted)
        else:
            self.request_log.append(what, arguments, status=0, accepted=accepted, credential=credential)
            return await self._fall_silent(http, fault)
        self.request_log.append(
            what,
            arguments,
            status=answer.status,
            response=answer.body,
            accepted=accepted,
            credential=credential,
        )
        return answer.to_http()

    @staticmethod
    async def _fall_silent(http: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if http.transport:
            http.transport.abort()
        return web.Response(status=500)
