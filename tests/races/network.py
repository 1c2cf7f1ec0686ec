"""Network of a race: records each action request, with what its process had read and committed by then."""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path
from typing import cast

from typing_extensions import override

from bot.jobs.actions import Decision
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.server import ServerResponse
from bot.sandbox.slack.server import Slack
from tests.races.checker import SentAction
from tests.races.plan import ASKED, FAULT_FREE, Plan, read_fault
from tests.simulation.fault_schedule import FaultSchedule, InjectedFault
from tests.simulation.network import Failpoint, Network

USER_ACTION: ContextVar[int | None] = ContextVar("ACT", default=None)
"""The number of the act that is carried out here."""


class ApiNetwork(Network):
    """The way to the fine-tuning API, for every process."""

    def __init__(
        self, plan: Plan, api: FineTuningApi, file: Path, clock: Callable[[], float], passing: Failpoint
    ) -> None:
        super().__init__(Slack(clock=clock), api, cast("FaultSchedule", None), passing)
        self.posts: list[SentAction] = []
        self._plan, self._file = plan, file
        self._rng = random.Random(f"wires {plan.seed}")  # noqa: S311 - a race is repeatable
        self._last_read: dict[int | None, str] = {}

    @override
    async def call_api(self, what: str, path: Mapping[str, str], query: Mapping[str, str]) -> ServerResponse:
        verb, act = what.split(maxsplit=1)[0], USER_ACTION.get()
        self.failpoint(f"wire.before {verb}")
        answer = await super().call_api(what, path, query)
        self.failpoint(f"wire.after {verb}")
        if verb == "GET" and isinstance(answer.body, dict) and "status" in answer.body:
            self._last_read[act] = answer.body["status"]
        return answer

    @override
    def api_fault(self, what: str) -> InjectedFault:
        now = asyncio.get_running_loop().time()
        trouble = self._no_fault()
        if what.startswith("POST"):
            number = len(self.posts)
            trouble = self._plan.posts[number] if number < len(self._plan.posts) else trouble
            act = USER_ACTION.get()
            self.posts.append(SentAction(act, self._last_read.get(act), self._submitted(), trouble.name))
        elif ASKED + FAULT_FREE <= now < self._plan.faults_end:
            # Mostly after the action: a race in which no read ever works has none.
            odds = self._plan.read_fault_rate if self.posts else self._plan.read_fault_rate / 4
            trouble = read_fault(self._rng) if self._rng.random() < odds else trouble
        return trouble

    def _no_fault(self) -> InjectedFault:
        there = self._rng.uniform(0.005, 0.1)
        return InjectedFault("calm", there, answered_after=there + self._rng.uniform(0.005, 0.1))

    def _submitted(self) -> frozenset[str]:
        """Return the actions that are in the audit: a connection of its own sees what is committed."""
        with closing(sqlite3.connect(self._file)) as store:
            rows = store.execute("SELECT confirmation_key FROM audit WHERE decision = ?", [Decision.SUBMITTED])
            return frozenset(key for (key,) in rows)
