"""In-process network: requests of the bot's clients reach the stand-ins without sockets.

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
from typing_extensions import override

from bot.providers.account import Account
from bot.providers.client import DEADLINE, Client
from bot.providers.http.transport import Transport
from bot.providers.http.wire import Request
from bot.providers.http.wire import Response as ApiAnswer
from bot.providers.pages.job_lists import JobLists
from bot.providers.registry import dialect_of
from bot.providers.requests import Requests
from bot.providers.responses import Responses
from bot.runtime.clock import Clock
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.server import ServerResponse
from bot.sandbox.slack.server import Slack
from tests.simulation.fault_schedule import FaultSchedule, InjectedFault

POST = "chat.postMessage"
EDIT = "chat.update"
FOREVER = 3600.0
_JOBS = "/fine_tuning/jobs"

Failpoint = Callable[[str], None]
"""Called at each point at which an incarnation may die; raises where it does."""


@dataclass
class NetworkCounts:
    """Counts of requests and faults."""

    attempts: int = 0
    unconfirmed: int = 0
    lookups: int = 0
    edits: int = 0
    faults: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeResponse:
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


class Network:
    """Both servers; they keep running when the bot dies."""

    def __init__(self, slack: Slack, api: FineTuningApi, fault_schedule: FaultSchedule, passing: Failpoint) -> None:
        self.slack, self.api, self.fault_schedule, self.counts = slack, api, fault_schedule, NetworkCounts()
        self.failpoint = passing
        self.known_user = slack.add_user("olivia").id
        """Who asked for everything that the bot does."""
        self._read: dict[tuple[str, str], list[ServerResponse]] = {}

    async def call_slack(self, method: str, arguments: dict[str, Any]) -> FakeResponse:
        """Carry one call of the Web API there and its answer back."""
        key = str((arguments.get("metadata") or {}).get("event_payload", {}).get("k", ""))
        self.failpoint(f"wire.before {method}")
        trouble = self._slack_fault(method, key)
        answer = await self._carry(method, arguments, trouble, lambda: self.slack.handle(method, arguments))
        self.failpoint(f"wire.after {method}")
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        return FakeResponse(answer.status, CIMultiDict(answer.headers), body)

    def _slack_fault(self, method: str, key: str) -> InjectedFault:
        now = asyncio.get_running_loop().time()
        if method != POST:
            self.counts.lookups += method != EDIT
            self.counts.edits += method == EDIT
            return self.fault_schedule.for_lookup(now)
        trouble = self.fault_schedule.for_post(now, key)
        self.counts.attempts += 1
        self.counts.unconfirmed += trouble.is_unconfirmed
        return trouble

    async def call_api(self, what: str, path: Mapping[str, str], query: Mapping[str, str]) -> ServerResponse:
        """Carry one request to the fine-tuning API there and its answer back."""
        trouble = self.api_fault(what)

        def work() -> ServerResponse:
            if trouble.name == "lost" and "id" in path:
                return ServerResponse({"error": {"message": "No such job."}}, HTTPStatus.NOT_FOUND, accepted=False)
            answer = self.api.handle(what, path, query, secret=self.api.key)
            answers = self._read.setdefault((what, repr((sorted(path.items()), sorted(query.items())))), [])
            answers.append(answer)
            return answers[max(0, len(answers) - 3)] if trouble.name == "stale" else answer

        return await self._carry(what, {**path, "query": dict(query)}, trouble, work)

    def api_fault(self, what: str) -> InjectedFault:  # noqa: ARG002 - others decide by it
        """Return what happens to the next request to the fine-tuning API."""
        return self.fault_schedule.for_api(asyncio.get_running_loop().time())

    async def _carry(
        self, what: str, request: dict[str, Any], trouble: InjectedFault, work: Callable[[], ServerResponse]
    ) -> ServerResponse:
        """Apply the fault of a request; the server processes it on its own schedule."""
        self.counts.faults[trouble.name] = self.counts.faults.get(trouble.name, 0) + 1
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[ServerResponse] = loop.create_future()
        if trouble.processed_after is not None:
            loop.call_later(trouble.processed_after, self._process, what, request, work, answered)
        match trouble.answer:
            case "refuse":
                await asyncio.sleep(0.01)
                raise _connection_refused()
            case "drop":
                await asyncio.sleep(trouble.answered_after)
                raise aiohttp.ServerDisconnectedError
            case "hang":
                await asyncio.sleep(FOREVER)
            case "fake":
                await asyncio.sleep(trouble.answered_after)
                return ServerResponse(trouble.body, trouble.status, dict(trouble.headers), accepted=False)
        await asyncio.sleep(trouble.answered_after)
        return await answered

    def _process(
        self,
        what: str,
        request: dict[str, Any],
        work: Callable[[], ServerResponse],
        answered: asyncio.Future[ServerResponse],
    ) -> None:
        answer = work()
        self.slack.request_log.append(
            what, request, status=answer.status, response=answer.body, accepted=answer.accepted
        )
        if not answered.done():
            answered.set_result(answer)


class FakeSession:
    """What the SDK uses of aiohttp's session."""

    closed = False

    def __init__(self, world: Network) -> None:
        self._network = world

    @asynccontextmanager
    async def request(self, _verb: str, url: str, **sent: Any) -> AsyncIterator[FakeResponse]:
        arguments = {**(sent.get("params") or {}), **(sent.get("json") or {}), **(sent.get("data") or {})}
        yield await self._network.call_slack(url.rsplit("/", 1)[-1], arguments)


class InProcessClient(Client):
    """Our client of the fine-tuning API, on its wire."""

    def __init__(self, account: Account, world: Network, clock: Clock) -> None:
        # Without httpx: to make its TLS context takes longer than many a simulated world.
        self.account, self.dialect, self._clock = account, dialect_of(account), clock
        self._requests, self._responses = Requests(self.dialect, account), Responses(self.dialect, account)
        self._transport = InProcessTransport(account, world)
        self._lists = JobLists(self.listings, self._requests, self._responses, self._transport, clock)


class InProcessTransport(Transport):
    """The transport of that client."""

    def __init__(self, account: Account, world: Network) -> None:
        self._account, self._deadline, self.network = account, DEADLINE, world

    @override
    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""

    @override
    async def _exchange(self, request: Request) -> ApiAnswer:
        job_id, _, rest = request.path.removeprefix(_JOBS).removeprefix("/").partition("/")
        template = "/".join([_JOBS, *(["{id}"] if job_id else []), *([rest] if rest else [])])
        path = {"id": job_id} if job_id else {}
        answer = await self.network.call_api(f"{request.method} {template}", path, dict(request.query))
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return ApiAnswer(answer.status, headers, body.encode())


def _connection_refused() -> aiohttp.ClientConnectorError:
    key = ConnectionKey("stand-in", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    return aiohttp.ClientConnectorError(key, OSError(111, "Connection refused"))
