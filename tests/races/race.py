"""One race from its beginning to what can be seen after it."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from typing_extensions import override

from bot.blocks import Message
from bot.blocks.action_confirmation import CONFIRM
from bot.commands.actions import CancelCommand
from bot.commands.command import Command, Requester
from bot.commands.confirm import ConfirmCommand
from bot.commands.run import run
from bot.sandbox.openai.api.job_store import FINAL
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.request_log import RequestLog
from bot.slack.directory.members import Person, UnknownReason
from tests.races import rows
from tests.races.checker import ButtonPress, Evidence, check
from tests.races.cluster import CHANNEL, JOB, PEOPLE, Cluster, Process
from tests.races.network import USER_ACTION, ApiNetwork
from tests.races.plan import ASKED, FAULT_FREE, Plan, UserAction, plan_of
from tests.simulation.world import World, seeded_store

LONGEST = 600.0
"""Seconds after the faults within which every action has to have its end."""
CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class Result:
    """What came of one race."""

    plan: Plan
    evidence: Evidence
    broken: list[str]
    crashes: int
    digest: str
    """The hash of all that is in the evidence, but for the keys, which are secret and new each time."""


def race(seed: int) -> Result:
    """Run one race in a folder of its own."""
    plan = plan_of(seed)
    with seeded_store(seed) as file:
        course = Race(plan, file)
        evidence = course.run()
    return Result(plan, evidence, check(evidence), course.cluster.crashes, _digest(evidence))


class Race(World[Evidence]):
    """Two people, one job, and the processes between them."""

    def __init__(self, plan: Plan, file: Path) -> None:
        super().__init__()
        self._plan, self._file = plan, file
        self.api = FineTuningApi(clock=self.clock, request_log=RequestLog(self.clock))
        self.api.add_job(id=JOB, status=plan.status)
        self.cluster = Cluster(plan, file, self.clock)
        self.network = ApiNetwork(plan, self.api, file, self.clock, self.cluster.failpoint)
        self._errors: list[str] = []
        self._keys: dict[int, str] = {}
        self._presses: dict[int, ButtonPress] = {}
        self._busy: set[asyncio.Task[None]] = set()

    @override
    def note_error(self, event: str) -> None:
        """Keep what a living process logged as an error."""
        if not self.cluster.is_dead_here():
            self._errors.append(event)

    @override
    def failpoint(self, point: str) -> None:
        self.cluster.failpoint(point)

    @override
    async def live(self, loop: asyncio.AbstractEventLoop) -> Evidence:
        """Live through everything."""
        for at, status in self._plan.updates:
            loop.call_at(at, self._change, status)
        async with self.cluster.running(self.network):
            for number, act in enumerate(self._plan.user_actions):
                loop.call_at(act.at, self._begin, number, act)
            await asyncio.sleep(ASKED + FAULT_FREE - 0.5 - loop.time())
            self.cluster.begin_faults()
            await self._until_over(loop)
            first_broken = await (await self.cluster.parts(0)).store.actions.audit.first_broken()
        with closing(sqlite3.connect(self._file)) as file:
            return Evidence(
                status=self._status,
                known=rows.known(file),
                is_tracked=self._plan.is_tracked,
                posts=self.network.posts,
                presses=list(self._presses.values()),
                rows=rows.audit(file),
                notices=rows.lines(file),
                first_broken=first_broken,
                errors=self._errors,
            )

    @property
    def _status(self) -> str:
        return str(self.api.jobs[JOB]["status"])

    def _change(self, status: str) -> None:
        if self._status not in FINAL:
            self.api.change(JOB, status=status)

    def _begin(self, number: int, act: UserAction) -> None:
        """Let Slack hand an act to a process; where none is there, the person sees that and it is as if it never was."""
        process, requester = self.cluster.process(act.process), Requester(PEOPLE[act.person], CHANNEL, "T1")
        key = self._keys.get(1 - act.person if act.kind == "press_other" else act.person)
        if process is None or (act.kind != "ask" and key is None):
            return
        if act.kind == "ask":
            command: Command = CancelCommand(requester, job_ids=(JOB,))
        else:
            command = ConfirmCommand(replace(requester, source="button"), key=key or "")
            self._presses[number] = ButtonPress(number, requester.person, key or "", None, None)
        task = process.spawn(self._carry_out(number, act, command, process))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _carry_out(self, number: int, act: UserAction, command: Command, process: Process) -> None:
        USER_ACTION.set(number)
        assert process.parts
        who = Person(command.requester.person, is_admin=True) if act.is_seen else UnknownReason.UNREACHABLE
        reply = await run(command, who, process.parts.services, process.parts.access)
        if process.is_dead:
            return
        for key in _confirm_buttons(reply.message):
            self._keys[act.person] = key
        if press := self._presses.get(number):
            said, is_cancelled = reply.message.text, self._status == "cancelled"
            self._presses[number] = replace(press, said=said, decision=reply.decision, was_cancelled=is_cancelled)

    async def _until_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until the faults are over, everybody has an answer, and no action is under way."""
        calm = max(self._plan.faults_end, self._plan.user_actions[-1].at)
        await asyncio.sleep(calm - loop.time())
        while loop.time() < calm + LONGEST and (self._busy or self._is_under_way()):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(CHECK_SECONDS)

    def _is_under_way(self) -> bool:
        with closing(sqlite3.connect(self._file)) as file:
            return rows.under_way(file)


def _confirm_buttons(message: Message) -> Iterator[str]:
    for block in message.blocks:
        for element in block.get("elements", []):
            if element.get("action_id") == CONFIRM:
                yield element["value"]


def _digest(evidence: Evidence) -> str:
    names: dict[str | None, int] = {None: 0}

    def name(key: str | None) -> int:
        return names.setdefault(key, len(names))

    seen = [
        [evidence.status, evidence.known, evidence.first_broken, list(evidence.errors)],
        [[post.user_action, post.read, len(post.submitted), post.fault] for post in evidence.posts],
        [[press.user_action, name(press.key), press.said, press.decision] for press in evidence.presses],
        [[round(row.at, 6), row.person, row.source, row.decision, name(row.key)] for row in evidence.rows],
        [[line.to, line.kind, line.how, line.said] for line in evidence.notices],
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()
