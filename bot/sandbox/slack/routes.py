"""HTTP routes of Slack: the Web API, response URLs, uploads and Socket Mode."""

import hmac
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from typing import Any

from aiohttp import web

from bot.sandbox.request_log import RequestLog
from bot.sandbox.server import LoopbackServer, ServerResponse
from bot.sandbox.slack.app_secrets import AppSecrets
from bot.sandbox.slack.installed_app import InstalledApp, from_manifest
from bot.sandbox.slack.payload_sender import PayloadSender
from bot.sandbox.slack.rate_limits import RateLimits
from bot.sandbox.slack.response_urls import post_to_response_url
from bot.sandbox.slack.sockets import SocketConnections
from bot.sandbox.slack.web_api import METHODS, MethodCall
from bot.sandbox.slack.web_api.arguments import arguments_of
from bot.sandbox.slack.workspace import TransientWebApiError, UploadedFile, WebApiError, Workspace

APP_ERRORS = frozenset(
    """unknown_method not_authed not_allowed_token_type missing_scope not_enabled invalid_arguments
    invalid_blocks invalid_blocks_format invalid_metadata_format metadata_too_large msg_too_long msg_blocks_too_long
    no_text too_many_attachments invalid_cursor invalid_limit view_too_large messages_tab_disabled""".split()
)
"""Error codes that only a defective app causes, whatever the workspace's state and settings."""


class SlackRoutes(LoopbackServer):
    """Slack's HTTP server for one app, described by its manifest."""

    def __init__(
        self,
        *,
        secrets: AppSecrets | None = None,
        installed_app: InstalledApp | None = None,
        burst: int = 3,
        request_log: RequestLog | None = None,
        latency: float = 0.0,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        request_log = RequestLog(clock) if request_log is None else request_log
        super().__init__(request_log=request_log, latency=latency, port=port)
        self._secrets = AppSecrets.random() if secrets is None else secrets
        new_secret = self._secrets.new_secret
        self.rate_limits = RateLimits(clock, burst)
        self.workspace = Workspace(
            lambda: self.origin, request_log, clock, installed_app or from_manifest(), new_secret
        )
        self.sockets = SocketConnections(request_log)
        self.payload_sender = PayloadSender(self.sockets, self._secrets.signing_secret, verification_token=new_secret())
        self.app.add_routes(
            [
                web.route("*", "/api/{method}", self._serve_method),
                web.post("/{kind:commands|actions|app}/{rest:.+}", self._serve_response_url),
                web.post("/upload/{secret}", self._serve_upload),
                web.get("/link/", self._serve_socket),
            ]
        )

    @property
    def bot_token(self) -> str:
        """Token of the app's bot."""
        return self._secrets.bot_token

    @property
    def app_token(self) -> str:
        """App-level token, for Socket Mode."""
        return self._secrets.app_token

    @property
    def signing_secret(self) -> str:
        """Secret that signs requests to the app."""
        return self._secrets.signing_secret

    @property
    def api_url(self) -> str:
        """URL of the Web API, with a trailing slash."""
        return f"{self.origin}/api/"

    @property
    def scopes(self) -> frozenset[str]:
        """Scopes of the bot's token: those of the manifest unless changed."""
        return self.workspace.app.scopes

    @scopes.setter
    def scopes(self, scopes: frozenset[str]) -> None:
        self.workspace.app = self.workspace.app.with_overrides(scopes=scopes)

    async def _serve_method(self, http: web.Request) -> web.StreamResponse:
        name, arguments = http.match_info["method"], await arguments_of(http)
        token = http.headers.get("Authorization", "").removeprefix("Bearer ") or arguments.pop("token", "")
        credential = self._credential(str(token))
        handler = partial(self.handle, name, arguments, credential)
        return await self.serve(http, name, arguments, handler, credential=credential)

    def handle(self, name: str, arguments: dict[str, Any], credential: str = "bot") -> ServerResponse:
        """Handle one call of a Web API method, over HTTP or called directly."""
        try:
            return ServerResponse(self._call(name, arguments, credential), headers=self._scope_headers(name))
        except WebApiError as error:
            if error.error in APP_ERRORS and not isinstance(error, TransientWebApiError):
                self.workspace.record_error(f"{name}: {error.error} {error.details or ''}".rstrip())
            return ServerResponse(error.body(), error.status, self._scope_headers(name) | error.headers, accepted=False)

    def _credential(self, token: str) -> str:
        for name, value in (("bot", self.bot_token), ("app", self.app_token)):
            if hmac.compare_digest(token.encode(), value.encode()):
                return name
        return "unknown" if token else ""

    def _call(self, name: str, arguments: dict[str, Any], credential: str) -> dict[str, Any]:
        if name not in METHODS:
            raise WebApiError("unknown_method", req_method=name)
        if credential not in {"bot", "app"}:
            raise WebApiError("invalid_auth" if credential else "not_authed")
        if (credential == "app") != (name == "apps.connections.open"):
            raise WebApiError("not_allowed_token_type")
        self.rate_limits.consume_call(name)
        scopes = self.scopes if credential == "bot" else frozenset({"connections:write"})
        return METHODS[name](MethodCall(self.workspace, arguments, scopes, self.rate_limits))

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

        def handler() -> ServerResponse:
            if not isinstance(payload, dict):
                return ServerResponse("invalid_payload", 400, accepted=False)
            return post_to_response_url(self.workspace, token, payload)

        return await self.serve(http, "response_url", payload or {"body": body}, handler)

    async def _serve_upload(self, http: web.Request) -> web.StreamResponse:
        file: UploadedFile | None = self.workspace.uploads.get(http.match_info["secret"])
        content = await http.read()

        def handler() -> ServerResponse:
            if file is None or file.content is not None or len(content) != file.length:
                return ServerResponse("upload failed", 400, accepted=False)
            file.content = content
            return ServerResponse(f"OK - {len(content)}")

        return await self.serve(http, "upload", {"file": file.id if file else None}, handler)

    async def _serve_socket(self, http: web.Request) -> web.StreamResponse:
        ticket = http.query.get("ticket", "")
        fault = self.faults.next_fault("socket")
        is_good = ticket in self.workspace.socket_tickets and fault is None
        self.workspace.socket_tickets.discard(ticket)
        self.request_log.append("socket", {}, status=101 if is_good else 403, accepted=is_good)
        if fault and fault.kind in {"hang", "drop"}:
            return await self._abort_connection(http, fault)
        if fault and fault.kind == "answer":
            return ServerResponse(fault.body, fault.status, dict(fault.headers)).to_http()
        if not is_good:
            return ServerResponse("invalid ticket", 403, accepted=False).to_http()
        return await self.sockets.serve(http)
