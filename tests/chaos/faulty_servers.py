"""Stand-in servers with seeded faults, which report which process has a request in flight."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from typing_extensions import override

from bot.sandbox.faults import Fault, FaultPlan
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.server import LoopbackServer, ServerResponse
from bot.sandbox.slack.server import Slack

POST = "chat.postMessage"
LIST = "GET /fine_tuning/jobs"


@dataclass(frozen=True)
class Arrival:
    """A request that a stand-in has received and not yet answered."""

    what: str
    port: int
    """The sender's port: it says which process is at it."""


@dataclass
class Arrivals:
    """What is under way at the stand-ins."""

    _waiting: list[tuple[frozenset[str], asyncio.Future[Arrival]]] = field(default_factory=list)

    def notify(self, what: str, http: web.Request) -> None:
        """Tell whoever waits for such a request."""
        peer = http.transport.get_extra_info("peername") if http.transport else None
        for wanted, future in self._waiting:
            if what in wanted and peer and not future.done():
                future.set_result(Arrival(what, peer[1]))
        self._waiting = [each for each in self._waiting if not each[1].done()]

    async def next(self, whats: frozenset[str], seconds: float) -> Arrival | None:
        """Wait for the next request of some kinds; None where none comes in time."""
        future: asyncio.Future[Arrival] = asyncio.get_running_loop().create_future()
        self._waiting.append((whats, future))
        done, _ = await asyncio.wait({future}, timeout=seconds)
        return future.result() if done else None


class RandomFaults(FaultPlan):
    """Random faults: each endpoint has a probability and a set of faults."""

    def __init__(self, rng: random.Random, moods: Mapping[str, tuple[float, tuple[Fault, ...]]]) -> None:
        super().__init__()
        self._rng, self._faults = rng, moods
        self.is_off = True

    @override
    def next_fault(self, endpoint: str, object_id: str | None = None) -> Fault | None:
        """Return the fault that this request meets, or None."""
        if not self.is_off and endpoint in self._faults:
            chance, faults = self._faults[endpoint]
            if self._rng.random() < chance:
                return self._rng.choice(faults)
        return super().next_fault(endpoint, object_id)


class _Watched(LoopbackServer):
    arrivals: Arrivals

    @override
    async def serve(
        self,
        http: web.Request,
        what: str,
        arguments: dict[str, Any],
        work: Callable[[], ServerResponse],
        *,
        credential: str = "",
    ) -> web.StreamResponse:
        """Answer one request, and tell that it came."""
        self.arrivals.notify(what, http)
        return await super().serve(http, what, arguments, work, credential=credential)


class WatchedSlack(_Watched, Slack):
    """A Slack that tells what is under way."""


class WatchedApi(_Watched, FineTuningApi):
    """A fine-tuning API that tells what is under way."""


def slack_faults(timeout: float) -> dict[str, tuple[float, tuple[Fault, ...]]]:
    """Return how Slack misbehaves; ``timeout`` is how long the bots wait for an answer."""
    refused = {"ok": False, "error": "internal_error"}
    posts = (
        *(Fault("drop", accepted=accepted) for accepted in (True, False)),
        *(Fault("hang", accepted=accepted, seconds=3 * timeout) for accepted in (True, False)),
        *(Fault("answer", accepted=accepted, status=503, body="upstream") for accepted in (True, False)),
        *(Fault("answer", accepted=accepted, status=200, body=refused) for accepted in (True, False)),
        Fault("answer", status=429, headers={"Retry-After": "1"}, body={"ok": False, "error": "ratelimited"}),
        Fault("answer", accepted=True, status=200, body="<html>"),
        Fault("answer", status=200, body={"ok": False, "error": "service_unavailable"}),
        Fault("late", seconds=0.5 * timeout),
    )
    lookups = (Fault("answer", status=503, body="upstream"), Fault("drop"))
    return {POST: (0.3, posts), "conversations.history": (0.15, lookups), "conversations.replies": (0.15, lookups)}


API_FAULTS: Mapping[str, tuple[float, tuple[Fault, ...]]] = {
    LIST: (
        0.1,
        (
            Fault("answer", status=500, body={"error": {"message": "server error"}}),
            Fault("answer", status=200, body="<html>"),
            Fault("drop"),
        ),
    )
}
