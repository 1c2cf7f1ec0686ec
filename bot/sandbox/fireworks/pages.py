"""Pages of a list: opaque tokens, sizes and orders.

As of the published client, fireworks-ai 1.2.30: ``types/supervised_fine_tuning_job_list_params.py``.
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bot.sandbox.fireworks.options import FireworksOptions
from bot.sandbox.openai.api.wire import ApiError, JsonObject
from bot.sandbox.openai.native_jobs import integer

DEFAULT_SIZE, LARGEST_SIZE = 50, 200

_MOST_TOKENS = 1000
"""Tokens that are remembered; older ones are refused."""
_UNSUPPORTED = ("filter", "readMask")
"""Parameters of the service that this stand-in does not have."""
_CAPITAL = re.compile(r"[A-Z]")
_SORT_KEYS: Mapping[str, Callable[[JsonObject], Any]] = {
    "name": lambda job: job["id"],
    "create_time": lambda job: job["created_at"],
    "update_time": lambda job: job["changed_at"],
    "display_name": lambda job: job["native"].get("displayName", ""),
}
"""Fields to order by, and their values."""


@dataclass(frozen=True)
class _Continuation:
    """What follows a page."""

    collection: str
    order: str
    ids: tuple[str, ...]


class Pages:
    """Pages of lists, with the tokens that were given out."""

    def __init__(self) -> None:
        self._continuations: OrderedDict[str, _Continuation] = OrderedDict()

    def page(
        self, collection: str, jobs: Sequence[JsonObject], query: Mapping[str, str], options: FireworksOptions
    ) -> tuple[list[JsonObject], str]:
        """Return the jobs of the requested page and the token of the next one, "" after the last.

        Raises:
            ApiError: a parameter is not valid.
        """
        for name in _UNSUPPORTED:
            if query.get(name):
                raise ApiError(HTTPStatus.NOT_IMPLEMENTED, f"{name} is not part of this stand-in", param=name)
        size, order = _size(query.get("pageSize", "")), query.get("orderBy", "")
        ordered = _ordered(jobs, order, options)
        if token := query.get("pageToken"):
            continuation = self._continuations.get(token)
            if continuation is None or (continuation.collection, continuation.order) != (collection, order):
                raise ApiError(HTTPStatus.BAD_REQUEST, "invalid page token", param="pageToken")
            by_id = {job["id"]: job for job in jobs}
            ordered = [by_id[job_id] for job_id in continuation.ids if job_id in by_id]
        return ordered[:size], self._token(_Continuation(collection, order, tuple(job["id"] for job in ordered[size:])))

    def _token(self, continuation: _Continuation) -> str:
        if not continuation.ids:
            return ""
        token = secrets.token_urlsafe(24)
        self._continuations[token] = continuation
        if len(self._continuations) > _MOST_TOKENS:
            self._continuations.popitem(last=False)
        return token


def _size(text: str) -> int:
    size = integer(text, "page_size") if text else 0
    if size < 0:
        raise ApiError(HTTPStatus.BAD_REQUEST, "page_size must not be negative", param="pageSize")
    return min(size or DEFAULT_SIZE, LARGEST_SIZE)


def _ordered(jobs: Sequence[JsonObject], order: str, options: FireworksOptions) -> list[JsonObject]:
    ordered = sorted(jobs, key=_SORT_KEYS["name"])
    fields = [field.split() for field in order.split(",")] if order else []
    for words in reversed(fields):
        key = _key(words, order, options)
        if not options.ignores_order:
            ordered.sort(key=key, reverse=words[1:] == ["desc"])
    return ordered


def _key(words: list[str], order: str, options: FireworksOptions) -> Callable[[JsonObject], Any]:
    name = words[0] if words else ""
    if not options.strict_order:
        name = _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name)
    if name not in _SORT_KEYS or words[1:] not in ([], ["desc"]):
        raise ApiError(HTTPStatus.BAD_REQUEST, f"invalid order_by: {order!r}", param="orderBy")
    return _SORT_KEYS[name]
