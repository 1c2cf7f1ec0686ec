"""The body of a request from strangers: never more than so many bytes, of one or of all, and never for longer than so long.

Input that can be read in two ways is refused, not interpreted.
"""

import asyncio
import re

from aiohttp import HttpVersion11, web

BODY_SECONDS = 10.0
"""How long a body may take from its first byte to its last; Slack itself gives up after three seconds."""

MAX_BUFFERED_BYTES = 4 * 1024 * 1024
"""Bytes of all bodies that are being read; those of Slack and of webhooks have a few thousand each."""


CHUNK_BYTES = 16 * 1024
"""Bytes that are kept in one piece: neither large ones, which leave holes in memory, nor one for each that came."""


class HttpError(Exception):
    """A request that is not answered but for its status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def response(self) -> web.Response:
        """Return the answer: its status, and no body; the server gives all of one status the same."""
        response = web.Response(status=self.status)
        response.force_close()  # some of what was sent may still be unread
        return response


def media_type_of(request: web.BaseRequest, pattern: re.Pattern[str]) -> str:
    """Return the media type of a body that can only be read in one way, as the first group of ``known`` has it.

    Raises:
        Refusal: it is another one, there are two, or the body is packed (415); two things say how long it is (400).
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
    """Reads bodies. Where those under way hold too many bytes in all, the one that was begun first is given up.

    So whoever sends a body at once is heard, however many others hold theirs back.
    """

    def __init__(self, max_buffered: int = MAX_BUFFERED_BYTES) -> None:
        self._max_buffered = max_buffered
        self._in_progress: dict[asyncio.Timeout, list[bytearray]] = {}

    @property
    def buffered(self) -> int:
        """The bytes of all bodies that are being read."""
        return sum(len(part) for body in self._in_progress.values() for part in body)

    async def read(self, request: web.BaseRequest, *, max_bytes: int, seconds: float) -> bytes:
        """Return the body.

        Raises:
            Refusal: it was too large (413), too slow (408), broken off (400), or had to make room for others (503).
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
        except (ConnectionError, RuntimeError):  # the latter says aiohttp of a connection that was cut before
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
    """Refuse a body by the size that it declares.

    Raises:
        Refusal: it is larger than ``largest`` bytes (413).
    """
    if (request.content_length or 0) > max_bytes:
        raise HttpError(413, "declared size")


async def _send_continue(request: web.BaseRequest) -> None:
    """Ask for a body that waits for that."""
    if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
