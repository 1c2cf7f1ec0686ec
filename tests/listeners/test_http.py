"""Bad requests to the Slack endpoint, byte by byte."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client import REGISTRY

from tests.listeners.harness import (
    CLICK,
    COMMAND,
    EVENT,
    FORM,
    NOW,
    SECRET,
    Headers,
    http_request,
    listener_harness,
    signature,
    signature_headers,
    signed_click,
    signed_event,
    signed_request,
)
from tests.stopwatch import within

WORDS = {
    400: b'{"error":"bad_request"}',
    401: b'{"error":"unauthorized"}',
    404: b'{"error":"not_found"}',
    405: b'{"error":"method_not_allowed"}',
    408: b'{"error":"timeout"}',
    413: b'{"error":"too_large"}',
    415: b'{"error":"unsupported_media_type"}',
}
TYPED = urlencode(COMMAND).encode()
STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
GOOD = signature(TYPED)
TYPE = ("Content-Type", FORM)
LIMIT = 256 * 1024


def typed(*headers: tuple[str, str], body: bytes = TYPED) -> bytes:
    return http_request(body, [TYPE, *headers])


def stamped(at: str, *, body: bytes = TYPED) -> bytes:
    return typed((STAMP, at), (SIGNATURE, signature(body, at)), body=body)


def sealed(*signatures: str) -> bytes:
    return typed((STAMP, str(NOW)), *((SIGNATURE, each) for each in signatures))


def without(*names: str) -> bytes:
    return signed_request(urlencode({name: value for name, value in COMMAND.items() if name not in names}))


def of_type(*types: str, body: bytes = TYPED) -> bytes:
    return http_request(body, [*(("Content-Type", each) for each in types), *signature_headers(body)])


def acting(actions: Any) -> bytes:
    return signed_click({**CLICK, "actions": actions})


def chunked(body: bytes, size: int, headers: Headers) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    wire = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return http_request(b"", [TYPE, *headers, ("Transfer-Encoding", "chunked")], sized=False) + wire + b"0\r\n\r\n"


DEEP = "[" * 100_000 + "]" * 100_000
BIG = b"a" * (LIMIT + 1)
ONE = CLICK["actions"][0]  # type: ignore[index]
SPOOFS: Headers = [
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Original-URL", "/livez"),
    ("X-Rewrite-URL", "/livez"),
    ("X-HTTP-Method-Override", "GET"),
    ("Forwarded", "for=127.0.0.1;proto=https"),
    ("X-Slack-Bolt-Lazy-Only", "1"),
]

REFUSED = {
    "form-no-user": (without("user_id"), 400),
    "form-no-team": (without("team_id"), 400),
    "form-no-channel": (without("channel_id"), 400),
    "form-no-command": (without("command"), 400),
    "form-empty-user": (signed_request(urlencode({**COMMAND, "user_id": ""})), 400),
    "form-no-fields": (signed_request(b""), 400),
    "form-too-many-fields": (signed_request(TYPED + b"&a=1" * 200), 400),
    "command-other-command": (signed_request(urlencode({**COMMAND, "command": "/other"})), 404),
    "command-other-case": (signed_request(urlencode({**COMMAND, "command": "/FTJOB"})), 404),
    "JSON-cut": (signed_click('{"type": "block_actions", "act'), 400),
    "JSON-nothing": (signed_click(""), 400),
    "JSON-null": (signed_click("null"), 400),
    "JSON-list": (signed_click("[1]"), 400),
    "JSON-string": (signed_click('"x"'), 400),
    "JSON-number": (signed_click("7"), 400),
    "JSON-long-number": (signed_click("7" * 5000), 400),
    "JSON-event-cut": (signed_event('{"type": "event_callback"'), 400),
    "JSON-event-list": (signed_event("[1]"), 400),
    "JSON-event-empty": (signed_event(""), 400),
    "nesting-payload": (signed_request("payload=" + DEEP), 400),
    "nesting-event": (signed_event(DEEP), 400),
    "nesting-objects": (signed_event('{"a":' * 40_000 + "1" + "}" * 40_000), 400),
    "unsigned-no-headers": (typed(), 401),
    "unsigned-no-signature": (typed((STAMP, str(NOW))), 401),
    "unsigned-no-timestamp": (typed((SIGNATURE, GOOD)), 401),
    "unsigned-unsigned-event": (http_request(json.dumps(EVENT), [("Content-Type", "application/json")]), 401),
    "forged-wrong": (sealed("v0=" + "0" * 64), 401),
    "forged-other-body": (sealed(signature(b"text=status")), 401),
    "forged-one-byte-changed": (typed(*signature_headers(TYPED), body=TYPED.replace(b"help", b"hel0")), 401),
    "forged-one-byte-more": (typed(*signature_headers(TYPED), body=TYPED + b"&"), 401),
    "forged-other-secret": (sealed(signature(TYPED, secret="f" * 32)), 401),
    "forged-other-timestamp": (typed((STAMP, str(NOW - 1)), (SIGNATURE, GOOD)), 401),
    "age-301-old": (stamped(str(NOW - 301)), 401),
    "age-301-ahead": (stamped(str(NOW + 301)), 401),
    "timestamp-empty": (stamped(""), 401),
    "timestamp-word": (stamped("now"), 401),
    "timestamp-negative": (stamped(f"-{NOW}"), 401),
    "timestamp-sign": (stamped(f"+{NOW}"), 401),
    "timestamp-fraction": (stamped(f"{NOW}.0"), 401),
    "timestamp-exponent": (stamped("18e8"), 401),
    "timestamp-underscore": (stamped("1_800_000_000"), 401),
    "timestamp-zeros-before": (stamped(f"000{NOW}"), 401),
    "timestamp-13-digits": (stamped("1800000000000"), 401),
    "timestamp-thousands-of-digits": (stamped("1" * 5000), 401),
    "timestamp-superscript": (stamped("180000000\xb2"), 401),
    "timestamp-milliseconds": (stamped(f"{NOW}000"), 401),
    "timestamp-two-timestamps": (typed((STAMP, str(NOW)), (STAMP, str(NOW)), (SIGNATURE, GOOD)), 401),
    "timestamp-comma-list": (typed((STAMP, f"{NOW}, {NOW}"), (SIGNATURE, GOOD)), 401),
    "signature-non-ascii": (sealed("v0=" + "\xe9" * 64), 401),
    "signature-one-non-ascii": (sealed(GOOD[:-1] + "\xb9"), 401),
    "signature-v1": (sealed("v1" + GOOD[2:]), 401),
    "signature-no-version": (sealed(GOOD[3:]), 401),
    "signature-upper-case": (sealed("v0=" + GOOD[3:].upper()), 401),
    "signature-two-signatures": (sealed(GOOD, GOOD), 401),
    "signature-good-after-bad": (sealed("v0=" + "0" * 64, GOOD), 401),
    "signature-comma-list": (sealed(f"{GOOD},{GOOD}"), 401),
    "signature-empty": (sealed(""), 401),
    "signature-short": (sealed(GOOD[:-1]), 401),
    "signature-long": (sealed(GOOD + "0"), 401),
    "ssl-check-with-a-wrong-signature": (
        http_request(b"ssl_check=1", [TYPE, (STAMP, str(NOW)), (SIGNATURE, "v0=" + "0" * 64)]),
        401,
    ),
    "ssl-check-as-json": (http_request(b"ssl_check=1", [("Content-Type", "application/json")]), 401),
    "ssl-check-zero": (http_request(b"ssl_check=0", [TYPE]), 401),
    "challenge-unsigned": (
        http_request('{"type": "url_verification", "challenge": "x"}', [("Content-Type", "application/json")]),
        401,
    ),
    "challenge-long-challenge": (signed_event({"type": "url_verification", "challenge": "x" * 1025}), 400),
    "challenge-wide-challenge": (signed_event({"type": "url_verification", "challenge": "\u20ac" * 400}), 400),
    "challenge-no-challenge": (signed_event({"type": "url_verification"}), 400),
    "challenge-challenge-is-a-list": (signed_event({"type": "url_verification", "challenge": ["x"]}), 400),
    **{
        f"method-{method}": (signed_request(TYPED, method=method), 405)
        for method in ("GET", "PUT", "DELETE", "TRACE", "OPTIONS", "PATCH")
    },
    "content-type-missing": (of_type(), 415),
    "content-type-empty": (of_type(""), 415),
    "content-type-xml": (of_type("text/xml"), 415),
    "content-type-multipart": (of_type("multipart/form-data; boundary=x"), 415),
    "content-type-utf-7": (of_type(f"{FORM}; charset=utf-7"), 415),
    "content-type-two-charsets": (of_type(f"{FORM}; charset=utf-8; charset=utf-7"), 415),
    "content-type-other-parameter": (of_type(f"{FORM}; boundary=x"), 415),
    "content-type-list": (of_type(f"{FORM}, application/json"), 415),
    "content-type-json-suffix": (of_type("application/vnd.api+json"), 415),
    "size-declared": (
        http_request(b"", [TYPE, *signature_headers(b""), ("Content-Length", "1000000000")], sized=False),
        413,
    ),
    "size-declared-by-one-byte": (signed_request(BIG), 413),
    "size-chunked": (chunked(BIG, 8192, signature_headers(BIG)), 413),
    "encoding-not-utf-8": (signed_request(TYPED + b"&text=\xff\xfe"), 400),
    "encoding-not-utf-8-unsigned": (typed(body=TYPED + b"&text=\xff\xfe"), 401),
    "encoding-overlong": (signed_request(TYPED + b"&text=\xc0\xaf"), 400),
    "encoding-overlong-escaped": (signed_request(TYPED + b"&text=%C0%AF"), 400),
    "encoding-overlong-unsigned": (typed(body=b"\xc0\xaf"), 401),
    "encoding-surrogate": (signed_request(TYPED + b"&text=\xed\xa0\x80"), 400),
    "encoding-bom": (signed_request(b"\xef\xbb\xbftoken=x&" + TYPED), 400),
    "encoding-bom-json": (signed_event("\ufeff" + json.dumps(EVENT)), 400),
    "encoding-utf-16": (signed_request(json.dumps(EVENT).encode("utf-16"), "application/json"), 400),
    "encoding-bom-unsigned": (typed(body=b"\xef\xbb\xbf" + TYPED), 401),
    "spoofed-no-key": (typed(*SPOOFS), 401),
    "spoofed-other-path": (http_request(TYPED, [TYPE, *signature_headers(TYPED), *SPOOFS], path="/other"), 404),
}

TWICE = json.dumps(EVENT).replace('"team_id"', '"type": "url_verification", "challenge": "x", "team_id"')
AMBIGUOUS = {
    "form-two-texts": (signed_request(TYPED + b"&text=cancel"), 400),
    "form-two-users": (signed_request(b"user_id=U2&" + TYPED), 400),
    "form-two-of-something-else": (signed_request(TYPED + b"&x=1&x=1"), 400),
    "form-two-keys-one-of-them-escaped": (signed_request(TYPED + b"&te%78t=cancel"), 400),
    "form-two-payloads": (signed_request(urlencode([("payload", json.dumps(CLICK))] * 2)), 400),
    "form-command-and-payload": (
        signed_request(TYPED + b"&" + urlencode({"payload": json.dumps(CLICK)}).encode()),
        400,
    ),
    "event-two-types": (signed_event(TWICE), 400),
    "event-two-keys-one-of-them-escaped": (signed_event(json.dumps(EVENT)[:-1] + ', "te\\u0061m_id": "T2"}'), 400),
    "click-two-keys-deep-inside": (
        signed_click(json.dumps(CLICK).replace('"value"', '"action_id": "b", "value"')),
        400,
    ),
    "event-nan": (signed_event(json.dumps({**EVENT, "event_time": float("nan")})), 400),
    "event-infinity": (signed_event(json.dumps({**EVENT, "event_time": float("-inf")})), 400),
    "click-number-beyond-all-bounds": (signed_click(json.dumps({**CLICK, "x": 7}).replace("7", "1e999")), 400),
    **{
        f"encoding-{name}": (signed_request(TYPED, more=[("Content-Encoding", each) for each in encodings]), 415)
        for name, encodings in {
            "gzip": ["gzip"],
            "deflate": ["deflate"],
            "br": ["br"],
            "list": ["identity, gzip"],
            "two": ["identity", "gzip"],
            "unknown": ["x"],
            "none": [""],
        }.items()
    },
    "unsigned-and-packed": (typed(("Content-Encoding", "gzip")), 415),
    "transfer-gzip": (chunked(TYPED, 7, [*signature_headers(TYPED), ("Transfer-Encoding", "gzip")]), 400),
    "transfer-twice": (chunked(TYPED, 7, [*signature_headers(TYPED), ("Transfer-Encoding", "chunked")]), 400),
    "length-and-chunks": (chunked(TYPED, 7, [*signature_headers(TYPED), ("Content-Length", "7")]), 400),
    "two-content-types": (of_type(FORM, "application/json"), 400),
}

IDLE = {
    "actions-missing": signed_click({"type": "block_actions"}),
    "actions-empty": acting([]),
    "actions-fifty": acting([ONE] * 50),
    "actions-object": acting({"0": ONE}),
    "actions-strings": acting(["ftjob_refresh"]),
    "actions-null": acting(None),
    "actions-number-for-id": acting([{"action_id": 7}]),
    "actions-no-id": acting([{"value": "x"}]),
    "actions-no-type": signed_click({"actions": [ONE]}),
    "unknown-event-of-no-type": signed_event({"type": "event_callback", "event": {}}),
    "unknown-event-is-a-list": signed_event({"type": "event_callback", "event": [1]}),
    "unknown-other-envelope": signed_event({"type": "app_rate_limited"}),
    "ssl-check-ssl-check": http_request(b"ssl_check=1&token=x", [TYPE]),
    "ssl-check-ssl-check-signed": signed_request(b"token=x&ssl_check=1"),
}

TAKEN = {
    "age-300-old": stamped(str(NOW - 300)),
    "age-300-ahead": stamped(str(NOW + 300)),
    "content-type-charset": signed_request(TYPED, f"{FORM}; charset=utf-8"),
    "content-type-upper-case": signed_request(TYPED, f'{FORM.upper()};charset="UTF-8"'),
    "size-as-large-as-may-be": signed_request(TYPED + b"&x=" + b"a" * (LIMIT - len(TYPED) - 3)),
    "size-chunked": chunked(TYPED, 7, signature_headers(TYPED)),
    "spoofed-spoofs": signed_request(TYPED, more=SPOOFS),
    "not-packed": signed_request(TYPED, more=[("Content-Encoding", "Identity")]),
    "a-click": signed_click(CLICK),
    "an-event": signed_event(EVENT),
}


@pytest.mark.parametrize(("raw", "status"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_request_gets_a_constant_error_and_starts_nothing(raw: bytes, status: int) -> None:
    async with listener_harness() as target:
        counted = requests(status)
        answer = await target.send(raw)

        assert (answer.status, answer.body) == (status, WORDS[status])
        assert len(answer.body) <= 64
        assert "server: ftjob\r\n" in answer.head.lower()
        assert "ython" not in answer.head
        if b" /slack/events " in raw:
            assert requests(status) == counted + 1
        await target.assert_works()


@pytest.mark.parametrize(("raw", "status"), AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_a_request_that_parsers_could_read_differently_is_rejected(raw: bytes, status: int) -> None:
    async with listener_harness() as target:
        answer = await target.send(raw)

        assert (answer.status, answer.body) == (status, WORDS[status])
        await target.assert_works()


@pytest.mark.parametrize("raw", IDLE.values(), ids=IDLE)
async def test_a_request_without_a_command_is_acknowledged_and_starts_nothing(raw: bytes) -> None:
    async with listener_harness() as target:
        answer = await target.send(raw)

        assert (answer.status, answer.body) == (200, b"")
        await target.assert_works()


@pytest.mark.parametrize("raw", TAKEN.values(), ids=TAKEN)
async def test_a_signed_request_is_accepted_up_to_the_largest_size_and_age(raw: bytes) -> None:
    async with listener_harness() as target:
        answer = await target.send(raw)

        assert (answer.status, answer.body) == (200, b"")
        assert len(target.received) == 1


async def test_head_is_rejected_without_a_body() -> None:
    async with listener_harness() as target:
        answer = await target.send(signed_request(TYPED, method="HEAD"))

        assert (answer.status, answer.body) == (405, b"")
        await target.assert_works()


async def test_a_signed_challenge_is_echoed_and_starts_nothing() -> None:
    async with listener_harness() as target:
        for challenge in ("3eZbrw1a", "x" * 1024):
            answer = await target.send(signed_event({"type": "url_verification", "challenge": challenge}))
            assert (answer.status, json.loads(answer.body)) == (200, {"challenge": challenge})

        await target.assert_works()


async def test_a_body_declared_too_large_is_rejected_before_100_continue() -> None:
    head = [TYPE, *signature_headers(b""), ("Content-Length", "1000000000"), ("Expect", "100-continue")]

    async with listener_harness() as target:
        answer = await target.send(http_request(b"", head, sized=False))

        assert answer.status == 413
        await target.assert_works()


@pytest.mark.parametrize(("version", "goes_on"), [("1.1", True), ("1.0", False)])
async def test_a_body_that_expects_100_continue_gets_it(version: str, *, goes_on: bool) -> None:
    head = http_request(TYPED, [TYPE, *signature_headers(TYPED), ("Expect", "100-continue")]).removesuffix(TYPED)

    async with listener_harness() as target:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(head.replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
        if goes_on:
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(TYPED)
        async with within(10):
            answer = await reader.read()
        writer.close()

        assert answer.split(b"\r\n")[0].endswith(b" 200 OK")
        assert b"100 Continue" not in answer
        assert len(target.received) == 1


@pytest.mark.parametrize("expects", ["", "200-ok", "a"])
async def test_a_request_without_expect_100_gets_only_the_response(expects: str) -> None:
    async with listener_harness() as target:
        answer = await target.send(http_request(TYPED, [TYPE, *signature_headers(TYPED), ("X-Expect", expects)]))

        assert answer.status == 200
        assert "100 Continue" not in answer.head


async def test_a_truncated_chunked_body_is_rejected() -> None:
    head = [TYPE, *signature_headers(b""), ("Transfer-Encoding", "chunked")]

    async with listener_harness() as target:
        answer = await target.send(http_request(b"", head, sized=False) + b"5\r\nabcdeXX\r\n")

        assert answer.status == 400
        await target.assert_works()


async def test_a_payload_that_bolt_cannot_parse_is_rejected() -> None:
    async with listener_harness() as target:
        answer = await target.send(signed_event({**EVENT, "authorizations": [7]}))

        assert (answer.status, answer.body) == (400, WORDS[400])
        await target.assert_works()


@pytest.mark.parametrize("sized", [True, False], ids=["declared", "chunked"])
async def test_a_slow_body_has_one_timeout_for_the_whole(*, sized: bool) -> None:
    how = ("Content-Length", "64") if sized else ("Transfer-Encoding", "chunked")
    drop = b"a" if sized else b"1\r\na\r\n"

    async with listener_harness(body_seconds=0.2) as target:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(http_request(b"", [TYPE, *signature_headers(b""), how], sized=False))
        dripping = asyncio.create_task(drip(writer, drop))
        async with within(10):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(len(WORDS[408]))
        dripping.cancel()
        writer.close()

        assert head.startswith(b"HTTP/1.1 408 ")
        assert body == WORDS[408]
        await target.assert_works()


async def test_each_request_of_a_keep_alive_connection_has_its_own_timeout() -> None:
    raw = signed_request(TYPED).replace(b"Connection: close\r\n", b"")

    async with listener_harness() as target:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        for _ in range(3):
            writer.write(raw)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()

        assert len(target.received) == 3


async def test_rejections_are_logged_at_most_once_a_second_and_without_the_body(
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = sealed("v0=" + "0" * 64)

    async with listener_harness() as target:
        for _ in range(20):
            assert (await target.send(raw)).status == 401

    said = capsys.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if "slack_request.rejected" in line]
    assert 1 <= len(lines) < 10
    assert "reason" in lines[0]
    assert "signature" in lines[0]
    for secret in (SECRET, "0" * 64, TYPED.decode(), str(NOW)):
        assert secret not in said.out + said.err


async def drip(writer: asyncio.StreamWriter, drop: bytes) -> None:
    while True:
        writer.write(drop)
        await asyncio.sleep(0.02)


def requests(status: int) -> float:
    return REGISTRY.get_sample_value("ftjob_slack_http_requests_total", {"status": str(status)}) or 0.0
