"""``Retry-After``, as servers and proxies really write it and as nobody should."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.net.retry_after import MAX_PAUSE, MIN_PAUSE, jittered, parse_retry_after

NOW = 1_790_000_000.0
"""Mon, 21 Sep 2026 14:13:20 GMT."""

READ = [
    (["7"], 7.0),
    ([" 30\t"], 30.0),
    (["007"], 7.0),
    (["2.5"], 2.5),
    (["0"], 1.0),
    (["301"], 300.0),
    (["9" * 5000], 300.0),
    (["0" * 5000 + "9"], 9.0),
    (["Mon, 21 Sep 2026 14:14:02 GMT"], 42.0),
    (["Monday, 21-Sep-26 14:14:02 GMT"], 42.0),
    (["Mon Sep 21 14:14:02 2026"], 42.0),
    (["Mon, 21 Sep 2026 14:14:02"], 42.0),
    (["Mon, 21 Sep 2026 14:14:02 -0000"], 42.0),
    (["Mon, 21 Sep 2020 14:14:02 GMT"], 1.0),
    (["Mon, 21 Sep 2037 14:14:02 GMT"], 300.0),
]
UNREADABLE = [
    [],
    [""],
    [" "],
    ["²"],
    ["\uff11\uff12"],
    ["1²"],
    ["1e3"],
    ["-5"],
    ["+5"],
    ["inf"],
    ["nan"],
    ["0x10"],
    ["1_0"],
    ["12 s"],
    ["12, 13"],
    ["12\n"],
    [None],
    [12],
    [b"12"],
    ["7", "7"],
    ["7", "9"],
    ["Mon, 99 Foo 2026 99:99:99 GMT"],
    ["Mon, 21 Sep 99999 14:14:02 GMT"],
    ["Mon, 21 Sep \uff12\uff10\uff12\uff16 14:14:02 GMT"],
    ["Mon, 31 Dec 9999 23:59:59 -2359", "1"],
    [",,,"],
    ["\udcff"],
]


@pytest.mark.parametrize(("values", "pause"), READ, ids=lambda value: repr(value)[:40])
def test_seconds_and_dates_are_read_and_kept_between_the_bounds(values: list[object], pause: float) -> None:
    assert parse_retry_after(values, now=NOW) == pause


@pytest.mark.parametrize("values", UNREADABLE, ids=repr)
def test_an_invalid_header_is_no_pause_and_raises_nothing(values: list[object]) -> None:
    assert parse_retry_after(values, now=NOW) is None


@given(st.lists(st.text() | st.floats().map(str) | st.integers().map(str) | st.datetimes().map(str) | st.none()))
def test_the_pause_of_any_header_is_within_the_bounds(values: list[object]) -> None:
    pause = parse_retry_after(values, now=NOW)
    assert pause is None or (math.isfinite(pause) and MIN_PAUSE <= pause <= MAX_PAUSE)


@given(st.floats(MIN_PAUSE, MAX_PAUSE), st.floats(0, 1))
def test_jitter_never_leaves_the_bounds_and_never_shortens_a_pause(pause: float, jitter: float) -> None:
    assert pause <= jittered(pause, jitter) <= min(MAX_PAUSE, pause * 1.1)


def test_a_pause_beyond_the_bound_is_not_made_longer() -> None:
    assert jittered(900.0, 1) == 900.0
