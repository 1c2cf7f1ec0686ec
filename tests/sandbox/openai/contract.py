"""OpenAI's API specification, and a stand-in whose every response is validated against it."""

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
from tests.sandbox.clock import Clock

PAYLOADS = Path(__file__).parents[2] / "payloads" / "openai"

_TYPED = re.compile(r"\{\w+\}")


class Caller:
    """HTTP client that returns status and body, JSON decoded; ``headers`` are those of the last response."""

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
        async with self._session.request(method, url, headers=headers, params=query, **content) as response:
            self.headers = {name.lower(): value for name, value in response.headers.items()}
            body = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(body) if is_json else body


def ids(body: Any) -> list[str]:
    """Return the ids on a page."""
    return [item["id"] for item in body["data"]]


def example(name: str) -> Any:
    """Return one example of the specification."""
    return json.loads((PAYLOADS / "examples" / name).read_text())


def without_parameter_names(route: str) -> str:
    """Return a route without the names of its path parameters, which may differ."""
    return _TYPED.sub("{}", route)


@cache
def specification() -> dict[str, Any]:
    """The specification, with one correction: its own example of a pause returns the status ``paused``."""
    spec: dict[str, Any] = json.loads((PAYLOADS / "openapi-fine-tuning.json").read_text())
    spec["components"]["schemas"]["FineTuningJob"]["properties"]["status"]["enum"].append("paused")
    return spec


def specified_routes() -> set[str]:
    """Every route of the specification, without the names of path parameters."""
    return {
        f"{method.upper()} {without_parameter_names(path)}"
        for path, methods in specification()["paths"].items()
        for method in methods
    }


@cache
def _validator(endpoint: str, status: int) -> Draft202012Validator:
    schema: Any = {"$ref": "#/components/schemas/ErrorResponse"}
    for path, methods in specification()["paths"].items():
        for method, operation in methods.items():
            if status == 200 and f"{method.upper()} {without_parameter_names(path)}" == without_parameter_names(
                endpoint
            ):
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": specification()["components"]})


def schema_errors(logged: LoggedRequest) -> list[str]:
    """Return the errors of one logged response according to the specification."""
    body = logged.response.decode() if isinstance(logged.response, bytes) else logged.response
    if logged.status == 0:
        return []
    found = _validator(logged.endpoint, logged.status).iter_errors(body)
    return [f"{logged.endpoint} {logged.status}: {error.json_path} {error.message}" for error in found]


@asynccontextmanager
async def validated_api(clock: Clock, **options: Any) -> AsyncIterator[FineTuningApi]:
    """Run a stand-in; at the end, every response must have followed the specification."""
    async with FineTuningApi(clock=clock, **options) as api:
        yield api
        assert [error for logged in api.request_log for error in schema_errors(logged)] == []
