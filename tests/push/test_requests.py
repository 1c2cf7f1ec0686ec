"""The HTTP handler: whatever is changed in a request is refused or means the same, and nothing wrong is stored."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from typing_extensions import override

from bot.push.handler import PREFIX, PushAccount, PushHandler
from bot.push.receiver import PushReceiver
from bot.push.recorder import Acceptance, ReceivedCall
from bot.web import http_server
from bot.web.body import BodyReader
from tests import canaries
from tests.push.calls import STARTED, call

GOOD = json.dumps(call(metrics=[[1, {"train_loss": 1.5}]], name="ranker")).encode()
OLD = "an-older-token-0123456789"


class Received(PushReceiver):
    """A receiver that only notes what reached it."""

    def __init__(self) -> None:
        self.calls: list[ReceivedCall] = []
        self.account = "gpu"

    @override
    async def submit(self, received: ReceivedCall, size: int) -> Acceptance:
        assert size <= 65_536
        self.calls.append(received)
        return Acceptance.STORED


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, Received]]:
    receiver = Received()
    ticks = iter(range(10**9))
    handler = PushHandler(
        [PushAccount("gpu", (SecretStr(canaries.PUSH), SecretStr(OLD)), receiver)],
        reserved=frozenset({"all", "list"}),
        body_reader=BodyReader(),
        clock=lambda: STARTED + 1,
        monotonic=lambda: float(next(ticks)),
    )
    async with http_server("127.0.0.1", 0, routes={PREFIX: handler}, broken_parts=list) as port:
        yield f"http://127.0.0.1:{port}/push", receiver


async def send(url: str, body: bytes = GOOD, method: str = "PUT", **headers: str) -> int:
    given = {"Authorization": f"Bearer {canaries.PUSH}", "Content-Type": "application/json", **headers}
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=given) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("/gpu/jobs/a-1", {}, 200),
        ("/gpu/jobs/a-1", {"Authorization": f"Bearer {OLD}"}, 200),
        ("/gpu/jobs/a-1", {"Authorization": f"bearer {OLD}"}, 200),
        ("/gpu/jobs/a-1", {"Authorization": ""}, 401),
        ("/gpu/jobs/a-1", {"Authorization": "Bearer "}, 401),
        ("/gpu/jobs/a-1", {"Authorization": f"Basic {OLD}"}, 401),
        ("/gpu/jobs/a-1", {"Authorization": f"Bearer {OLD},{OLD}"}, 401),
        ("/cpu/jobs/a-1", {}, 401),
        ("/gpu/jobs/a-1", {"method": "POST"}, 405),
        ("/gpu/jobs/a-1", {"method": "GET"}, 405),
        ("/gpu/jobs/a-1", {"Content-Type": "text/plain"}, 415),
        ("/gpu/jobs/a-1", {"Content-Encoding": "gzip"}, 415),
        ("/gpu/jobs/a%2F1", {}, 422),
        ("/gpu/jobs/list", {}, 422),
        ("/gpu/jobs/", {}, 404),
        ("/gpu/job/a-1", {}, 404),
        ("/gpu", {}, 404),
        ("/", {}, 404),
    ],
)
async def test_only_authorized_calls_of_jobs_get_in(path: str, changes: dict[str, Any], expected: int) -> None:
    async with listening() as (url, receiver):
        assert await send(url + path, **changes) == expected
    assert len(receiver.calls) == (expected == 200)


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with listening() as (url, receiver):
        assert await send(f"{url}/gpu/jobs/a", b" " * 65_537) == 413
        assert await send(f"{url}/gpu/jobs/a", GOOD + b" " * (65_536 - len(GOOD))) == 200
    assert len(receiver.calls) == 1


async def test_five_hundred_changed_requests_are_refused_or_mean_the_same() -> None:
    dice = random.Random(79)  # noqa: S311 - the same bytes each time
    statuses: dict[int, int] = {}
    async with listening() as (url, receiver):
        for _ in range(500):
            body, headers = changed(dice)
            before = len(receiver.calls)
            status = await send(f"{url}/gpu/jobs/a", body, **headers)
            statuses[status] = statuses.get(status, 0) + 1
            assert status in (200, 401, 415, 422)
            assert len(receiver.calls) - before == (status == 200)
            if status == 200:
                assert json.loads(body).keys() == json.loads(GOOD).keys()
        assert await send(f"{url}/gpu/jobs/a") == 200
    assert statuses[422] > 100
    assert statuses[401] > 50
    assert statuses[415] > 10


def changed(dice: random.Random) -> tuple[bytes, dict[str, Any]]:
    """Return a body and headers of which one has a byte changed, more or less."""
    kind = dice.random()
    if kind < 0.2:
        return GOOD, {"Authorization": f"Bearer {mutated(dice, canaries.PUSH.encode()).decode('latin-1')}"}
    if kind < 0.3:
        return GOOD, {"Content-Type": mutated(dice, b"application/json").decode("latin-1")}
    return mutated(dice, GOOD), {}


def mutated(dice: random.Random, value: bytes) -> bytes:
    """Change, insert or delete one printable byte."""
    at, letter = dice.randrange(len(value)), bytes([dice.randrange(33, 127)])
    how = dice.choice(["change", "insert", "delete"])
    if how == "insert":
        return value[:at] + letter + value[at:]
    return value[:at] + (letter if how == "change" else b"") + value[at + 1 :]
