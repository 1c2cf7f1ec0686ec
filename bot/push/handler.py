"""HTTP handler of trainers' calls: ``PUT /push/{account}/jobs/{id}``, and the client at ``GET /push/client.py``.

Only authorized, well-formed calls reach the receiver. A trainer repeats a call until it gets 200.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web
from pydantic import SecretStr

from bot.push.call import InvalidCall, check_job_id, parse_call
from bot.push.rate_limit import CallRateLimit
from bot.push.receiver import NotStored, Overloaded, PushReceiver, Unstorable
from bot.push.recorder import Acceptance, ReceivedCall
from bot.runtime.clock import Clock
from bot.telemetry.logs import RateLimitedLog
from bot.telemetry.metrics import PUSHES
from bot.web.body import BODY_SECONDS, JSON_TYPE, BodyReader, HttpError, media_type_of, reject_oversized

PREFIX = "/push/"
MAX_BODY_BYTES = 64 * 1024
_CALL = re.compile(r"/push/([^/]+)/jobs/(.+)", re.DOTALL)
_CLIENT_PATH = "/push/client.py"
_BEARER = re.compile(r"Bearer +([!-~]{1,500})", re.IGNORECASE)
_RETRY_SECONDS = 2
"""After which a call that was not stored is sent again."""
_FULL_SECONDS = 60
"""The same, where the account has too many jobs."""


@dataclass(frozen=True)
class PushAccount:
    """An account whose trainers push their jobs."""

    name: str
    tokens: Sequence[SecretStr]
    receiver: PushReceiver


class PushHandler:
    """HTTP handler of all paths below ``/push/``."""

    def __init__(
        self,
        accounts: Sequence[PushAccount],
        *,
        reserved: frozenset[str],
        body_reader: BodyReader,
        clock: Clock,
        monotonic: Clock,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """Take the accounts, and the words that no job's ID may be, in lower case."""
        self._accounts: Mapping[str, PushAccount] = {each.name: each for each in accounts}
        self._reserved = reserved
        self._body_reader = body_reader
        self._clock = clock
        self._body_seconds = body_seconds
        self._rate_limit = CallRateLimit(monotonic)
        self._log = RateLimitedLog("push.rejected")
        self._client = (files("bot.push") / "client.py").read_bytes()

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Return the response to any request; never raises."""
        if request.path == _CLIENT_PATH:
            return self._client_response(request)
        try:
            response = await self._handle(request)
        except HttpError as refusal:
            self._log(status=refusal.status, reason=refusal.reason)
            response = refusal.response()
            if refusal.status == 503:  # noqa: PLR2004
                response.headers["Retry-After"] = str(_RETRY_SECONDS)
        PUSHES.labels(response.status).inc()
        return response

    def _client_response(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405)
        return web.Response(body=self._client, content_type="text/x-python", charset="utf-8")

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        path = _CALL.fullmatch(request.path)
        if path is None:
            raise HttpError(404, "path")
        if request.method != "PUT":
            raise HttpError(405, "method")
        account = self._authorized(path[1], request.headers.getall("Authorization", []))
        media_type_of(request, JSON_TYPE)
        reject_oversized(request, MAX_BODY_BYTES)
        body = await self._body_reader.read(request, max_bytes=MAX_BODY_BYTES, seconds=self._body_seconds)
        try:
            check_job_id(path[2], self._reserved)
            received = ReceivedCall(path[2], parse_call(body), self._clock())
        except InvalidCall as error:
            self._log(status=422, reason=f"field {error.field}")
            return web.json_response({"field": error.field, "message": error.message}, status=422)
        if wait := self._rate_limit.seconds_to_wait(account.name, received.job_id):
            return _later(429, "Rate limit: one call per second per job.", wait)
        return await self._submit(account, received, len(body))

    def _authorized(self, name: str, headers: Sequence[str]) -> PushAccount:
        """Return the account that a request may push jobs to; an unknown account and a wrong token look the same."""
        bearer = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
        given, account = (bearer[1] if bearer else "").encode(), self._accounts.get(name)
        tokens = account.tokens if account else next(iter(self._accounts.values())).tokens
        # Every token is compared, so that the time tells nothing.
        matches = [hmac.compare_digest(given, each.get_secret_value().encode()) for each in tokens]
        if account is None or not any(matches):
            raise HttpError(401, "token")
        return account

    async def _submit(self, account: PushAccount, received: ReceivedCall, size: int) -> web.Response:
        try:
            accepted = await account.receiver.submit(received, size)
        except Overloaded:
            return _later(503, "Too many calls at once.", _RETRY_SECONDS)
        except NotStored:
            return _later(503, "The database isn't responding.", _RETRY_SECONDS)
        except Unstorable:
            return web.json_response({"field": "body", "message": "can't be stored"}, status=422)
        if accepted is Acceptance.TOO_MANY_JOBS:
            return _later(429, "This account has too many unfinished jobs.", _FULL_SECONDS)
        requested = "cancel" if accepted is Acceptance.CANCEL else None
        return web.json_response({"seq": received.call.seq, "requested": requested})


def _later(status: int, message: str, seconds: int) -> web.Response:
    """Return a response after which the same call is sent again."""
    return web.json_response({"message": message}, status=status, headers={"Retry-After": str(seconds)})


def reserved_words(verbs: Sequence[str], statuses: Sequence[str]) -> frozenset[str]:
    """Return the words that no job's ID may be, because they mean something else in a command."""
    return frozenset(each.lower() for each in ("all", "me", "mine", "here", *verbs, *statuses))
