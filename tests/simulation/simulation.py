"""One seed from its beginning to the verdict."""

import asyncio
import hashlib
import json
import random
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from bot.app.build import Parts
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack.installed_app import InstalledApp, from_manifest
from bot.sandbox.slack.server import SCOPES, Slack
from bot.sandbox.slack.workspace import Channel
from tests.simulation import evidence
from tests.simulation.bot import possible_duplicates, reopened, set_up
from tests.simulation.checker import CheckResult, check
from tests.simulation.fault_schedule import FaultSchedule
from tests.simulation.instance import Instance
from tests.simulation.network import Network, NetworkCounts
from tests.simulation.plan import FIRST_STEP, JobPlan, JobUpdate, Plan, ProcessEnd, Window, plan_of
from tests.simulation.world import EPOCH, World, seeded_store

MAX_CATCH_UP = 2 * 3600.0
"""Seconds after the faults within which everything that is pending has to be delivered."""
CHECK_SECONDS = 20.0
_FOREVER = ProcessEnd("moment", 10 * 24 * 3600.0, 0)


@dataclass
class Result:
    """What came of one seed."""

    plan: Plan
    checked: CheckResult
    counts: NetworkCounts
    crashes: int
    stops: int
    counted: int
    """Possible duplicates that the bot counted."""
    virtual: float
    wall: float
    digest: str
    """The hash of all that passed."""
    errors: dict[str, int] = field(default_factory=dict)
    """What living incarnations logged as errors, by event."""


def simulate(seed: int, *, has_lookup: bool = True) -> Result:
    """Run one seed in a folder of its own."""
    began = time.perf_counter()
    plan = plan_of(seed, has_lookup=has_lookup)
    with seeded_store(seed) as file:
        simulation = Simulation(plan, file)
        counted = possible_duplicates()
        virtual = simulation.run()
        return Result(
            plan=plan,
            checked=simulation.check(),
            counts=simulation.network.counts,
            crashes=simulation.crashes,
            stops=simulation.stops,
            counted=round(possible_duplicates() - counted),
            virtual=virtual,
            wall=time.perf_counter() - began,
            digest=simulation.digest(),
            errors=simulation.errors,
        )


class Simulation(World[float]):
    """A world and the lives of the bot in it."""

    def __init__(self, plan: Plan, file: Path) -> None:
        super().__init__()
        self.plan, self._file = plan, file
        self.slack = Slack(clock=self.clock, installed_app=_installed_app(plan))
        self.api = FineTuningApi(clock=self.clock, request_log=RequestLog(self.clock))
        self.network = Network(self.slack, self.api, FaultSchedule(plan), self.failpoint)
        self.channels: dict[str, Channel] = {
            place.name: self._open(place.name, place.kind) for place in plan.recipients
        }
        self.crashes = self.stops = 0
        self.errors: dict[str, int] = {}
        self.instance: Instance | None = None
        self._is_set_up = False

    @override
    async def live(self, loop: asyncio.AbstractEventLoop) -> float:
        """Live through everything; return the virtual seconds that it took."""
        self._schedule(loop)
        for end in self.plan.ends:
            if loop.time() >= self.plan.faults_end:
                break
            life = self._begin()
            await life.end(end)
            self.crashes += life.is_dead
            self.stops += not life.is_dead
            await asyncio.sleep(end.pause)
        last = self._begin()
        ending = asyncio.create_task(last.end(_FOREVER))
        await self._until_quiet(ending, loop)
        ending.cancel()
        await asyncio.wait({ending})
        await last.end(ProcessEnd("stop", 0, 0))
        return loop.time()

    def check(self) -> CheckResult:
        """Return what the checker says of it."""
        with sqlite3.connect(self._file) as store:
            followers = {job.id: {self.channels[name].id for name in self._followers(job)} for job in self.plan.jobs}
            changes, alerts, cards = evidence.changes(store), evidence.alerts(store), evidence.cards(store)
        store.close()
        ends = {job.id: job.end for job in self.plan.jobs}
        return check(followers, ends, changes, alerts, evidence.posted(self.slack), cards=cards)

    def digest(self) -> str:
        """Return the hash of everything in Slack and everything that passed."""
        passed = [
            [round(entry.at, 6), entry.endpoint, entry.status, entry.accepted] for entry in self.slack.request_log
        ]
        stands = [[m.channel, m.ts, m.thread_ts, m.plain_text, m.metadata] for m in evidence.messages(self.slack)]
        return hashlib.sha256(json.dumps([passed, stands]).encode()).hexdigest()

    @override
    def note_error(self, event: str) -> None:
        """Keep what a living incarnation logged as an error."""
        if self.instance and not self.instance.is_dead:
            self.errors[event] = self.errors.get(event, 0) + 1

    def _begin(self) -> Instance:
        rng = random.Random(f"disk {self.plan.seed} {self.crashes} {self.stops}")  # noqa: S311 - repeatable
        self.instance = Instance(self.network, self._file, interval=self.plan.interval, clock=self.clock, rng=rng)
        self.instance.begin(self._prepare)
        return self.instance

    async def _prepare(self, parts: Parts) -> None:
        if self._is_set_up:
            return
        await set_up(parts, self.network, self.plan, {name: channel.id for name, channel in self.channels.items()})
        self._is_set_up = True
        assert self.clock() < EPOCH + FIRST_STEP

    @override
    def failpoint(self, point: str) -> None:
        if self.instance:
            self.instance.failpoint(point)

    async def _until_quiet(self, ending: asyncio.Task[None], loop: asyncio.AbstractEventLoop) -> None:
        """Wait until the faults are over, everything that happened was seen, and nothing is pending."""
        await asyncio.wait({ending}, timeout=max(0.0, self.plan.faults_end - loop.time()) + 3 * self.plan.interval)
        begun = loop.time()
        while not ending.done() and loop.time() < begun + MAX_CATCH_UP:
            if not self._is_pending():
                break
            await asyncio.wait({ending}, timeout=CHECK_SECONDS)
        if ending.done():
            await ending
        await asyncio.wait({ending}, timeout=60.0)

    def _is_pending(self) -> bool:
        store = sqlite3.connect(self._file)
        try:
            seen = evidence.states(store)
            return (
                evidence.pending(store) > 0
                or evidence.stale(store) > 0
                or any(seen.get(job.id) != job.end for job in self.plan.jobs if self._followers(job))
            )
        finally:
            store.close()

    def _followers(self, job: JobPlan) -> set[str]:
        subscribed = {place.name for place in self.plan.recipients if place.is_subscribed}
        return set(job.followers) | subscribed

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        for job in self.plan.jobs:
            loop.call_at(job.appears, lambda name: self.api.add_job(id=name), job.id)
            for moment in job.updates:
                loop.call_at(moment.at, self._change, job.id, moment)
        for number in range(self.plan.extra_jobs):
            at = 50.0 + number
            loop.call_at(at, lambda name: self.api.add_job(id=name, status="running"), f"ftjob-x{number:03d}")
        for window in self.plan.windows:
            if window.kind == "channel_closed":
                loop.call_at(window.start, self._close, window)
                loop.call_at(window.end, self._reopen, window)

    def _change(self, job: str, moment: JobUpdate) -> None:
        self.api.change(job, **moment.fields)

    def _close(self, window: Window) -> None:
        channel = self.channels[window.recipient]
        if channel.is_private:
            channel.remove_bot()
        else:
            channel.is_archived = True

    def _reopen(self, window: Window) -> None:
        channel = self.channels[window.recipient]
        channel.is_archived = False
        channel.add_bot()
        if self.instance and self.instance.parts and not self.instance.is_dead:
            # The event reaches whichever incarnation lives; one that dies over it, or is not there, never hears of it.
            self.instance.spawn(reopened(self.instance.parts, channel.id))

    def _open(self, name: str, kind: str) -> Channel:
        if kind == "person":
            return self.slack.direct_message(self.slack.add_user(name))
        return self.slack.add_channel(name, is_private=kind == "private")


def _installed_app(plan: Plan) -> InstalledApp:
    scopes = (scope for scope in SCOPES if plan.has_history or not scope.endswith(":history"))
    return from_manifest().with_overrides(scopes=scopes)
