"""aiohttp's server below its applications, so that also what its parser refuses is answered by us.

Strangers learn nothing from an answer: a refusal has one body for each status, and no header names a version.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from bot.sampled import Sampled

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

LINGER_SECONDS = 1.0
"""How long the rest of a refused body is read, so that the answer arrives before the connection ends."""

_ERRORS = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
}

log = structlog.get_logger()


def dress(response: web.Response) -> web.Response:
    """Give a refusal without a body the constant one of its status, and every answer the same server's name."""
    response.headers["Server"] = "ftjob"
    if response.status >= 400 and not response.body:  # noqa: PLR2004
        response.body = f'{{"error":"{_ERRORS.get(response.status, "internal")}"}}'.encode()
        response.content_type = "application/json"
    return response


class Server(web.Server):
    """Answers by path, and 404 elsewhere; cuts connections that keep it waiting for the head of a request."""

    def __init__(self, routes: Mapping[str, Handler], *, head_seconds: float) -> None:
        super().__init__(self._answer)
        self._routes = routes
        self._head_seconds = head_seconds
        self._unreadable = Sampled("web.unreadable")

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return _Connection(
            self,
            self._unreadable,
            loop=asyncio.get_running_loop(),
            # aiohttp measures it from the connection's start or the last answer to the end of the next head.
            keepalive_timeout=self._head_seconds,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,  # the bytes that were signed are those that came
            access_log=None,
        )

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        handler = self._routes.get(request.path)
        return dress(await handler(request) if handler else web.Response(status=404))


class _Connection(web.RequestHandler):
    def __init__(self, server: Server, unreadable: Sampled, **options: object) -> None:
        super().__init__(server, **options)  # type: ignore[arg-type]
        self._unreadable = unreadable

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what the parser refused, or a handler broke at; aiohttp's own answer and log quote the request."""
        del message
        if status == 400:  # noqa: PLR2004
            self._unreadable(error=type(exc).__name__)
        else:
            log.error("web.broke", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("half of another answer is sent already")
        answer = dress(web.Response(status=status))
        answer.force_close()
        return answer
