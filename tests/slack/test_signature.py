import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.signature import check_signature
from tests.listeners.harness import SECRET, signature

NOW = 1_800_000_000
BODY = b"command=%2Fftjob&text=help"


def flaw(*, body: bytes = BODY, at: str = str(NOW), signed: str | None = None, now: float = NOW) -> str | None:
    signed = signature(body, at) if signed is None else signed
    return check_signature(SECRET.encode(), body, timestamps=[at], signatures=[signed], now=now)


def test_the_example_of_slacks_documentation_has_its_signature() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    flaw = check_signature(
        b"8f742231b10e8888abcd99yyyzzz85a5",
        body,
        timestamps=["1531420618"],
        signatures=["v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"],
        now=1531420618,
    )

    assert flaw is None


@given(st.binary(), st.integers(-300, 300))
def test_a_signature_is_accepted_within_five_minutes_of_its_timestamp(body: bytes, ago: int) -> None:
    assert flaw(body=body, at=str(NOW - ago)) is None


@pytest.mark.parametrize("now", [NOW + 300.5, NOW - 300.5, NOW + 10**6, 0.0])
def test_the_error_for_a_distant_timestamp_names_the_clock(now: float) -> None:
    assert flaw(now=now) == "clock"


@pytest.mark.parametrize("at", ["", " ", "x", "-1", "1.0", "1e9", "\u0661\u0662", "1" * 13, f"{NOW}\n", f" {NOW}"])
def test_a_timestamp_is_only_ascii_digits(at: str) -> None:
    assert flaw(at=at) == "timestamp"


@pytest.mark.parametrize("tail", ["\n", " ", "0", "\u0660"])
def test_a_signature_has_exactly_its_form(tail: str) -> None:
    assert flaw(signed=signature(BODY, NOW) + tail) == "signature"


@pytest.mark.parametrize("count", [0, 2, 3])
def test_each_header_occurs_once(count: int) -> None:
    good = signature(BODY, NOW)

    def flaw_with(timestamps: int, signatures: int) -> str | None:
        times, seals = [str(NOW)] * timestamps, [good] * signatures
        return check_signature(SECRET.encode(), BODY, timestamps=times, signatures=seals, now=NOW)

    assert flaw_with(count, 1) == "timestamp"
    assert flaw_with(1, count) == "signature"
    assert flaw_with(1, 1) is None
