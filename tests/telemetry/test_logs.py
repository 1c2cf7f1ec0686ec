"""What comes out of the log, whatever goes in: no secret, and one record for one event."""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_secrets import CORES, SECRETS

PROGRAM = """
import json, logging, sys, warnings
import structlog
from bot.telemetry import logs

logs.configure(sys.argv[1])
ours, theirs = structlog.get_logger(), logging.getLogger("a.library")

class Odd:
    def __init__(self, secret):
        self.secret = secret
    def __repr__(self):
        return f"Odd({self.secret})"

def fail(secret):
    try:
        raise ValueError(f"inside {secret}")
    except ValueError as error:
        raise RuntimeError({"token": secret}) from error

for secret in json.load(sys.stdin):
    ours.warning("an.event", value=secret, nested={"a": [{secret: (secret,)}], "b": {secret}}, odd=Odd(secret), raw=secret.encode())
    ours.warning(f"an.event {secret}")
    theirs.warning(f"message {secret}")
    theirs.warning("args %s %r %s", secret, {"key": [secret]}, Odd(secret))
    theirs.warning("named %(token)s", {"token": secret})
    theirs.warning("extra", extra={"token": secret, "deep": {"list": [secret]}})
    theirs.warning("GET https://host/path?token=%s&limit=1", secret)
    theirs.warning("half %d", secret)
    theirs.warning("stack", stack_info=True)
    warnings.warn(f"deprecated {secret}")
    try:
        fail(secret)
    except RuntimeError:
        ours.exception("it.broke")
        theirs.exception("it broke")
        theirs.warning("again", exc_info=True, extra={"token": secret})
if sys.argv[2] == "crash":
    fail(secret)
"""


def logged(style: str, values: list[str], *, program: str = PROGRAM, end: str = "") -> str:
    """Log values in every way there is, in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, style, end],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_way_into_the_log_lets_a_secret_through(style: str) -> None:
    assert len(SECRETS) >= 40
    said = logged(style, SECRETS, end="crash")
    assert [core for core in CORES if core in said] == []
    assert said.count("an.event") == 2 * len(SECRETS)
    assert said.count("it.broke") == len(SECRETS)
    assert said.count("process.crashed") == 1
    assert said.count("couldn't be written") == len(SECRETS)
    assert "inside" in said


HOSTILE = {
    "newline: a forged line": "ftjob-a\r\nERROR forged line",
    "newline: other ends of a line": "a\x0bforged\x0cforged\x85forged\u2028forged\u2029forged",
    "terminal: a terminal's orders": "\x1b[2J\x1b]0;x\x07",
    "half of a pair": "\ud800",
    "right to left": "\u202eforged",
}
FIELD = """
import json, sys, structlog
from bot.telemetry import logs

logs.configure(sys.argv[1])
[value] = json.load(sys.stdin)
try:
    raise ValueError(value)
except ValueError:
    structlog.get_logger().exception("an.event", value=value, nested=[{value: value}])
"""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_one_event_is_one_record_whatever_its_values_hold(text: str) -> None:
    [line] = logged("json", [text], program=FIELD).splitlines()
    record: dict[str, Any] = json.loads(line)
    assert record["value"].isprintable()
    assert record["exception"][0]["exc_value"].isprintable()

    first, *more = logged("console", [text], program=FIELD).split("\n")
    assert "an.event" in first
    assert (first + "".join(more)).isprintable()
    assert [line for line in more if line and not line.startswith("    ")] == []


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_value_is_cut(style: str) -> None:
    said = logged(style, ["x" * 5000], program=FIELD)
    assert "x" * 119 + {"console": "…", "json": "\\u2026"}[style] in said
    assert len(said) < 5000


CHATTY = """
import os, sys, structlog
from bot.telemetry import logs
from bot.telemetry.metrics import LOG_LINES_DROPPED

logs.configure("json")
for number in range(20_000):
    structlog.get_logger().info("a.line", number=number, text="x" * 100)
print(int(LOG_LINES_DROPPED._value.get()), flush=True)
sys.stdin.read(1)
structlog.get_logger().info("the.last")
if sys.argv[1] == "break":
    raise ValueError("the end")
sys.exit(3)
"""
PIPE_BYTES = 4096


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that holds very little."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield reading, writing
    os.close(writing)
    os.close(reading)


def started(writing: int, how: str = "") -> "subprocess.Popen[str]":
    """Start a process that logs far more than anybody reads."""
    program = [sys.executable, "-c", CHATTY, how]
    return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing, text=True)


@pytest.mark.parametrize(("how", "code"), [("", 3), ("break", 1)])
def test_a_process_whose_log_nobody_reads_works_on_and_ends(pipe: tuple[int, int], how: str, code: int) -> None:
    reading, writing = pipe
    process = started(writing, how)
    assert process.stdout
    dropped = int(process.stdout.readline())
    assert 0 < dropped < 20_000
    process.communicate("x", timeout=30)
    assert process.returncode == code
    assert len(os.read(reading, 2 * PIPE_BYTES)) <= PIPE_BYTES


def test_what_waited_is_written_once_somebody_reads_and_what_was_dropped_is_counted(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    process = started(writing)
    assert process.stdin
    assert process.stdout
    dropped = int(process.stdout.readline())
    said = b""
    while b"log.lines_dropped" not in said:
        said += os.read(reading, 65536)
    process.stdin.write("x")
    process.stdin.close()
    while b"the.last" not in said:
        said += os.read(reading, 65536)
    assert process.wait(30) == 3
    process.stdout.close()

    numbers = [int(found) for found in re.findall(rb'"number": (\d+)', said)]
    assert numbers == list(range(20_000 - dropped)), "the first lines are kept, in their order"
    assert [json.loads(line)["lines"] for line in said.splitlines() if b"log.lines_dropped" in line] == [dropped]


def test_a_log_that_nobody_can_read_any_more_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = started(writing)
    os.close(writing)
    assert process.stdout
    assert int(process.stdout.readline()) >= 0
    process.communicate("x", timeout=30)
    assert process.returncode == 3
