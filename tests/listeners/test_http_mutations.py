"""Whatever is changed in a request that Slack signed, it is refused, and nothing is started."""

import random
import re
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.signature import check_signature
from tests.deep import max_examples
from tests.listeners.harness import COMMAND, FORM, NOW, SECRET, Headers, http_request, listener_harness, signature

BODY = urlencode(COMMAND).encode()
GOOD = (BODY, str(NOW).encode(), signature(BODY).encode())

Change = tuple[int, str, int, int]
"""Of what (body, timestamp, signature), in which way, where, to which byte."""

CHANGES = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(["flip", "insert", "delete"]), st.integers(0, 500), st.integers(0, 255)
    ),
    min_size=1,
    max_size=4,
)


def changed(changes: list[Change]) -> tuple[bytes, bytes, bytes]:
    """Return body, timestamp and signature with some bytes changed; changes may undo one another."""
    parts = [bytearray(part) for part in GOOD]
    for which, how, where, value in changes:
        part = parts[which]
        at = where % (len(part) or 1)
        if how == "insert":
            part.insert(at, value)
        elif part:
            part[at : at + 1] = bytes([part[at] ^ (value or 1)]) if how == "flip" else b""
    body, timestamp, sealed = (bytes(part) for part in parts)
    return body, timestamp, sealed


@given(CHANGES)
@settings(max_examples=max_examples(10_000, 1_500), deadline=None, database=None)
def test_changed_requests_fail_verification(changes: list[Change]) -> None:
    body, timestamp, sealed = changed(changes)
    flaw = check_signature(
        SECRET.encode(),
        body,
        timestamps=[timestamp.decode("latin-1")],
        signatures=[sealed.decode("latin-1")],
        now=NOW,
    )

    assert (flaw is None) == ((body, timestamp, sealed) == GOOD)


async def test_five_hundred_changed_requests_over_sockets_start_nothing() -> None:
    rng = random.Random(79)  # noqa: S311 - the same bytes each time
    statuses: dict[int, int] = {}

    async with listener_harness() as target:
        for _ in range(500):
            answer = await target.send(on_the_wire(rng))
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            assert answer.status in (400, 401, 413, 415), answer
            assert target.received == []
        await target.assert_works()

    assert statuses[400] > 5
    assert statuses[401] > 100
    assert statuses[415] > 5


def on_the_wire(rng: random.Random) -> bytes:
    """Return a request of which the body, a header's value or the body's length is not what Slack sent."""
    if rng.random() < 0.1:
        return http_request(BODY, headers(*GOOD[1:], content_type=mangled(rng, FORM.encode())))
    if rng.random() < 0.05:
        return http_request(BODY[: rng.randrange(len(BODY))], headers(*GOOD[1:]))
    while True:
        how = rng.choice(["flip", "insert", "delete"])
        body, timestamp, sealed = changed([(rng.randrange(3), how, rng.randrange(500), rng.randrange(256))])
        # Blanks around a header's value are not part of it.
        if (body, timestamp.strip(b" \t"), sealed.strip(b" \t")) != GOOD:
            return http_request(body, headers(timestamp, sealed))


def headers(timestamp: bytes, sealed: bytes, *, content_type: bytes = FORM.encode()) -> Headers:
    values = {"Content-Type": content_type, "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": sealed}
    return [(name, value.decode("latin-1")) for name, value in values.items()]


def mangled(rng: random.Random, value: bytes) -> bytes:
    """Change one letter of a value into another one."""
    at = rng.choice([found.start() for found in re.finditer(rb"[a-z]", value)])
    return value[:at] + bytes([(value[at] - 97 + rng.randrange(1, 26)) % 26 + 97]) + value[at + 1 :]
