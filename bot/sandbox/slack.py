"""A Slack to try things with: Web API, Socket Mode, signed delivery, response URLs, modals, Home; strict as Slack."""

import hmac
import json
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import partial
from types import TracebackType
from typing import Any

from aiohttp import web

from bot.sandbox.acting import Hands, Person
from bot.sandbox.delivery import Delivery
from bot.sandbox.exchange import Exchange
from bot.sandbox.ledger import Ledger
from bot.sandbox.limits import Limits
from bot.sandbox.messages import Ephemeral, View
from bot.sandbox.response_urls import answer_through
from bot.sandbox.server import Answer, LoopbackServer
from bot.sandbox.web_api import METHODS, Call
from bot.sandbox.web_api.arguments import arguments_of
from bot.sandbox.workspace import BOT_USER, TEAM, Channel, File, Member, Refusal, Workspace

SCOPES = [
    "chat:write",
    "chat:write.public",
    "commands",
    "users:read",
    "channels:read",
    "groups:read",
    "channels:history",
    "groups:history",
    "im:history",
    "usergroups:read",
    "files:write",
]
"""What the bot's manifest asks for, optional ones included."""

EVENTS = ("app_home_opened", "member_joined_channel", "channel_unarchive", "group_unarchive", "channel_id_changed")
"""What the bot's manifest subscribes to."""


class Slack(LoopbackServer):
    """One workspace with one app in it; start it with ``async with``."""

    def __init__(
        self,
        *,
        bot_token: str = "xoxb-sandbox-0123456789abcdef",  # noqa: S107 - opens nothing
        app_token: str = "xapp-sandbox-0123456789abcdef",  # noqa: S107
        signing_secret: str = "sandbox-signing-secret-0123456789",  # noqa: S107
        request_url: str | None = None,
        scopes: Iterable[str] = SCOPES,
        events: Iterable[str] = EVENTS,
        should_escape: bool = True,
        burst: int = 3,
        ledger: Ledger | None = None,
        latency: float = 0.0,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        ledger = Ledger(clock) if ledger is None else ledger
        super().__init__(ledger=ledger, latency=latency, port=port)
        self.bot_token, self.app_token, self.signing_secret = bot_token, app_token, signing_secret
        self.scopes = frozenset(scopes)
        self.limits = Limits(clock, burst)
        self.workspace = Workspace(lambda: self.origin, self.ledger.moved, clock)
        self.delivery = Delivery(self.ledger, signing_secret, request_url)
        self._hands = Hands(self.workspace, self.ledger, self.delivery, frozenset(events), should_escape)
        self.app.add_routes(
            [
                web.route("*", "/api/{method}", self._serve_method),
                web.post("/{kind:commands|actions|app}/{team}/{number}", self._serve_response_url),
                web.post("/upload/{file}", self._serve_upload),
                web.get("/link/", self._serve_link),
            ]
        )

    # --- what a test and ``ftjob try`` hold ---

    @property
    def api_url(self) -> str:
        """The address of the Web API, with its slash."""
        return f"{self.origin}/api/"

    @property
    def request_url(self) -> str | None:
        """Where signed deliveries go if no Socket Mode connection is there."""
        return self.delivery.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.delivery.request_url = url

    @property
    def complaints(self) -> list[str]:
        """What Slack would accept and this project does not; empty at the end of a good test."""
        return self.workspace.complaints

    @property
    def ephemerals(self) -> list[Ephemeral]:
        """Every ephemeral message, as it stands now, in order."""
        return self.workspace.ephemerals

    @property
    def homes(self) -> dict[str, View]:
        """The Home tab of each person who has one, by user id."""
        return self.workspace.homes

    def add_person(
        self,
        name: str,
        *,
        is_admin: bool = False,
        is_owner: bool = False,
        is_restricted: bool = False,
        is_ultra_restricted: bool = False,
        is_bot: bool = False,
        deleted: bool = False,
        team_id: str = TEAM,
    ) -> Person:
        """Let somebody join; owners are admins too, as in Slack."""
        person = Person(
            id=self.workspace.number("U"),
            name=name,
            is_admin=is_admin or is_owner,
            is_owner=is_owner,
            is_restricted=is_restricted or is_ultra_restricted,
            is_ultra_restricted=is_ultra_restricted,
            is_bot=is_bot,
            deleted=deleted,
            team_id=team_id,
            hands=self._hands,
        )
        self.workspace.people[person.id] = person
        return person

    def add_channel(
        self,
        name: str,
        *,
        bot_is_member: bool = True,
        is_private: bool = False,
        is_archived: bool = False,
        is_ext_shared: bool = False,
        prefix: str = "C",
    ) -> Channel:
        """Open a channel; older private ones have an id that begins with "G"."""
        members = dict.fromkeys([BOT_USER] if bot_is_member else [])
        channel = Channel(self.workspace.number(prefix), name, is_private, is_archived, is_ext_shared, members=members)
        self.workspace.channels[channel.id] = channel
        return channel

    def add_usergroup(self, handle: str, people: Iterable[Member]) -> str:
        """Found a user group and return its id."""
        group = self.workspace.number("S")
        self.workspace.handles[handle] = group
        self.workspace.usergroups[group] = [person.id for person in people]
        return group

    def direct_message(self, person: Member) -> Channel:
        """Return the channel between the bot and one person."""
        return self.workspace.direct_message(person.id)

    async def invite_bot(self, channel: Channel, by: Member | None = None) -> Exchange:
        """Let the bot into a channel; the app hears ``member_joined_channel``."""
        channel.join()
        event = {"type": "member_joined_channel", "user": BOT_USER, "channel": channel.id, "team": TEAM}
        event["channel_type"] = "G" if channel.is_private else "C"
        return await self._bot_event(event | ({"inviter": by.id} if by else {}))

    async def remove_bot(self, channel: Channel) -> Exchange:
        """Remove the bot from a channel; the app hears ``channel_left`` or ``group_left``."""
        channel.leave()
        kind = "group_left" if channel.is_private else "channel_left"
        return await self._bot_event({"type": kind, "channel": channel.id})

    async def unarchive(self, channel: Channel, by: Member | None = None) -> Exchange:
        """Take a channel out of the archive; the app hears ``channel_unarchive`` or ``group_unarchive``."""
        channel.is_archived = False
        kind = "group_unarchive" if channel.is_private else "channel_unarchive"
        return await self._bot_event({"type": kind, "channel": channel.id} | ({"user": by.id} if by else {}))

    async def change_id(self, channel: Channel, *, takes_old: bool = False) -> Exchange:
        """Give a channel another id, as when it is shared; the app hears ``channel_id_changed``.

        ``takes_old`` lets Slack take the old id, too, and answer with the new one.
        """
        old = self.workspace.renumber(channel, takes_old=takes_old)
        ids = {"old_channel_id": old, "new_channel_id": channel.id}
        return await self._bot_event({"type": "channel_id_changed", **ids, "event_ts": self.workspace.ts()})

    async def event(self, kind: str, **fields: Any) -> Exchange:
        """Send any event that the app subscribed to."""
        return await self._bot_event({"type": kind, **fields})

    async def redeliver(self, exchange: Exchange, *, attempt: int = 1, reason: str = "http_timeout") -> Exchange:
        """Deliver an event once more, under the same event id."""
        return await self._hands.again(exchange, attempt, reason)

    async def _bot_event(self, event: dict[str, Any]) -> Exchange:
        self.ledger.moved()
        return await self._hands.event(self.workspace.people[BOT_USER], event)

    async def connected(self, *, seconds: float = 60.0) -> None:
        """Wait until a Socket Mode connection is there."""
        await self.ledger.until(lambda: self.delivery.links, seconds=seconds, why="a Socket Mode connection")

    async def disconnect_all(self, reason: str = "refresh_requested") -> None:
        """Ask every Socket Mode connection to leave, as Slack does every few hours."""
        await self.delivery.disconnect_all(reason)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.delivery.close()
        await super().__aexit__(kind, error, trace)

    # --- what the app reaches ---

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
        file: File | None = self.workspace.files.get(http.match_info["file"])
        content = await http.read()

        def work() -> Answer:
            if file is None or file.content is not None or len(content) != file.length:
                return Answer("upload failed", 400, accepted=False)
            file.content = content
            return Answer(f"OK - {len(content)}")

        return await self.serve(http, "upload", {"file": http.match_info["file"]}, work)

    async def _serve_link(self, http: web.Request) -> web.StreamResponse:
        ticket = http.query.get("ticket", "")
        fault = self.faults.take("socket")
        is_good = ticket in self.workspace.tickets and fault is None
        self.workspace.tickets.discard(ticket)
        self.ledger.write("socket", {"ticket": ticket}, status=101 if is_good else 403, accepted=is_good)
        if fault and fault.kind in {"hang", "drop"}:
            return await self._fall_silent(http, fault)
        if fault and fault.kind == "answer":
            return Answer(fault.body, fault.status, dict(fault.headers)).response()
        if not is_good:
            return Answer("invalid ticket", 403, accepted=False).response()
        return await self.delivery.attend(http)
