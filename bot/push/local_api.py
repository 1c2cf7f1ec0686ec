"""The API of pushed jobs: answers the requests of the provider client from the store, in place of an HTTP server."""

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from bot.providers.http.wire import Request, Response
from bot.push import document
from bot.store import Store
from bot.store.training.runs import Run, in_order
from bot.telemetry import metrics

_JOB = re.compile(r"/jobs/(?P<id>[^/]+)(?P<rest>/[a-z]+)?")
_NO_JOB = "There's no such job."
_FINISHED = "The job has already finished."


class PushedJobsApi:
    """What a fine-tuning API would be to the provider client: lists jobs and what belongs to them, and takes a cancel request."""

    def __init__(self, account: str, store: Store) -> None:
        self._account = account
        self._store = store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close nothing: the store is others'."""

    async def send(self, request: Request) -> Response:
        """Return the response to a request."""
        query, path = dict(request.query), _JOB.fullmatch(request.path)
        parts: dict[str, Callable[[str, Mapping[str, str]], Awaitable[Response]]] = {
            "": self._job,
            "/events": self._events,
            "/checkpoints": self._checkpoints,
            "/metrics": self._metrics,
            "/cancel": self._cancel,
        }
        if path is None:
            return await self._list(query)
        return await parts[path["rest"] or ""](unquote(path["id"]), query)

    async def download(self, url: str) -> Response:
        """Answer that there is no file: pushed jobs have none."""
        del url
        return _error(HTTPStatus.NOT_FOUND, "There's no such file.")

    async def _list(self, query: Mapping[str, str]) -> Response:
        limit, after = int(query["limit"]), query.get("after")
        runs, states = self._store.training.runs, self._store.jobs.states
        async with self._store.db.transaction() as tx:
            page = await states.page(tx, self._account, after=after, most=limit + 1)
            ids = [each.id for each in page[:limit]]
            found = await runs.of_jobs(tx, self._account, ids)
            requested = await runs.cancel_requested(tx, self._account, ids)
        bodies = [
            _body(each.id, found[each.id], each.id in requested, each.stalled_since)
            for each in page[:limit]
            if each.id in found
        ]
        return _json({"data": bodies, "has_more": len(page) > limit})

    async def _job(self, job_id: str, query: Mapping[str, str]) -> Response:
        del query
        async with self._store.db.transaction() as tx:
            return await self._job_in(tx, job_id)

    async def _job_in(self, tx: Any, job_id: str) -> Response:
        runs = self._store.training.runs
        found = (await runs.of_jobs(tx, self._account, [job_id])).get(job_id)
        known = await self._store.jobs.states.find_in(tx, self._account, job_id)
        if not found or known is None:
            return _error(HTTPStatus.NOT_FOUND, _NO_JOB)
        requested = await runs.cancel_requested(tx, self._account, [job_id])
        return _json(_body(job_id, found, job_id in requested, known.stalled_since))

    async def _runs(self, job_id: str) -> dict[str, Run]:
        async with self._store.db.transaction() as tx:
            return (await self._store.training.runs.of_jobs(tx, self._account, [job_id])).get(job_id, {})

    async def _events(self, job_id: str, query: Mapping[str, str]) -> Response:
        if not (runs := await self._runs(job_id)):
            return _error(HTTPStatus.NOT_FOUND, _NO_JOB)
        lines = await self._store.training.logs.lines_of(self._account, job_id)
        return _page(document.events(runs, lines), query)

    async def _checkpoints(self, job_id: str, query: Mapping[str, str]) -> Response:
        if not (runs := await self._runs(job_id)):
            return _error(HTTPStatus.NOT_FOUND, _NO_JOB)
        saved = await self._store.training.logs.checkpoints_of(self._account, job_id)
        points = await self._store.training.metrics.of_job(self._account, job_id)
        return _page(document.checkpoints(runs, saved, points), query)

    async def _metrics(self, job_id: str, query: Mapping[str, str]) -> Response:
        del query
        if not (runs := await self._runs(job_id)):
            return _error(HTTPStatus.NOT_FOUND, _NO_JOB)
        points = await self._store.training.metrics.of_job(self._account, job_id)
        return _json({"data": document.metrics(runs, points)})

    async def _cancel(self, job_id: str, query: Mapping[str, str]) -> Response:
        """Ask the trainer of an unfinished job to stop: the answer to its next call says so."""
        del query
        runs = self._store.training.runs
        async with self._store.db.transaction() as tx:
            await runs.lock(tx, self._account, [job_id])
            found = (await runs.of_jobs(tx, self._account, [job_id])).get(job_id)
            if found and in_order(found.values())[-1].is_final:
                return _error(HTTPStatus.BAD_REQUEST, _FINISHED)
            if found:
                await runs.request_cancel(tx, self._account, [job_id], requested=True)
            return await self._job_in(tx, job_id)


def _body(job_id: str, runs: Mapping[str, Run], requested: bool, stalled_since: float | None) -> dict[str, Any]:  # noqa: FBT001 - as the store says
    newest = in_order(runs.values())[-1]
    silent_since = stalled_since if stalled_since == newest.called_at else None
    return document.job_body(job_id, runs, cancel_requested=requested, silent_since=silent_since)


def _page(items: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> Response:
    """Return a page of a list, newest first, behind the item with the ID ``after``."""
    limit, after = int(query["limit"]), query.get("after")
    start = next((n + 1 for n, each in enumerate(items) if each["id"] == after), 0) if after else 0
    return _json({"data": list(items[start : start + limit]), "has_more": len(items) > start + limit})


def _json(body: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
    content = json.dumps(_finite(body)).encode()
    return Response(status, {"content-type": "application/json"}, content, len(content))


def _finite(value: Any) -> Any:
    """Return a value with texts for numbers that JSON does not have."""
    match value:
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
        case float() if not math.isfinite(value):
            return str(value)
    return value


def _error(status: HTTPStatus, message: str) -> Response:
    metrics.PROVIDER_REQUESTS.labels("push", "GET", str(int(status))).inc()
    return _json({"error": {"message": message}}, status)
