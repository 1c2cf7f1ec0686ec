"""The server below the gate: silent and slow connections, paths, and what its parser refuses."""

import asyncio
import gzip
import time

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from bot.web import http_server
from bot.web.body import BodyReader
from bot.web.server import READ_BUFFER_BYTES, connection_limit
from tests.listeners.harness import (
    COMMAND,
    FORM,
    NOW,
    SECRET,
    ListenerHarness,
    RawResponse,
    http_request,
    listener_harness,
    parse_response,
    signature_headers,
    signed_request,
)
from tests.stopwatch import stopwatch, within

TOKEN = "v0=" + "5ec7e7f0" * 8
"""Something that must not come back or be logged."""

GET_LIVE = b"GET /livez HTTP/1.1\r\nHost: bot\r\n\r\n"
POST = b"POST /slack/events HTTP/1.1\r\nHost: bot\r\n"
SIGNED = f"Content-Type: {FORM}\r\nX-Slack-Request-Timestamp: {NOW}\r\nX-Slack-Signature: {TOKEN}\r\n".encode()
"""As far as anybody can tell before there is a body."""
CHUNKED = SIGNED + b"Transfer-Encoding: chunked\r\n\r\n"

UNREADABLE = {
    "no-http": f"{TOKEN}\r\n\r\n".encode(),
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + TOKEN.encode() + b"\r\n\r\n",
    "other-method": f"STEAL /slack/events?{TOKEN} HTTP/1.1\r\nHost: bot\r\n\r\n".encode(),
    "other-version": f"POST /slack/events?{TOKEN} HTTP/9.9\r\nHost: bot\r\n\r\n".encode(),
    "huge-line": b"POST /slack/events?" + TOKEN.encode() * 200 + b" HTTP/1.1\r\nHost: bot\r\n\r\n",
    "huge-header": POST + b"X-Slack-Signature: " + TOKEN.encode() * 200 + b"\r\n\r\n",
    "many-headers": POST + b"X-Slack-Signature: " + TOKEN.encode() + b"\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    "control-character": POST + b"X-Slack-Signature: " + TOKEN.encode() + b"\x00\r\n\r\n",
    "space-in-a-name": POST + b"X-Slack Signature: " + TOKEN.encode() + b"\r\n\r\n",
    "folded-header": POST + b"X-Slack-Signature: v0=\r\n " + TOKEN.encode() + b"\r\n\r\n",
    "two-lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + TOKEN.encode(),
    "negative-length": POST + b"Content-Length: -5\r\n\r\n" + TOKEN.encode(),
    "length-and-chunks": POST + b"Content-Length: 5\r\n" + CHUNKED + TOKEN.encode(),
    "two-content-types": POST + b"Content-Type: text/xml\r\n" + CHUNKED + TOKEN.encode(),
    "bad-chunk-size": POST + CHUNKED + TOKEN.encode() + b"\r\n",
    "bad-chunk-end": POST + CHUNKED + b"3\r\nabcdef" + TOKEN.encode() + b"\r\n0\r\n\r\n",
    "huge-chunk-size": POST + CHUNKED + b"f" * 40 + b"\r\n" + TOKEN.encode(),
    "two-hosts": POST + b"Host: " + TOKEN.encode() + b"\r\n\r\n",
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_the_parser_refuses_reaches_no_handler_and_comes_back_nowhere(
    raw: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with listener_harness(body_seconds=0.5) as listener:
        answer = await listener.send(raw)

        assert (answer.status, answer.body) == (400, b'{"error":"bad_request"}')
        said = capfd.readouterr()
        for text in (answer.head, answer.body.decode(), said.out, said.err, caplog.text):
            assert TOKEN not in text
            assert "ython" not in text
            assert "Traceback" not in text
        await listener.assert_works()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/.env",
        "/.git/config",
        "/healthz/../metrics",
        "/livez/../readyz/../.env",
        "/healthz?verbose=1",
        "/metrics/x",
        "/slack",
        "/slack/events/",
        "//slack/events",
        "/SLACK/EVENTS",
        "/%2e%2e/etc/passwd",
        "http://other/x",
        "*",
        "bot:80",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "CONNECT"])
async def test_an_unknown_path_is_answered_by_four_words_and_tells_nothing(method: str, path: str) -> None:
    async with listener_harness() as listener:
        answer = await listener.send(http_request(b"", [("Accept", "text/html")], method=method, path=path))

        assert (answer.status, answer.body) in (
            (404, b'{"error":"not_found"}'),
            (400, b'{"error":"bad_request"}'),  # a target that is no path
        )
        if path.startswith("/") and method != "CONNECT":
            assert answer.status == 404
        assert names(answer) <= {"content-type", "content-length", "date", "server", "connection"}
        await listener.assert_works()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/livez?verbose=1", "/readyz?verbose=1&token=x"])
async def test_a_probe_says_the_same_whatever_is_asked(path: str) -> None:
    async with listener_harness() as listener:
        answer = await listener.send(http_request(b"", [("X-Forwarded-For", "127.0.0.1")], method="GET", path=path))
        assert (answer.status, answer.body) == (200, b'{"status": "ok"}')
        assert names(answer) <= {"content-type", "content-length", "date", "server", "connection"}

        answer = await listener.send(http_request(b"", [("X-HTTP-Method-Override", "GET")], path=path))
        assert (answer.status, answer.body) == (405, b'{"error":"method_not_allowed"}')
        await listener.assert_works()


@pytest.mark.parametrize(
    "before", [b"", b"POST /slack/events HT", POST + b"X-A: b\r\n"], ids=["silent", "line", "head"]
)
@pytest.mark.parametrize("second", [False, True], ids=["first-request", "second-request"])
async def test_a_connection_that_does_not_come_to_the_point_is_cut_without_a_word(
    before: bytes, *, second: bool
) -> None:
    async with listener_harness(head_seconds=0.4) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        if second:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: bot\r\n\r\n")
            assert await reader.readuntil(b'"ok"}')
        began = time.monotonic()
        dripping = asyncio.create_task(drip(writer, before))
        async with within(10):
            assert await rest(reader) == b""
        dripping.cancel()
        writer.close()

        assert time.monotonic() - began > 0.2
        await listener.assert_works()


async def test_five_hundred_silent_sockets_hold_nobody_up() -> None:
    async with listener_harness() as listener:
        silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(500)]
        for _, writer in silent[::2]:
            writer.write(POST)
        async with stopwatch() as took:
            for _ in range(20):
                answer = await listener.send(
                    signed_request("&".join(f"{name}={value}" for name, value in COMMAND.items()))
                )
                assert answer.status == 200
        for _, writer in silent:
            writer.close()

    assert len(listener.received) == 20
    assert took.seconds < 5, "a quarter of a second each"


async def test_the_rest_of_a_refused_body_is_not_read_for_long() -> None:
    async with listener_harness() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(POST + b"Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, b"a" * 1000))
        async with within(8):
            answer = parse_response(await rest(reader))
        dripping.cancel()
        writer.close()

        assert answer.status == 413
        await listener.assert_works()


async def test_a_handler_that_breaks_is_answered_in_one_word() -> None:
    def ready() -> list[str]:
        raise ValueError(SECRET)

    async with http_server("127.0.0.1", 0, routes={}, broken_parts=ready) as port:
        listener = ListenerHarness(port)
        answer = await listener.send(http_request(b"", [], method="GET", path="/readyz"))
        assert (answer.status, answer.body) == (500, b'{"error":"internal"}')
        answer = await listener.send(http_request(b"", [], method="GET", path="/livez"))
        assert answer.status == 200
        answer = await listener.send(signed_request(b"text=help"))
        assert (answer.status, answer.body) == (404, b'{"error":"not_found"}'), "Socket Mode has no such door"


async def test_a_compressed_body_is_checked_as_it_came_and_is_never_unpacked() -> None:
    body = gzip.compress(b"a" * 10_000_000)
    raw = http_request(body, [("Content-Type", FORM), ("Content-Encoding", "gzip"), *signature_headers(body)])

    async with listener_harness() as listener:
        assert (await listener.send(raw)).status == 415
        await listener.assert_works()


@pytest.mark.parametrize(("descriptors", "most"), [(64, 16), (256, 64), (1024, 256), (4096, 256), (1 << 20, 256)])
def test_what_unknown_clients_may_hold_is_a_quarter_of_all_descriptors_at_the_most(descriptors: int, most: int) -> None:
    assert connection_limit(descriptors) == most


async def test_the_longest_silent_connection_makes_room_for_a_new_one() -> None:
    async with listener_harness(connections=8) as listener:
        silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(8)]
        for _, writer in silent[:4]:
            writer.write(GET_LIVE)
        for reader, _ in silent[:4]:
            assert await reader.readuntil(b'"ok"}')
        cut = counted("ftjob_evicted_connections_total")
        more = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(4)]

        for reader, _ in silent[4:]:
            async with within(5):
                assert await rest(reader) == b"", "it never said a word"
        for reader, writer in [*silent[:4], *more]:
            writer.write(GET_LIVE)
            assert await reader.readuntil(b'"ok"}')
        for _, writer in [*silent, *more]:
            writer.close()
        assert counted("ftjob_evicted_connections_total") == cut + 4
        await listener.assert_works()


async def test_however_many_connections_are_held_open_descriptors_are_left_and_requests_are_answered() -> None:
    async with listener_harness(connections=20) as listener:
        held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(200)]
        for number, (_, writer) in enumerate(held):
            writer.write([b"", POST + SIGNED + b"Content-Length: 262144\r\n\r\n" + b"a" * 1000][number % 2])
        answer = await listener.send(GET_LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert answer.status == 200
        ends = [asyncio.create_task(rest(reader)) for reader, _ in held]
        async with within(5):
            while sum(end.done() for end in ends) < 180:  # noqa: ASYNC110 - a connection that ends tells only its reader
                await asyncio.sleep(0.01)
        for end in ends:
            end.cancel()
        for _, writer in held:
            writer.close()
        await listener.assert_works()


HEADERS_THAT_ARE_ENOUGH = {
    "unsigned": [],
    "no-signature": [("X-Slack-Request-Timestamp", str(NOW))],
    "stale": [("X-Slack-Request-Timestamp", str(NOW - 301)), ("X-Slack-Signature", TOKEN)],
    "misshapen": [("X-Slack-Request-Timestamp", str(NOW)), ("X-Slack-Signature", TOKEN.upper())],
    "doubled": [("X-Slack-Request-Timestamp", str(NOW)), ("X-Slack-Signature", TOKEN), ("X-Slack-Signature", TOKEN)],
}


@pytest.mark.parametrize(
    "how", [("Content-Length", "100000"), ("Transfer-Encoding", "chunked")], ids=lambda how: how[0]
)
@pytest.mark.parametrize("headers", HEADERS_THAT_ARE_ENOUGH.values(), ids=HEADERS_THAT_ARE_ENOUGH)
async def test_what_cannot_be_signed_is_refused_before_any_of_its_body_is_there(
    headers: list[tuple[str, str]], how: tuple[str, str]
) -> None:
    async with listener_harness() as listener:
        answer = await listener.send(http_request(b"", [("Content-Type", FORM), *headers, how], sized=False))
        assert answer.status == 401
        await listener.assert_works()


async def test_all_unfinished_bodies_together_hold_no_more_than_their_bound() -> None:
    bodies = BodyReader(max_buffered=100_000)
    async with listener_harness(bodies=bodies) as listener:
        head = POST + SIGNED + b"Content-Length: 200000\r\n\r\n"
        held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(10)]
        for number, (_, writer) in enumerate(held):
            writer.write(head + b"a" * 30_000)
            async with within(5):
                while bodies.buffered != 30_000 * min(number + 1, 3):  # noqa: ASYNC110 - a buffer tells nobody
                    await asyncio.sleep(0.001)
        for reader, _ in held[:7]:
            async with within(5):
                assert parse_response(await rest(reader)).status == 503, "those that were begun first make room"
        await listener.assert_works()
        for _, writer in held:
            writer.close()


async def test_a_connection_is_read_ahead_by_little_while_its_request_is_not_wanted() -> None:
    held = asyncio.Event()
    waiting: list[web.BaseRequest] = []

    async def wait(request: web.BaseRequest) -> web.Response:
        waiting.append(request)
        await held.wait()
        return web.Response()

    async with http_server("127.0.0.1", 0, routes={"/wait": wait}, broken_parts=list) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /wait HTTP/1.1\r\nHost: bot\r\nContent-Length: 10000000\r\n\r\n" + b"a" * 5_000_000)
        async with within(5):
            while not waiting or not waiting[0].protocol._reading_paused:  # noqa: ASYNC110, SLF001 - aiohttp's own
                await asyncio.sleep(0.01)
        assert waiting[0].content.total_bytes <= 4 * READ_BUFFER_BYTES
        held.set()
        writer.close()


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


def names(answer: RawResponse) -> set[str]:
    return {line.split(":")[0].lower() for line in answer.head.split("\r\n")[1:]}


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the connection ends, politely or not."""
    got = b""
    try:
        while part := await reader.read(4096):
            got += part
    except ConnectionError:
        pass
    return got


async def drip(writer: asyncio.StreamWriter, drops: bytes) -> None:
    """Send byte by byte."""
    for drop in drops:
        writer.write(bytes([drop]))
        await asyncio.sleep(0.02)
