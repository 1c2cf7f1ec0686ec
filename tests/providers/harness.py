"""Shared by the API client's tests: clients, a recorder of requests, and a search for leaked secrets."""

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import SecretStr

from bot.errors import ProviderError
from bot.jobs.actions import JobAction
from bot.jobs.models import Event
from bot.providers.account import Account
from bot.providers.client import Client
from bot.providers.http.wire import FetchedJob, Page
from bot.sandbox.openai.api.keys import JOBS_READ, JOBS_WRITE, ApiKey
from bot.sandbox.openai.server import FineTuningApi

READ_KEY = "sk-watching-0123456789abcdef"
WRITE_KEY = "sk-ordering-0123456789abcdef"
JOBS = "/fine_tuning/jobs"
RETRIEVE = f"GET {JOBS}/{{id}}"
CANCEL = f"POST {JOBS}/{{id}}/cancel"
DEADLINE = 1.5
"""Seconds of a client whose deadline is to pass."""
MAX_WAIT = 60.0
"""Seconds within which a call that should be over has to be, also on a busy machine."""

CALLS = ("list", "retrieve", "events", "cancel")


class RequestRecorder:
    """Records every request that reaches a stand-in."""

    def __init__(self, api: FineTuningApi) -> None:
        self.requests: list[web.Request] = []
        api.app.middlewares.append(self._note)

    @property
    def peers(self) -> set[Any]:
        """The connections that requests came over."""
        return {id(request.transport) for request in self.requests if request.transport}

    def count(self, method: str, path: str) -> int:
        """Return how many requests of a kind came; ``path`` is how they end."""
        return sum(request.method == method and request.path.endswith(path) for request in self.requests)

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(request)
        return await handler(request)


def account(base_url: str, **fields: Any) -> Account:
    """Return an account with one key for reading and one for actions."""
    keys = {"key": SecretStr(READ_KEY), "write_key": SecretStr(WRITE_KEY)}
    return Account(**({"name": "test", "base_url": base_url} | keys | fields))


@asynccontextmanager
async def client_of(base_url: str, *, deadline: float = MAX_WAIT, **fields: Any) -> AsyncIterator[Client]:
    """Open a client that waits ``deadline`` seconds for an answer."""
    async with Client(account(base_url, **fields), deadline=deadline) as client:
        yield client


def new_api(**options: Any) -> FineTuningApi:
    """Return a stand-in API with a read key and a write key."""
    keys = {READ_KEY: ApiKey("watch", frozenset({JOBS_READ})), WRITE_KEY: ApiKey("order", frozenset({JOBS_WRITE}))}
    return FineTuningApi(keys=keys, **options)


async def call(client: Client, what: str, job_id: str) -> Page | FetchedJob | list[Event]:
    """Make one of the four calls."""
    match what:
        case "list":
            return await client.list_jobs()
        case "retrieve":
            return await client.retrieve(job_id)
        case "events":
            return await client.events(job_id)
        case _:
            return await client.execute(JobAction.CANCEL, job_id)


async def failure(client: Client, what: str, job_id: str) -> ProviderError:
    """Make a call that fails, in time and without a secret, and return how."""
    with pytest.raises(ProviderError) as caught:
        await call(client, what, job_id)
    assert_no_secret(caught.value)
    return caught.value


def assert_no_secret(error: BaseException) -> None:
    """Look for keys in everything that an answer or a traceback shows of an error, its causes included."""
    shown = f"{error!r} {error.args!r} {vars(error)!r}" + "".join(traceback.format_exception(error))
    for secret in (READ_KEY, WRITE_KEY, READ_KEY[3:], WRITE_KEY[3:]):
        assert secret not in shown
