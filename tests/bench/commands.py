"""Slash commands over signed HTTP: how soon they are acknowledged, and how many are answered in full."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

from bot.sandbox.processes import free_port
from tests.bench.figures import Figure, Part, at_least, percentile, plain
from tests.bench.processes import StandIns, cpu_seconds, process, until_listening

ROUNDS = 6
ALONE = 150
"""Commands of a round in which each waits for the answer to the one before."""
TOGETHER, AT_ONCE = 1500, 8
"""Commands of a round in which several are under way, and how many."""
WARM_UP = 20
LEAST_FASTER = 5.0
LEAST_OF_THE_RATE = 0.7
TEXT = "help"
BARE, UNLIMITED = (Path(__file__).with_name(name) for name in ("bare_bolt.py", "unlimited.py"))

Kind = Literal["documented", "fast"]


@dataclass
class Side:
    """One process that answers commands, and what was measured of it."""

    url: str
    pid: int
    acks: list[float] = field(default_factory=list)
    """Milliseconds to acknowledgement of all rounds."""
    ack_medians: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    """Commands answered in a second, round by round."""
    cpu: list[float] = field(default_factory=list)
    """Milliseconds of processor time for a command, round by round; empty where it cannot be told."""

    async def type_alone(self, standins: StandIns) -> None:
        """Measure one round of commands that come one after the other over one connection."""
        typed = await _type(standins, self.url, count=ALONE, at_once=1)
        acks = [seconds * 1000 for seconds in typed["acks"]]
        self.acks += acks
        self.ack_medians.append(median(acks))

    async def type_together(self, standins: StandIns) -> None:
        """Measure one round of commands of which several are under way."""
        used = cpu_seconds(self.pid)
        typed = await _type(standins, self.url, count=TOGETHER, at_once=AT_ONCE)
        self.rates.append(TOGETHER / typed["seconds"])
        if used is not None:
            self.cpu.append(((cpu_seconds(self.pid) or used) - used) / TOGETHER * 1000)


async def measure(standins: StandIns, folder: Path) -> Part:
    """Measure the bot against both bare listeners, round by round in turn."""
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(_bot(standins, folder))
        answer = (await _type(standins, ours.url, count=WARM_UP, at_once=1))["answer"]
        documented = await stack.enter_async_context(_bare(standins, folder, "documented", answer))
        fast = await stack.enter_async_context(_bare(standins, folder, "fast", answer))
        for side in (documented, fast):
            await _check(standins, side, answer)
        alone, together = [ours, documented, fast], [ours, fast]
        for _ in range(ROUNDS):
            for side in alone:
                await side.type_alone(standins)
            for side in together:
                await side.type_together(standins)
            alone.reverse()
            together.reverse()
    return Part("Slash commands over HTTP", [*_acknowledged(ours, documented, fast), *_answered(ours, fast)])


def _acknowledged(ours: Side, documented: Side, fast: Side) -> list[Figure]:
    pairs = zip(documented.ack_medians, ours.ack_medians, strict=True)
    figures = []
    for name, side in (("the bot", ours), ("Bolt as documented", documented), ("the fastest Bolt", fast)):
        figures += [plain(f"acknowledged p{p}, {name}", percentile(side.acks, p), unit=" ms") for p in (50, 99)]
    faster = median(theirs / mine for theirs, mine in pairs)
    return [*figures, at_least("acknowledged sooner than as documented, p50", faster, LEAST_FASTER, unit="x", digits=1)]


def _answered(ours: Side, fast: Side) -> list[Figure]:
    ratio = median(mine / theirs for mine, theirs in zip(ours.rates, fast.rates, strict=True))
    figures = [
        plain("/ftjob help answered in full, the bot", median(ours.rates), unit="/s", digits=0),
        plain("the same answer, the fastest Bolt", median(fast.rates), unit="/s", digits=0),
        at_least("the bot's rate in parts of that", ratio, LEAST_OF_THE_RATE),
    ]
    if ours.cpu:
        figures += [
            plain("processor time of a command, the bot", median(ours.cpu), unit=" ms"),
            plain("processor time of a command, the fastest Bolt", median(fast.cpu), unit=" ms"),
        ]
    return figures


async def _type(standins: StandIns, url: str, *, count: int, at_once: int) -> dict[str, Any]:
    typed: dict[str, Any] = await standins.ask("type", url=url, text=TEXT, count=count, at_once=at_once)
    return typed


async def _check(standins: StandIns, side: Side, answer: str) -> None:
    """Warm a bare listener up, and see to it that it says what the bot says.

    Raises:
        RuntimeError: it says something else.
    """
    said = json.loads((await _type(standins, side.url, count=WARM_UP, at_once=1))["answer"])
    if said["blocks"] != json.loads(answer)["blocks"]:
        raise RuntimeError(f"the listener at {side.url} gives another answer")


@asynccontextmanager
async def _bot(standins: StandIns, folder: Path) -> AsyncIterator[Side]:
    port = free_port()
    environ = standins.environ(folder, 100, **standins.http(port))
    async with process(str(UNLIMITED), environ=environ, folder=folder) as running:
        await until_listening(port)
        yield Side(f"http://127.0.0.1:{port}/slack/events", running.pid)


@asynccontextmanager
async def _bare(standins: StandIns, folder: Path, kind: Kind, answer: str) -> AsyncIterator[Side]:
    port = free_port()
    environ = standins.environ(folder, 100, **standins.http(port), ANSWER=answer)
    async with process(str(BARE), kind, str(port), environ=environ, folder=folder) as running:
        await until_listening(port)
        yield Side(f"http://127.0.0.1:{port}/slack/events", running.pid)
