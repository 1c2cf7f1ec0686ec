"""Server of signed files: another origin, which takes no key and refuses requests that carry one."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.request_log import RequestLog
from bot.sandbox.server import LoopbackServer, ServerResponse

ENDPOINT = "GET /{id}/metrics.jsonl"

MetricsOf = Callable[[str], Sequence[JsonObject]]
"""Returns the metrics events of a job, oldest first; none for a job that is unknown."""


class MetricsFiles(LoopbackServer):
    """Server of the metrics files of jobs, each at a URL that is signed and ends."""

    def __init__(self, metrics_of: MetricsOf, clock: Callable[[], float]) -> None:
        super().__init__(request_log=RequestLog(clock))
        self.valid_seconds = 3600.0
        """Seconds until a signed URL ends."""
        self.is_nested = False
        """Whether a line has its values below "data", as it had until 2026-07, and not beside the step."""
        self._metrics_of, self._clock, self._secret = metrics_of, clock, secrets.token_bytes()
        self.app.router.add_get("/{id}/metrics.jsonl", self._serve_file)

    def signed_url(self, job_id: str) -> str:
        """Return the URL of a job's file, valid from now on."""
        expires = str(int(self._clock() + self.valid_seconds))
        return f"{self.origin}/{job_id}/metrics.jsonl?expires={expires}&signature={self._signature(job_id, expires)}"

    async def _serve_file(self, http: web.Request) -> web.StreamResponse:
        job_id = http.match_info["id"]
        request = {"id": job_id, "query": dict(http.query), "has_key": "Authorization" in http.headers}
        return await self.serve(http, ENDPOINT, request, partial(self._file, job_id, request))

    def _file(self, job_id: str, request: Mapping[str, Any]) -> ServerResponse:
        expires, signature = request["query"].get("expires", ""), request["query"].get("signature", "")
        if request["has_key"]:
            return _refused(HTTPStatus.BAD_REQUEST, "A signed URL takes no Authorization header.")
        if not hmac.compare_digest(signature.encode(), self._signature(job_id, expires).encode()):
            return _refused(HTTPStatus.FORBIDDEN, "The signature does not match.")
        if int(expires) <= self._clock():
            return _refused(HTTPStatus.BAD_REQUEST, "The signed URL has expired.")
        lines = [self._line(event) for event in self._metrics_of(job_id) if "train_loss" in event["data"]]
        if not lines:
            return _refused(HTTPStatus.NOT_FOUND, "There is no such file.")
        return ServerResponse("".join(f"{json.dumps(line)}\n" for line in lines))

    def _line(self, event: JsonObject) -> JsonObject:
        data = event["data"]
        values = {"train/loss": data["train_loss"], "train/lr": 0.0001, "train/total_tokens": 1000 * data["step"]}
        if self.is_nested:
            return {"timestamp": float(event["created_at"]), "step": data["step"], "data": {"train/epoch": 0} | values}
        return {"step": data["step"], "train/step": data["step"]} | values

    def _signature(self, job_id: str, expires: str) -> str:
        return hmac.new(self._secret, f"{job_id} {expires}".encode(), hashlib.sha256).hexdigest()


def _refused(status: HTTPStatus, message: str) -> ServerResponse:
    return ServerResponse(message, status, accepted=False)
