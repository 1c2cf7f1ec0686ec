"""The wires of a race: they notice each order that leaves, with what its sender had read and stored by then."""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path
from typing import cast

from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.server import Answer
from bot.sandbox.slack.server import Slack
from bot.store.actions.audit import Decision
from tests.races.checker import Post
from tests.races.plan import ASKED, CALM, Plan, of_look
from tests.simulation.trouble import Trouble, Weather
from tests.simulation.wires import Passing, World

ACT: ContextVar[int | None] = ContextVar("ACT", default=None)
"""The number of the act that is carried out here."""


class Wires(World):
    """The way to the fine-tuning API, for every process."""

    def __init__(
        self, plan: Plan, api: FineTuningApi, file: Path, clock: Callable[[], float], passing: Passing
    ) -> None:
        super().__init__(Slack(clock=clock), api, cast("Weather", None), passing)
        self.posts: list[Post] = []
        self._plan, self._file = plan, file
        self._luck = random.Random(f"wires {plan.seed}")  # noqa: S311 - a race is repeatable
        self._said: dict[int | None, str] = {}

    async def ask_api(self, what: str, path: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        verb, act = what.split(maxsplit=1)[0], ACT.get()
        self.passing(f"wire.before {verb}")
        answer = await super().ask_api(what, path, query)
        self.passing(f"wire.after {verb}")
        if verb == "GET" and isinstance(answer.body, dict) and "status" in answer.body:
            self._said[act] = answer.body["status"]
        return answer

    def api_trouble(self, what: str) -> Trouble:
        now = asyncio.get_running_loop().time()
        trouble = self._calm()
        if what.startswith("POST"):
            number = len(self.posts)
            trouble = self._plan.posts[number] if number < len(self._plan.posts) else trouble
            act = ACT.get()
            self.posts.append(Post(act, self._said.get(act), self._ordered(), trouble.name))
        elif ASKED + CALM <= now < self._plan.storm:
            # Mostly after the order: a race in which no look ever works has none.
            odds = self._plan.look_odds if self.posts else self._plan.look_odds / 4
            trouble = of_look(self._luck) if self._luck.random() < odds else trouble
        return trouble

    def _calm(self) -> Trouble:
        there = self._luck.uniform(0.005, 0.1)
        return Trouble("calm", there, answered_after=there + self._luck.uniform(0.005, 0.1))

    def _ordered(self) -> frozenset[str]:
        """Return the orders that are in the audit: a connection of its own sees what is committed."""
        with closing(sqlite3.connect(self._file)) as store:
            rows = store.execute("SELECT question FROM audit WHERE decision = ?", [Decision.ORDERED])
            return frozenset(key for (key,) in rows)
