"""Network between the trainers of a machine and the bot: each call passes through it, and it can be cut for one job."""

import json
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox.faults import Fault
from bot.sandbox.server import LoopbackServer

CALL_SECONDS = 30.0
_ENDPOINT = "PUT /push/{account}/jobs/{id}"
_LOGGED = ("status", "step", "seq")

Call = dict[str, Any]
"""The body of one call of a trainer."""


class TrainerNetwork(LoopbackServer):
    """Relay of calls."""

    def __init__(self, bot_url: str, on_stored: Callable[[str, Call], None]) -> None:
        """Relay to the bot at ``bot_url``; ``on_stored`` gets the job's ID and the body of each call that the bot stored."""
        super().__init__()
        self.cut_off: set[str] = set()
        """IDs of jobs whose calls do not pass."""
        self._bot_url, self._on_stored = bot_url, on_stored
        self.app.cleanup_ctx.append(self._with_session)
        self.app.router.add_put("/push/{account}/jobs/{id}", self._relay)

    async def _with_session(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as self._session:
            yield

    async def fetch_client(self) -> bytes:
        """Return client.py as the bot serves it.

        Raises:
            RuntimeError: the bot does not respond.
        """
        try:
            async with self._session.get(f"{self._bot_url}/push/client.py", raise_for_status=True) as response:
                return await response.read()
        except (aiohttp.ClientError, TimeoutError):
            raise RuntimeError("Start the bot first: trainers get their client from it.") from None

    async def _relay(self, http: web.Request) -> web.StreamResponse:
        job_id, body = http.match_info["id"], await http.read()
        call: Call = json.loads(body)
        response = None if job_id in self.cut_off else await self._forward(http, body)
        is_stored = response is not None and response.status == HTTPStatus.OK
        summary = {"id": job_id, **{name: call.get(name) for name in _LOGGED}}
        self.request_log.append(_ENDPOINT, summary, status=response.status if response else 0, accepted=is_stored)
        if response is None:
            return await self._abort_connection(http, Fault("drop"))
        if is_stored:
            self._on_stored(job_id, call)
        return response

    async def _forward(self, http: web.Request, body: bytes) -> web.Response | None:
        """Return the bot's response, None without one."""
        headers = {name: http.headers[name] for name in ("Authorization", "Content-Type") if name in http.headers}
        try:
            async with self._session.put(f"{self._bot_url}{http.path}", data=body, headers=headers) as response:
                kept = {name: response.headers[name] for name in ("Retry-After",) if name in response.headers}
                content, kind = await response.read(), response.content_type
                return web.Response(body=content, status=response.status, headers=kept, content_type=kind)
        except (aiohttp.ClientError, TimeoutError):
            return None
