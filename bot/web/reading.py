"""The body of a request from strangers: never more than so many bytes, and never longer than so many seconds."""

import asyncio

from aiohttp import HttpVersion11, web

BODY_SECONDS = 10.0
"""How long a body may take from its first byte to its last; Slack itself gives up after three seconds."""


class Refusal(Exception):
    """A request that is not answered but for its status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why

    def response(self) -> web.Response:
        """Return the answer: its status, and no body; the server gives all of one status the same."""
        response = web.Response(status=self.status)
        response.force_close()  # some of what was sent may still be unread
        return response


async def body_of(request: web.BaseRequest, *, largest: int, seconds: float) -> bytes:
    """Return the body.

    Raises:
        Refusal: it was too large (413), too slow (408), or broken off (400).
    """
    if (request.content_length or 0) > largest:
        raise Refusal(413, "declared size")
    if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.content.iter_any():
                body += part
                if len(body) > largest:
                    raise Refusal(413, "size")
    except TimeoutError:
        raise Refusal(408, "slow body") from None
    except web.RequestPayloadError:
        raise Refusal(400, "broken body") from None
    except ConnectionError:
        raise Refusal(400, "hung up") from None
    return bytes(body)
