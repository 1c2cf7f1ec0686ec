"""OpenAI's own description of its API, and a stand-in whose every answer is held against it."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self

import aiohttp
from jsonschema import Draft202012Validator

from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.request_log import LoggedRequest

PAYLOADS = Path(__file__).parents[2] / "payloads" / "openai"
NOW = 1_790_000_000.0

_TYPED = re.compile(r"\{\w+\}")


class Clock:
    """A clock that tests wind."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Caller:
    """Sends plain requests to a stand-in and returns status and body, JSON decoded; ``headers`` are the last answer's."""

    def __init__(self, api: FineTuningApi) -> None:
        self._api = api
        self._session = aiohttp.ClientSession()
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def __call__(
        self, method: str, path: str, *, key: str | None = None, body: Any = None, **query: str
    ) -> tuple[int, Any]:
        key = self._api.key if key is None else key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        url = f"{self._api.base_url}{path}"
        async with self._session.request(method, url, headers=headers, params=query, **content) as answer:
            self.headers = {name.lower(): value for name, value in answer.headers.items()}
            body = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(body) if is_json else body


def ids(body: Any) -> list[str]:
    """Return the ids on a page."""
    return [item["id"] for item in body["data"]]


def example(name: str) -> Any:
    """Return one example of the contract."""
    return json.loads((PAYLOADS / "examples" / name).read_text())


def nameless(route: str) -> str:
    """Return a route with its path parameters unnamed: each side names them as it likes."""
    return _TYPED.sub("{}", route)


@cache
def contract() -> dict[str, Any]:
    """The specification, with the one exception: its own example of a pause answers ``paused``."""
    spec: dict[str, Any] = json.loads((PAYLOADS / "openapi-fine-tuning.json").read_text())
    spec["components"]["schemas"]["FineTuningJob"]["properties"]["status"]["enum"].append("paused")
    return spec


def routes() -> set[str]:
    """Every route of the specification, with nameless path parameters."""
    return {f"{method.upper()} {nameless(path)}" for path, methods in contract()["paths"].items() for method in methods}


@cache
def _validator(what: str, status: int) -> Draft202012Validator:
    schema: Any = {"$ref": "#/components/schemas/ErrorResponse"}
    for path, methods in contract()["paths"].items():
        for method, operation in methods.items():
            if status == 200 and f"{method.upper()} {nameless(path)}" == nameless(what):
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": contract()["components"]})


def complaints(entry: LoggedRequest) -> list[str]:
    """Return what the specification has against one answer."""
    answer = entry.response.decode() if isinstance(entry.response, bytes) else entry.response
    if entry.status == 0:
        return []
    found = _validator(entry.endpoint, entry.status).iter_errors(answer)
    return [f"{entry.endpoint} {entry.status}: {error.json_path} {error.message}" for error in found]


@asynccontextmanager
async def held_to_the_contract(clock: Clock, **options: Any) -> AsyncIterator[FineTuningApi]:
    """Start a stand-in; at the end, every answer that it gave must be one that the specification allows."""
    async with FineTuningApi(clock=clock, **options) as api:
        yield api
        assert [complaint for entry in api.request_log for complaint in complaints(entry)] == []
