"""The wires: what the bot's own doors put onto the network reaches the stand-ins without one.

Under Slack's SDK only the aiohttp session is replaced, under our ``Client`` only the exchange of one request for one
answer. What a server does with a request it got is the world's business: it goes on when the bot dies.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict

from bot.providers.account import Account
from bot.providers.client import DEADLINE, Client
from bot.providers.registry import dialect_of
from bot.providers.sizes import PageSizes
from bot.providers.wire import Answer as ApiAnswer
from bot.providers.wire import Request
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.server import Answer
from bot.sandbox.slack.server import Slack
from bot.store.db.engine import Clock
from tests.simulation.trouble import Trouble, Weather

POST = "chat.postMessage"
EDIT = "chat.update"
FOREVER = 3600.0
_JOBS = "/fine_tuning/jobs"

Passing = Callable[[str], None]
"""Called at each point at which an incarnation may die; raises where it does."""


@dataclass
class Tally:
    """What went over the wires."""

    attempts: int = 0
    ambiguous: int = 0
    looks: int = 0
    edits: int = 0
    troubles: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """What the SDK uses of aiohttp's response."""

    status: int
    headers: CIMultiDict[str]
    body: str

    @property
    def content_type(self) -> str:
        return "text/html" if self.body.startswith("<") else "application/json"

    async def text(self, **_: Any) -> str:
        return self.body

    async def json(self) -> Any:
        if self.content_type != "application/json":
            raise aiohttp.ContentTypeError(cast("aiohttp.RequestInfo", None), ())
        return json.loads(self.body)


class World:
    """Both servers behind their wires, as they go on whatever becomes of the bot."""

    def __init__(self, slack: Slack, api: FineTuningApi, weather: Weather, passing: Passing) -> None:
        self.slack, self.api, self.weather, self.tally = slack, api, weather, Tally()
        self.passing = passing
        self.person = slack.add_person("olivia").id
        """Who asked for everything that the bot does."""
        self._read: dict[tuple[str, str], list[Answer]] = {}

    async def ask_slack(self, method: str, arguments: dict[str, Any]) -> Response:
        """Carry one call of the Web API there and its answer back."""
        key = str((arguments.get("metadata") or {}).get("event_payload", {}).get("k", ""))
        self.passing(f"wire.before {method}")
        trouble = self._slack_trouble(method, key)
        answer = await self._carry(method, arguments, trouble, lambda: self.slack.answer(method, arguments))
        self.passing(f"wire.after {method}")
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        return Response(answer.status, CIMultiDict(answer.headers), body)

    def _slack_trouble(self, method: str, key: str) -> Trouble:
        now = asyncio.get_running_loop().time()
        if method != POST:
            self.tally.looks += method != EDIT
            self.tally.edits += method == EDIT
            return self.weather.of_look(now)
        trouble = self.weather.of_post(now, key)
        self.tally.attempts += 1
        self.tally.ambiguous += trouble.is_ambiguous
        return trouble

    async def ask_api(self, what: str, path: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        """Carry one request to the fine-tuning API there and its answer back."""
        trouble = self.api_trouble(what)

        def work() -> Answer:
            if trouble.name == "lost" and "id" in path:
                return Answer({"error": {"message": "No such job."}}, HTTPStatus.NOT_FOUND, accepted=False)
            answer = self.api.answer(what, path, query, secret=self.api.key)
            answers = self._read.setdefault((what, repr((sorted(path.items()), sorted(query.items())))), [])
            answers.append(answer)
            return answers[max(0, len(answers) - 3)] if trouble.name == "stale" else answer

        return await self._carry(what, {**path, "query": dict(query)}, trouble, work)

    def api_trouble(self, _what: str) -> Trouble:
        """Return what happens to the next request to the fine-tuning API."""
        return self.weather.of_api(asyncio.get_running_loop().time())

    async def _carry(self, what: str, request: dict[str, Any], trouble: Trouble, work: Callable[[], Answer]) -> Answer:
        """Let a request meet its trouble; what the server does about it is scheduled on its own."""
        self.tally.troubles[trouble.name] = self.tally.troubles.get(trouble.name, 0) + 1
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()
        if trouble.processed_after is not None:
            loop.call_later(trouble.processed_after, self._process, what, request, work, answered)
        match trouble.answer:
            case "refuse":
                await asyncio.sleep(0.01)
                raise _refused()
            case "drop":
                await asyncio.sleep(trouble.answered_after)
                raise aiohttp.ServerDisconnectedError
            case "hang":
                await asyncio.sleep(FOREVER)
            case "fake":
                await asyncio.sleep(trouble.answered_after)
                return Answer(trouble.body, trouble.status, dict(trouble.headers), accepted=False)
        await asyncio.sleep(trouble.answered_after)
        return await answered

    def _process(
        self, what: str, request: dict[str, Any], work: Callable[[], Answer], answered: asyncio.Future[Answer]
    ) -> None:
        answer = work()
        self.slack.ledger.write(what, request, status=answer.status, answer=answer.body, accepted=answer.accepted)
        if not answered.done():
            answered.set_result(answer)


class Session:
    """What the SDK uses of aiohttp's session."""

    closed = False

    def __init__(self, world: World) -> None:
        self._world = world

    @asynccontextmanager
    async def request(self, _verb: str, url: str, **sent: Any) -> AsyncIterator[Response]:
        arguments = {**(sent.get("params") or {}), **(sent.get("json") or {}), **(sent.get("data") or {})}
        yield await self._world.ask_slack(url.rsplit("/", 1)[-1], arguments)


class WiredClient(Client):
    """Our client of the fine-tuning API, on its wire."""

    def __init__(self, account: Account, world: World, clock: Clock) -> None:
        # Without httpx: to make its TLS context takes longer than many a simulated world.
        self.account, self.world, self._clock, self._deadline = account, world, clock, DEADLINE
        self._dialect, self._sizes = dialect_of(account), PageSizes()

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""

    async def _exchange(self, request: Request) -> ApiAnswer:
        job_id, _, rest = request.path.removeprefix(_JOBS).removeprefix("/").partition("/")
        template = "/".join([_JOBS, *(["{id}"] if job_id else []), *([rest] if rest else [])])
        path = {"id": job_id} if job_id else {}
        answer = await self.world.ask_api(f"{request.method} {template}", path, dict(request.query))
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return ApiAnswer(answer.status, headers, body.encode())


def _refused() -> aiohttp.ClientConnectorError:
    key = ConnectionKey("stand-in", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    return aiohttp.ClientConnectorError(key, OSError(111, "Connection refused"))
