"""What an app reaches at Slack: the Web API, response URLs, uploads and Socket Mode."""

import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import partial
from typing import Any

from aiohttp import web

from bot.sandbox.request_log import Ledger
from bot.sandbox.server import Answer, LoopbackServer
from bot.sandbox.slack.delivery import Delivery
from bot.sandbox.slack.installed import InstalledApp, from_manifest
from bot.sandbox.slack.limits import Limits
from bot.sandbox.slack.response_urls import answer_through
from bot.sandbox.slack.web_api import METHODS, Call
from bot.sandbox.slack.web_api.arguments import arguments_of
from bot.sandbox.slack.workspace import File, Mint, Refusal, Unready, Workspace

APP_ERRORS = frozenset(
    """unknown_method not_authed not_allowed_token_type missing_scope not_enabled invalid_arguments
    invalid_blocks invalid_blocks_format invalid_metadata_format metadata_too_large msg_too_long msg_blocks_too_long
    no_text too_many_attachments invalid_cursor invalid_limit view_too_large messages_tab_disabled""".split()
)
"""What Slack answers only to an app that does something wrong, however the workspace stands and whatever it was set."""


class Doors(LoopbackServer):
    """Slack's server, for one app that one manifest describes."""

    def __init__(
        self,
        *,
        bot_token: str = "",
        app_token: str = "",
        signing_secret: str = "",
        mint: Mint = secrets.token_hex,
        request_url: str | None = None,
        installed: InstalledApp | None = None,
        scopes: Iterable[str] | None = None,
        events: Iterable[str] | None = None,
        burst: int = 3,
        ledger: Ledger | None = None,
        latency: float = 0.0,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        ledger = Ledger(clock) if ledger is None else ledger
        super().__init__(ledger=ledger, latency=latency, port=port)
        self.bot_token, self.app_token = bot_token or f"xoxb-{mint()}", app_token or f"xapp-{mint()}"
        self.signing_secret = signing_secret or mint()
        app = (installed or from_manifest()).but(scopes=scopes, events=events)
        self.limits = Limits(clock, burst)
        self.workspace = Workspace(lambda: self.origin, self.ledger.moved, clock, app, mint)
        self.delivery = Delivery(self.ledger, self.signing_secret, request_url, verification_token=mint())
        self.app.add_routes(
            [
                web.route("*", "/api/{method}", self._serve_method),
                web.post("/{kind:commands|actions|app}/{rest:.+}", self._serve_response_url),
                web.post("/upload/{secret}", self._serve_upload),
                web.get("/link/", self._serve_link),
            ]
        )

    @property
    def api_url(self) -> str:
        """The address of the Web API, with its slash."""
        return f"{self.origin}/api/"

    @property
    def scopes(self) -> frozenset[str]:
        """What the bot's token may do: what the manifest asks for, unless somebody changes it."""
        return self.workspace.installed.scopes

    @scopes.setter
    def scopes(self, scopes: frozenset[str]) -> None:
        self.workspace.installed = self.workspace.installed.but(scopes=scopes)

    async def _serve_method(self, http: web.Request) -> web.StreamResponse:
        name, arguments = http.match_info["method"], await arguments_of(http)
        token = http.headers.get("Authorization", "").removeprefix("Bearer ") or arguments.pop("token", "")
        credential = self._credential(str(token))
        work = partial(self.answer, name, arguments, credential)
        return await self.serve(http, name, arguments, work, credential=credential)

    def answer(self, name: str, arguments: dict[str, Any], credential: str = "bot") -> Answer:
        """Carry out one call of a Web API method, whichever way it came."""
        try:
            return Answer(self._call(name, arguments, credential), headers=self._scope_headers(name))
        except Refusal as refusal:
            if refusal.error in APP_ERRORS and not isinstance(refusal, Unready):
                self.workspace.blame(f"{name}: {refusal.error} {refusal.more or ''}".rstrip())
            return Answer(refusal.body(), refusal.status, self._scope_headers(name) | refusal.headers, accepted=False)

    def _credential(self, token: str) -> str:
        for name, value in (("bot", self.bot_token), ("app", self.app_token)):
            if hmac.compare_digest(token.encode(), value.encode()):
                return name
        return "unknown" if token else ""

    def _call(self, name: str, arguments: dict[str, Any], credential: str) -> dict[str, Any]:
        if name not in METHODS:
            raise Refusal("unknown_method", req_method=name)
        if credential not in {"bot", "app"}:
            raise Refusal("invalid_auth" if credential else "not_authed")
        if (credential == "app") != (name == "apps.connections.open"):
            raise Refusal("not_allowed_token_type")
        self.limits.spend_call(name)
        scopes = self.scopes if credential == "bot" else frozenset({"connections:write"})
        return METHODS[name](Call(self.workspace, arguments, scopes, self.limits))

    def _scope_headers(self, name: str) -> dict[str, str]:
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes)), "Date": formatdate(self._clock(), usegmt=True)}
        if name in METHODS and METHODS[name].scope:
            headers["x-accepted-oauth-scopes"] = METHODS[name].scope
        return headers

    async def _serve_response_url(self, http: web.Request) -> web.StreamResponse:
        token = http.path.lstrip("/")
        body = await http.text()
        try:
            payload = json.loads(body)
        except ValueError:
            payload = None

        def work() -> Answer:
            if not isinstance(payload, dict):
                return Answer("invalid_payload", 400, accepted=False)
            return answer_through(self.workspace, token, payload)

        return await self.serve(http, "response_url", payload or {"body": body}, work)

    async def _serve_upload(self, http: web.Request) -> web.StreamResponse:
        file: File | None = self.workspace.uploads.get(http.match_info["secret"])
        content = await http.read()

        def work() -> Answer:
            if file is None or file.content is not None or len(content) != file.length:
                return Answer("upload failed", 400, accepted=False)
            file.content = content
            return Answer(f"OK - {len(content)}")

        return await self.serve(http, "upload", {"file": file.id if file else None}, work)

    async def _serve_link(self, http: web.Request) -> web.StreamResponse:
        ticket = http.query.get("ticket", "")
        fault = self.faults.take("socket")
        is_good = ticket in self.workspace.tickets and fault is None
        self.workspace.tickets.discard(ticket)
        self.ledger.write("socket", {}, status=101 if is_good else 403, accepted=is_good)
        if fault and fault.kind in {"hang", "drop"}:
            return await self._fall_silent(http, fault)
        if fault and fault.kind == "answer":
            return Answer(fault.body, fault.status, dict(fault.headers)).response()
        if not is_good:
            return Answer("invalid ticket", 403, accepted=False).response()
        return await self.delivery.attend(http)
