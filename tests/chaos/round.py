"""One round of chaos: a seed, a database, so many bots, and what came of it."""

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel
from bot.slack.timeouts import DELIVERY_TIMEOUTS
from tests.chaos.bot_processes import BotProcesses
from tests.chaos.evidence import Evidence, gather
from tests.chaos.faulty_servers import API_FAULTS, Arrivals, RandomFaults, WatchedApi, WatchedSlack, slack_faults
from tests.simulation.checker import CheckResult, check

FACTOR = 10.0
"""How many times as short as in production every wait of delivery is."""
POLL_SECONDS = 0.2
CHANNELS = 8
JOBS = 24
STEPS = ("running", "paused", "running", "queued")
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::{}"
CONVERGE_SECONDS = 60.0


@dataclass
class Result:
    """What came of a round."""

    seed: int
    counts: Mapping[str, int]
    checked: CheckResult
    converged_in: float
    sent_again: int
    """How often a bot sent what may have arrived: as many doubles as there can be."""
    slowest_stop: float
    problems: list[str] = field(default_factory=list)


class Round:
    """The stand-ins, the bots, and the jobs that change under them."""

    def __init__(
        self,
        seed: int,
        database_url: str,
        folder: Path,
        *,
        bots: int,
        seconds: float,
        freezes: float,
        place: str | None = None,
    ) -> None:
        self._seed, self._url, self._folder = seed, database_url, folder
        self._place = place or database_url
        """Where the bots find the database: another address where a pooler is before it."""
        self._bots, self._seconds = bots, seconds
        self._rng = random.Random(seed)  # noqa: S311 - the seed decides everything
        arrivals = Arrivals()
        self.slack = WatchedSlack(latency=0.02)
        self.api = WatchedApi(latency=0.01)
        self.slack.rate_limits.per_second = FACTOR
        self.slack.arrivals = self.api.arrivals = arrivals
        timeouts = DELIVERY_TIMEOUTS.shortened(FACTOR)
        self.slack.faults = self._slack_faults = RandomFaults(self._rng, slack_faults(timeouts.timeout))
        self.api.faults = self._api_faults = RandomFaults(self._rng, API_FAULTS)
        self._processes = BotProcesses({}, FACTOR, folder, arrivals, self._rng, freezes)
        self._channels: list[Channel] = []
        self._jobs: list[str] = []
        self._followers: dict[str, set[str]] = {}

    async def play(self) -> Result:
        """Play the round and check it."""
        async with self.slack, self.api:
            self._processes.environ = self._environ()
            await self._settle_in()
            self._slack_faults.is_off = self._api_faults.is_off = False
            until = time.monotonic() + self._seconds
            await asyncio.gather(
                self._change_jobs(until), *(self._processes.supervise(n, until) for n in range(self._bots))
            )
            self._slack_faults.is_off = self._api_faults.is_off = True
            seconds = await self._converge()
            return await self._checked(seconds)

    def _environ(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "OPENAI_API_KEY": self.api.key,
            "OPENAI_BASE_URL": self.api.base_url,
            "DATABASE_URL": self._place,
            "FTJOB_POLL_SECONDS": str(POLL_SECONDS),
        }

    async def _settle_in(self) -> None:
        """Let half of the channels subscribe and the others track some jobs, while all is calm."""
        olivia = self.slack.add_user("olivia", is_admin=True)
        self._channels = [self.slack.add_channel(f"c{n}") for n in range(CHANNELS)]
        self._jobs = [self.api.add_job(status="queued") for _ in range(JOBS)]
        bot = self._processes.start(0)
        await self.slack.wait_for_connection(seconds=30)
        for number, channel in enumerate(self._channels):
            if number % 2:
                await _say(olivia, "subscribe", channel)
                tracked = self._jobs
            else:
                tracked = self._rng.sample(self._jobs, 5)
                for job in tracked:
                    await _say(olivia, f"track {job}", channel)
            for job in tracked:
                self._followers.setdefault(job, set()).add(channel.id)
        await self._processes.stop(bot)

    async def _change_jobs(self, until: float) -> None:
        """Change jobs all the time, many at once now and then, create some, and end all of them in the end."""
        while time.monotonic() < until:
            burst = 30 if self._rng.random() < 0.03 else 1
            for _ in range(burst):
                job = self._rng.choice(self._jobs)
                status = self._rng.choice([step for step in STEPS if step != self.api.jobs[job]["status"]])
                self.api.change(job, status=status)
            if self._rng.random() < 0.03:
                self._add_job()
            await asyncio.sleep(self._rng.uniform(0.02, 0.15))
        for job in self._jobs:
            self.api.change(job, status="succeeded", fine_tuned_model=MODEL.format(job[-4:]))

    def _add_job(self) -> None:
        job = self.api.add_job(status="queued")
        self._jobs.append(job)
        self._followers[job] = {channel.id for number, channel in enumerate(self._channels) if number % 2}

    async def _converge(self) -> float:
        """Let the bots work in peace until nothing is pending, and stop them."""
        began = time.monotonic()
        bots = [self._processes.start(number) for number in range(self._bots)]
        while time.monotonic() - began < CONVERGE_SECONDS:
            await asyncio.sleep(0.05)
            evidence = await gather(self._url, self.slack)
            ends = {job: self._end_of(job) for job in self._jobs}
            if evidence.pending == 0 and all(evidence.states.get(job) == end for job, end in ends.items()):
                break
        seconds = time.monotonic() - began
        for bot in bots:
            await self._processes.stop(bot)
        return seconds

    def _end_of(self, job: str) -> tuple[str, str | None]:
        body = self.api.jobs[job]
        return body["status"], body["fine_tuned_model"]

    async def _checked(self, seconds: float) -> Result:
        evidence: Evidence = await gather(self._url, self.slack)
        ends = {job: self._end_of(job) for job in self._jobs}
        checked = check(self._followers, ends, evidence.changes, evidence.alerts, evidence.posted)
        problems = [f"a bot ended with {code}" for code in self._processes.bad_exits]
        problems += [] if evidence.pending == 0 else [f"{evidence.pending} deliveries are still pending"]
        problems += [f"the stand-in complains: {complaint}" for complaint in self.slack.violations[:3]]
        logs = "".join(path.read_text() for path in self._folder.glob("bot*.log"))
        problems += ["a traceback in a log"] if '"exception"' in logs and "IntegrityError" in logs else []
        again = logs.count('"delivery.resent"')
        return Result(
            self._seed, self._processes.counts, checked, seconds, again, self._processes.slowest_stop, problems
        )


async def _say(person: SandboxUser, text: str, channel: Channel) -> None:
    with contextlib.suppress(TimeoutError):
        exchange = await person.command(text, channel)
        await exchange.reply()
