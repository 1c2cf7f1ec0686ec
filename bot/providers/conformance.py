"""Conformance of a dialect: recorded responses give what is expected, and properties hold that need no recording. Pure.

A case is a JSON object: ``{"reads": "job", "status": 200, "headers": {}, "body": ..., "expected": ...}``. ``reads`` names a
part of ``PARTS``; ``expected`` is a subset of what is read, or ``{"error": "NotFound"}``.
"""

import copy
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from pydantic import BaseModel, SecretStr

from bot.errors import NotSupported, ProviderError
from bot.jobs.actions import JobAction
from bot.jobs.statuses import FINAL_STATUSES, Phase, is_final, phase_of
from bot.providers.account import Account
from bot.providers.dialect import Dialect, Listing
from bot.providers.http.wire import FetchedJob, Page, Response
from bot.providers.requests import Requests
from bot.providers.responses import Responses

CANARY = "c4n4ry-0123456789"
_ODD = {"api_key": CANARY, "x_unknown_field": {"deep": [CANARY]}}
"""Fields that no dialect names."""
_ZONES = ("UTC", "Asia/Tokyo")
_LISTS = ("events", "checkpoints", "metrics", "models")
PARTS = ("job", "jobs", *_LISTS)
"""What a case may read."""

Case = Mapping[str, Any]


class Conformance:
    """Checks of one dialect; each returns the problems it found, as sentences."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        account = Account("check", dialect.base_url or "https://api.example.com", SecretStr("key"), organization="team")
        self._requests = Requests(dialect, account)
        self._responses = Responses(dialect, account)

    def properties(self) -> list[str]:
        """Check what needs no recording: statuses, and that nothing is asked for that is not named."""
        return [*self._statuses(), *self._absent_parts()]

    def of_case(self, name: str, case: Case) -> list[str]:
        """Check one recorded response: its values, in every time zone, and that no unnamed field is kept."""
        read = self._reader(str(case.get("reads")))
        if read is None:
            return [f"{name}: reads must be one of {', '.join(PARTS)}"]
        problems = []
        for zone in _ZONES:
            with _time_zone(zone):
                found = _read(read, case, case["body"])
            if difference := _difference(case.get("expected"), found):
                problems.append(f"{name}: in the time zone {zone}, {difference}")
        plain, odd = (_read(read, case, body) for body in (case["body"], _with_odd_fields(case["body"])))
        if plain != odd or CANARY in json.dumps(odd):
            problems.append(f"{name}: keeps a field that the dialect doesn't name")
        return problems

    def _statuses(self) -> Iterator[str]:
        for word, status in self._dialect.statuses.items():
            if phase_of(status) is Phase.UNKNOWN and status != "unknown":
                yield f"statuses: {word!r} stands for {status!r}, which ftjob doesn't know"
        for word in ("an unknown word", *FINAL_STATUSES - self._dialect.statuses.keys()):
            if is_final(self._dialect.status_of(self._dialect.status_prefix + word)):
                yield f"statuses: {word!r} isn't in the dialect, but counts as final"

    def _absent_parts(self) -> Iterator[str]:
        requests, job = self._requests, "ftjob-1"
        parts: dict[str, tuple[bool, Callable[[], Any]]] = {
            f"the action {action}": (action in self._dialect.actions, partial(self._action, action, job))
            for action in JobAction
        }
        parts |= {
            "events": (bool(self._dialect.events), lambda: requests.list_events(job)),
            "checkpoints": (bool(self._dialect.checkpoints), lambda: requests.list_checkpoints(job)),
            "metrics": (bool(self._dialect.metrics), lambda: requests.list_metrics(job)),
            "models": (bool(self._dialect.models), requests.list_models),
            "files": (bool(self._dialect.files), lambda: requests.list_files(purpose="fine-tune", limit=1)),
        }
        for name, (is_declared, build) in parts.items():
            if _is_requested(build) != is_declared:
                yield f"{name}: {'in the dialect, but never requested' if is_declared else 'requested, but not in the dialect'}"

    def _action(self, action: JobAction, job: str) -> Any:
        is_create = action is JobAction.CREATE
        return self._requests.create_job({}) if is_create else self._requests.job_action(action, job)

    def _reader(self, part: str) -> Callable[[Response], Any] | None:
        if part in _LISTS:
            return partial(self._listed, part)
        return {"job": self._job, "jobs": self._jobs}.get(part)

    def _jobs(self, response: Response) -> Page:
        return self._responses.jobs(response, self._listing_in(response), now=0.0)

    def _job(self, response: Response) -> FetchedJob:
        return self._responses.created(response, now=0.0)

    def _listed(self, part: str, response: Response) -> list[Any]:
        items = getattr(self._dialect, part)
        if items is None:
            raise NotSupported(f"{self._dialect.name} has no {part}.")
        found: list[Any] = getattr(self._responses, part)(response, items, now=0.0)
        return found

    def _listing_in(self, response: Response) -> Listing:
        """Return the list whose items a response has."""
        body = json.loads(response.body)
        has_items = (each for each in self._dialect.listings if isinstance(body, dict) and each.items in body)
        return next(has_items, self._dialect.listings[0])


def _read(read: Callable[[Response], Any], case: Case, body: Any) -> Any:
    """Return what is read of a response as JSON; {"error": ...} for an error."""
    headers = {name.lower(): value for name, value in case.get("headers", {}).items()}
    try:
        return _as_json(read(Response(case.get("status", 200), headers, json.dumps(body).encode())))
    except ProviderError as error:
        return {"error": type(error).__name__}


def _as_json(value: Any) -> Any:
    match value:
        case Page():
            return {"jobs": _as_json(list(value.fetched)), "broken": value.broken, "after": value.after}
        case FetchedJob():
            return _as_json(value.job)
        case BaseModel():
            return value.model_dump(mode="json", exclude_none=True)
        case list():
            return [_as_json(each) for each in value]
    return value


def _difference(expected: Any, found: Any) -> str | None:
    """Return how a value differs from what is expected of it, as a clause; more keys than expected are no difference."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if difference := _difference(value, found.get(key)):
                return f"{key}: {difference}" if isinstance(value, dict | list) else f"{key} {difference}"
        return None
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        differences = (_difference(*pair) for pair in zip(expected, found, strict=True))
        return next((each for each in differences if each), None)
    return None if expected == found else f"is {found!r}, not {expected!r}"


def _with_odd_fields(body: Any) -> Any:
    """Return a body with unnamed fields in its job, or in each item of its list."""
    changed = copy.deepcopy(body)
    lists = [value for value in changed.values() if isinstance(value, list)] if isinstance(changed, dict) else []
    items = [item for each in lists for item in each if isinstance(item, dict)] or [changed]
    for item in items:
        if isinstance(item, dict):
            item.update(copy.deepcopy(_ODD))
    return changed


def _is_requested(build: Callable[[], Any]) -> bool:
    try:
        build()
    except NotSupported:
        return False
    return True


@contextmanager
def _time_zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()
