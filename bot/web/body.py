"""Request bodies of untrusted clients, with limits on size, total memory and time.

Ambiguous input is rejected, not interpreted.
"""

import asyncio
import re

from aiohttp import HttpVersion11, web

BODY_SECONDS = 10.0
"""Timeout of one body, first byte to last; Slack itself gives up after three seconds."""

MAX_BUFFERED_BYTES = 4 * 1024 * 1024
"""Bytes of all bodies in progress; Slack requests and webhooks have a few thousand each."""

CHUNK_BYTES = 16 * 1024
"""Bytes of one buffer: large ones fragment memory, and one per received packet wastes it."""

JSON_TYPE = re.compile(r'(application/json)(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)
"""Content type of a JSON body, for ``media_type_of``."""


class HttpError(Exception):
    """An HTTP error response without a body."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def response(self) -> web.Response:
        """Return the response: a status without a body; the server adds the same body to all of one status."""
        response = web.Response(status=self.status)
        response.force_close()  # part of the request may be unread
        return response


def media_type_of(request: web.BaseRequest, pattern: re.Pattern[str]) -> str:
    """Return the media type of an unambiguous body, as the first group of ``pattern`` matches it.

    Raises:
        Refusal: it is another type, stated twice, or the body is compressed (415); its length is stated twice (400).
    """
    stated = request.headers.getall("Content-Type", [])
    found = pattern.fullmatch(stated[0]) if len(stated) == 1 else None
    if found is None:
        raise HttpError(415, "content type")
    if any(each.strip().lower() != "identity" for each in request.headers.getall("Content-Encoding", [])):
        raise HttpError(415, "content encoding")
    framing = request.headers.getall("Transfer-Encoding", [])
    is_twice = "Content-Length" in request.headers or len(framing) > 1
    if framing and (is_twice or framing[0].strip().lower() != "chunked"):
        raise HttpError(400, "transfer encoding")
    return found[1].lower()


class BodyReader:
    """Reads bodies. If all bodies in progress exceed the memory limit, the oldest is aborted.

    So a client that sends its body at once is served, however many others are slow (slowloris).
    """

    def __init__(self, max_buffered: int = MAX_BUFFERED_BYTES) -> None:
        self._max_buffered = max_buffered
        self._in_progress: dict[asyncio.Timeout, list[bytearray]] = {}

    @property
    def buffered(self) -> int:
        """The bytes of all bodies in progress."""
        return sum(len(part) for body in self._in_progress.values() for part in body)

    async def read(self, request: web.BaseRequest, *, max_bytes: int, seconds: float) -> bytes:
        """Return the body.

        Raises:
            Refusal: it was too large (413), too slow (408), incomplete (400), or evicted for others (503).
        """
        await _send_continue(request)
        try:
            async with asyncio.timeout(seconds) as limit:
                try:
                    return await self._collect(request, limit, max_bytes)
                finally:
                    made_room = self._in_progress.pop(limit, None) is None
        except TimeoutError:
            raise (HttpError(503, "no room") if made_room else HttpError(408, "slow body")) from None
        except web.RequestPayloadError:
            raise HttpError(400, "broken body") from None
        except (ConnectionError, RuntimeError):  # RuntimeError: aiohttp's, of a closed connection
            raise HttpError(400, "hung up") from None

    async def _collect(self, request: web.BaseRequest, limit: asyncio.Timeout, max_bytes: int) -> bytes:
        body = self._in_progress[limit] = list[bytearray]()
        size = 0
        async for part in request.content.iter_any():
            if body and len(body[-1]) < CHUNK_BYTES:
                body[-1] += part
            else:
                body.append(bytearray(part))
            size += len(part)
            if size > max_bytes:
                raise HttpError(413, "size")
            self._evict()
            if limit not in self._in_progress:
                raise HttpError(503, "no room")
        return b"".join(body)

    def _evict(self) -> None:
        while self.buffered > self._max_buffered:
            limit = next(iter(self._in_progress))
            self._in_progress.pop(limit).clear()
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())


def reject_oversized(request: web.BaseRequest, max_bytes: int) -> None:
    """Reject a body by its ``Content-Length``.

    Raises:
        Refusal: it is larger than ``largest`` bytes (413).
    """
    if (request.content_length or 0) > max_bytes:
        raise HttpError(413, "declared size")


async def _send_continue(request: web.BaseRequest) -> None:
    """Respond to ``Expect: 100-continue``."""
    if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the response itself has not started
