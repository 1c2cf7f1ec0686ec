"""The page's own server, on loopback: files, what there is to see, and what people do."""

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
from bot.sandbox.demo.page.acts import perform_user_action
from bot.sandbox.demo.page.feed import Changefeed
from bot.sandbox.demo.page.picture import PageStateReader
from bot.sandbox.demo.page.troubles import set_fault
from bot.sandbox.openai.scenarios import fails, pauses, reinforcement, succeeds, waits
from bot.sandbox.server import LoopbackServer
from bot.sandbox.slack.users import SandboxUser

SCENARIOS = {"succeeds": succeeds, "fails": fails, "pauses": pauses, "reinforcement": reinforcement, "waits": waits}
"""What a new job can do with its life."""
SPEEDS = (0.0, 1.0, 10.0, 60.0)
ERRORS = {
    "invalid_training_file": "The job failed due to an invalid training file.",
    "exceeded_quota": "You exceeded your current quota, please check your plan and billing details.",
    "server_error": "The job failed due to an internal error.",
}
"""What a job can be made to fail with."""
REFRESH_SECONDS = 0.5
"""Seconds between two looks where nothing is said: jobs live on by the clock alone."""
BATCH_SECONDS = 0.05
"""Seconds in which what happens together is gathered into one version."""
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_STATIC = {each.name: each for each in (files("bot.sandbox.demo.page") / "static").iterdir() if each.is_file()}
"""The files of the page; nothing else of this machine is served."""
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"

Control = Callable[[dict[str, Any]], Awaitable[str | None]]


class DemoPage(LoopbackServer):
    """Serves the page of a stage; start it with ``async with``."""

    def __init__(self, stage: DemoEnvironment, *, port: int = 0) -> None:
        super().__init__(port=port)
        self._stage = stage
        self._troubles = {"slack": "", "api": ""}
        pictures = PageStateReader(stage)
        self._feed = Changefeed(lambda: pictures.read(self._troubles))
        self._levers: dict[str, Control] = {
            "act": self._act,
            "job": self._new_job,
            "end": self._end_job,
            "speed": self._set_speed,
            "trouble": self._set_trouble,
            "bot": self._set_bot,
        }
        self._token = secrets.token_hex()
        self.app.middlewares.append(self._guard)
        self.app.add_routes(
            [
                web.get("/", self._file),
                web.get("/static/{name}", self._file),
                web.get("/events", self._events),
                web.get("/changes", self._changes),
                web.get("/file/{file}", self._uploaded),
                web.post("/{lever}", self._pull),
            ]
        )

    @property
    def _cookie(self) -> str:
        """The name of the page's cookie: other ports of this machine share the jar."""
        return f"ftjob-try-{self.port}"

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Give the page its token, this run's alone, and show or do nothing for whoever comes without it."""
        is_open = request.path == "/" or request.path.startswith("/static/")
        token = request.cookies.get(self._cookie, "")
        if not (is_open or hmac.compare_digest(token.encode(), self._token.encode())):
            return web.json_response({"said": f"Open {self.origin}/ first."}, status=HTTPStatus.FORBIDDEN)
        answer = await handler(request)
        if not answer.prepared:
            answer.headers["Content-Security-Policy"] = _POLICY
            answer.headers["Cache-Control"] = "no-store"
            if request.path == "/":
                answer.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict")
        return answer

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        kind = _TYPES.get(name.rpartition(".")[2])
        file = _STATIC.get(name)
        if kind is None or file is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(text=file.read_text(encoding="utf-8"), content_type=kind)

    async def _uploaded(self, request: web.Request) -> web.Response:
        file = self._stage.slack.workspace.files.get(request.match_info["file"])
        if file is None or file.content is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(body=file.content, content_type="image/png")

    async def _changes(self, request: web.Request) -> web.Response:
        return web.json_response(self._feed.since(request.query.get("since", "")))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Stream the name of each version as a server-sent event: what is new in it, tabs ask for themselves."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        told = ""
        while True:
            if (version := self._feed.version()) != told:
                await stream.write(f"data: {version}\n\n".encode())
                told = version
            await self._something_moves()

    async def _something_moves(self) -> None:
        ledgers = (self._stage.slack.request_log, self._stage.api.request_log)
        waiting = [asyncio.ensure_future(ledger.wait_for_change()) for ledger in ledgers]
        try:
            await asyncio.wait(waiting, timeout=REFRESH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        await asyncio.sleep(BATCH_SECONDS)

    async def _pull(self, request: web.Request) -> web.Response:
        lever = self._levers.get(request.match_info["lever"])
        if lever is None or request.content_type != "application/json":
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            asked = loads(await request.text())
        except (ValueError, LookupError, RecursionError):  # no JSON, JSON in no known alphabet, or too deep
            asked = None
        if not isinstance(asked, dict):
            return web.json_response({"said": "That is not a JSON object."}, status=HTTPStatus.BAD_REQUEST)
        try:
            said = await lever(asked)
        except (AttributeError, LookupError, AssertionError, ValueError, TypeError, RuntimeError) as error:
            return web.json_response({"said": str(error) or type(error).__name__}, status=HTTPStatus.CONFLICT)
        self._stage.slack.request_log.notify_waiters()
        return web.json_response({"said": said or ""})

    async def _act(self, asked: dict[str, Any]) -> str:
        return await perform_user_action(self._stage, self._person(asked.get("as", "")), asked)

    async def _new_job(self, asked: dict[str, Any]) -> str:
        life, seconds = SCENARIOS[asked["life"]], min(max(float(asked.get("seconds", 60.0)), 2.0), 3600.0)
        owner = {"slack_user": self._person(asked.get("as", "")).id, "team": "search"}
        return self._stage.api.add_job(scenario=life(seconds), metadata=owner)

    async def _end_job(self, asked: dict[str, Any]) -> None:
        job, how = asked["job"], asked["how"]
        if job not in self._stage.api.jobs:
            raise LookupError(job)
        match how:
            case "succeeded":
                model = f"ft:{self._stage.api.jobs[job]['model']}:sandbox::{job[-8:]}"
                self._stage.api.change(job, status=how, fine_tuned_model=model, trained_tokens=48_576)
            case "failed":
                error = {"code": asked["error"], "message": ERRORS[asked["error"]], "param": None}
                self._stage.api.change(job, status=how, error=error)
            case "stuck":
                self._stage.api.change(job, status="queued")
                self._stage.api.freeze(job)
            case _:
                raise LookupError(how)

    async def _set_speed(self, asked: dict[str, Any]) -> None:
        if asked["speed"] not in SPEEDS:
            raise LookupError(f"{asked['speed']} is no speed")
        self._stage.api.speed = float(asked["speed"])

    async def _set_trouble(self, asked: dict[str, Any]) -> None:
        self._troubles[asked["side"]] = set_fault(self._stage, asked["side"], asked["name"])

    async def _set_bot(self, asked: dict[str, Any]) -> None:
        await (self._stage.bot_process.start() if asked["run"] else self._stage.bot_process.kill())

    def _person(self, who: str) -> SandboxUser:
        person = self._stage.slack.workspace.users.get(who) or self._stage.operator
        assert isinstance(person, SandboxUser), f"{who} cannot act"  # noqa: S101 - the bot is no person
        return person
