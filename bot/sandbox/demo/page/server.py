"""HTTP server of the page, on loopback: static files, the changefeed, and controls."""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.net.strict_json import loads
from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.demo.job_servers import OPENAI
from bot.sandbox.demo.page.changefeed import Changefeed
from bot.sandbox.demo.page.fault_controls import set_fault
from bot.sandbox.demo.page.page_state import PageStateReader
from bot.sandbox.demo.page.user_actions import perform_user_action
from bot.sandbox.openai.scenarios import fails, pauses, reinforcement, succeeds, waits
from bot.sandbox.server import LoopbackServer
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.trainer.machine import TrainingMachine

SCENARIOS = {"succeeds": succeeds, "fails": fails, "pauses": pauses, "reinforcement": reinforcement, "waits": waits}
"""Scenarios of a new job by name."""
TRAINS = "trains"
"""A new job of this name is no scenario: it trains on this machine."""
EVERYWHERE = ("succeeds", "fails", "waits")
"""Those that jobs of every provider can have."""
SPEEDS = (0.0, 1.0, 10.0, 60.0)
ERRORS = {
    "invalid_training_file": "The job failed due to an invalid training file.",
    "exceeded_quota": "You exceeded your current quota, please check your plan and billing details.",
    "server_error": "The job failed due to an internal error.",
}
"""Error messages of failed jobs by error code."""
REFRESH_SECONDS = 0.5
"""Seconds between two reads of the state without requests: jobs progress by the clock alone."""
BATCH_SECONDS = 0.05
"""Seconds within which changes are batched into one version."""
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_STATIC = {each.name: each for each in (files("bot.sandbox.demo.page") / "static").iterdir() if each.is_file()}
"""The page's static files; no other file is served."""
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"

Control = Callable[[dict[str, Any]], Awaitable[str | None]]


class DemoPage(LoopbackServer):
    """Page server of a demo environment; start it with ``async with``."""

    def __init__(self, demo: DemoEnvironment, *, port: int = 0) -> None:
        super().__init__(port=port)
        self._demo = demo
        self._active_faults = {"slack": "", "api": ""}
        reader = PageStateReader(demo)
        self._changefeed = Changefeed(lambda: reader.read(self._active_faults))
        self._controls: dict[str, Control] = {
            "action": self._perform_user_action,
            "job": self._new_job,
            "end": self._end_job,
            "trainer": self._act_on_trainer,
            "speed": self._set_speed,
            "fault": self._set_fault,
            "bot": self._set_bot,
        }
        self._token = secrets.token_hex()
        self.app.middlewares.append(self._require_token)
        self.app.add_routes(
            [
                web.get("/", self._serve_static),
                web.get("/static/{name}", self._serve_static),
                web.get("/events", self._stream_versions),
                web.get("/changes", self._serve_changes),
                web.get("/file/{file}", self._serve_upload),
                web.post("/{control}", self._run_control),
            ]
        )

    @property
    def _cookie(self) -> str:
        """Name of the page's cookie; it holds the port, because all ports of a host share their cookies."""
        return f"ftjob-try-{self.port}"

    @web.middleware
    async def _require_token(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Set this run's token as a cookie with the page, and reject every other request that lacks it."""
        is_open = request.path == "/" or request.path.startswith("/static/")
        token = request.cookies.get(self._cookie, "")
        if not (is_open or hmac.compare_digest(token.encode(), self._token.encode())):
            return web.json_response({"message": f"Open {self.origin}/ first."}, status=HTTPStatus.FORBIDDEN)
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = _POLICY
            response.headers["Cache-Control"] = "no-store"
            if request.path == "/":
                response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict")
        return response

    async def _serve_static(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        kind = _TYPES.get(name.rpartition(".")[2])
        file = _STATIC.get(name)
        if kind is None or file is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(text=file.read_text(encoding="utf-8"), content_type=kind)

    async def _serve_upload(self, request: web.Request) -> web.Response:
        file = self._demo.slack.workspace.files.get(request.match_info["file"])
        if file is None or file.content is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(body=file.content, content_type="image/png")

    async def _serve_changes(self, request: web.Request) -> web.Response:
        return web.json_response(self._changefeed.since(request.query.get("since", "")))

    async def _stream_versions(self, request: web.Request) -> web.StreamResponse:
        """Stream the name of each new version as a server-sent event; tabs fetch the changes themselves."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        sent = ""
        while True:
            if (version := self._changefeed.version()) != sent:
                await stream.write(f"data: {version}\n\n".encode())
                sent = version
            await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        request_logs = (self._demo.slack.request_log, *self._demo.servers.request_logs.values())
        waiting = [asyncio.ensure_future(each.wait_for_change()) for each in request_logs]
        try:
            await asyncio.wait(waiting, timeout=REFRESH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        await asyncio.sleep(BATCH_SECONDS)

    async def _run_control(self, request: web.Request) -> web.Response:
        control = self._controls.get(request.match_info["control"])
        if control is None or request.content_type != "application/json":
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            body = loads(await request.text())
        except (ValueError, LookupError, RecursionError):  # not JSON, of an unknown charset, or nested too deep
            body = None
        if not isinstance(body, dict):
            return web.json_response({"message": "That is not a JSON object."}, status=HTTPStatus.BAD_REQUEST)
        try:
            message = await control(body)
        except (AttributeError, LookupError, AssertionError, ValueError, TypeError, RuntimeError) as error:
            return web.json_response({"message": str(error) or type(error).__name__}, status=HTTPStatus.CONFLICT)
        self._demo.slack.request_log.notify_waiters()
        return web.json_response({"message": message or ""})

    async def _perform_user_action(self, body: dict[str, Any]) -> str:
        return await perform_user_action(self._demo, self._user(body.get("user", "")), body)

    async def _new_job(self, body: dict[str, Any]) -> str:
        provider, name = str(body.get("provider") or OPENAI), str(body["scenario"])
        seconds = min(max(float(body.get("seconds", 60.0)), 2.0), 3600.0)
        owner = {"slack_user": self._user(body.get("user", "")).id, "team": "search"}
        if name == TRAINS:
            return await self._machine().start_job(seconds=seconds, owner=owner["slack_user"])
        scenario = SCENARIOS[name]
        if provider != OPENAI and name not in EVERYWHERE:
            raise ValueError(f"Jobs at {provider} can't do that. Pick one that succeeds, fails or waits.")
        return self._demo.servers.add_job(provider, scenario(seconds), metadata=owner)

    async def _end_job(self, body: dict[str, Any]) -> None:
        code = body["error"] if body["outcome"] == "failed" else None
        error = {"code": code, "message": ERRORS[code], "param": None} if code else None
        self._demo.servers.end_job(body["job"], body["outcome"], error)

    async def _act_on_trainer(self, body: dict[str, Any]) -> None:
        await self._machine().act(str(body["job"]), str(body["action"]))

    def _machine(self) -> TrainingMachine:
        if self._demo.servers.machine is None:
            raise LookupError("this demo has no machine that trains")
        return self._demo.servers.machine

    async def _set_speed(self, body: dict[str, Any]) -> None:
        if body["speed"] not in SPEEDS:
            raise LookupError(f"{body['speed']} is no speed")
        self._demo.servers.set_speed(float(body["speed"]))

    async def _set_fault(self, body: dict[str, Any]) -> None:
        self._active_faults[body["side"]] = set_fault(self._demo, body["side"], body["name"])

    async def _set_bot(self, body: dict[str, Any]) -> None:
        await (self._demo.bot_process.start() if body["is_running"] else self._demo.bot_process.kill())

    def _user(self, user_id: str) -> SandboxUser:
        user = self._demo.slack.workspace.users.get(user_id) or self._demo.operator
        assert isinstance(user, SandboxUser), f"{user_id} cannot act"  # noqa: S101 - the bot user cannot act
        return user
