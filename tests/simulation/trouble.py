"""What goes wrong with one request, decided by the plan, the moment, and luck."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.simulation.plan import FIRST_STEP, Plan, Window

PATIENCE = 10.0
"""Seconds after which the bot gives up waiting for an answer."""
AMBIGUOUS = frozenset({"dropped", "hangs", "bad_gateway", "internal_error", "garbage", "cut_short", "no_ts", "late"})
"""Troubles after which nobody can tell from the answer whether a message was posted."""


@dataclass(frozen=True)
class Trouble:
    """What happens to one request."""

    name: str
    processed_after: float | None = 0.02
    """Seconds until the server carries it out; None: it never does."""
    answer: Literal["true", "fake", "drop", "refuse", "hang"] = "true"
    answered_after: float = 0.05
    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ambiguous(self) -> bool:
        """Whether nobody can tell from the answer whether a message was posted."""
        return self.name in AMBIGUOUS


def fake(name: str, error: str, *, processed: float | None = None, status: int = 200, **headers: str) -> Trouble:
    """Return an answer of Slack's that says no."""
    body = json.dumps({"ok": False, "error": error})
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Trouble(name, processed, "fake", status=status, body=body, headers=named)


class Weather:
    """Decides what goes wrong."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._luck = random.Random(f"weather {plan.seed}")  # noqa: S311 - a simulation is repeatable
        self.hangs_next = False
        """Whether the next post hangs although it arrives: it is under way when somebody stops the bot."""
        self._stubborn: dict[str, list[Trouble]] = {}

    def window(self, kind: str, at: float) -> Window | None:
        """Return what of a kind is so at a moment."""
        return next((window for window in self._plan.windows if window.kind == kind and window.holds(at)), None)

    def of_post(self, at: float, key: str) -> Trouble:
        """Return what happens to a message on its way to Slack."""
        if self.hangs_next:
            self.hangs_next = False
            return Trouble("hangs", answer="hang")
        if whole := self._of_slack(at):
            return whole
        if stubborn := self._stubborn.get(key):
            return stubborn.pop()
        if self._is_calm(at) or self._luck.random() >= self._plan.odds.post:
            return self._calm(at)
        return self._lost_answer() if self._luck.random() < 0.65 else self._refusal(key)

    def of_look(self, at: float) -> Trouble:
        """Return what happens to any other question to Slack."""
        if whole := self._of_slack(at):
            return whole
        if self.window("blind", at):
            return self._luck.choice(
                [fake("ratelimited", "ratelimited", status=429, Retry_After="30"), fake("fatal", "fatal_error")]
            )
        if self._is_calm(at) or self._luck.random() >= self._plan.odds.look:
            return self._calm(at)
        return self._luck.choice(
            [
                fake("ratelimited", "ratelimited", status=429, Retry_After="5"),
                fake("internal_error", "internal_error"),
                Trouble("bad_gateway", None, "fake", status=502, body="<html>"),
                Trouble("hangs", None, "hang"),
                Trouble("dropped", None, "drop"),
            ]
        )

    def of_api(self, at: float) -> Trouble:
        """Return what happens to a question to the fine-tuning API; ``stale`` and ``lost`` are for it to make up."""
        if self.window("api_down", at):
            return self._luck.choice(
                [Trouble("refused", None, "refuse"), Trouble("unavailable", None, "fake", status=503)]
            )
        if self._is_calm(at) or self._luck.random() >= self._plan.odds.api:
            return self._calm(at)
        return self._luck.choice(
            [
                Trouble("error", None, "fake", status=500, body='{"error": {"message": "The server had an error."}}'),
                Trouble("limited", None, "fake", status=429, body='{"error": {}}', headers={"retry-after": "20"}),
                Trouble("garbage", None, "fake", body='{"object": "list", "da'),
                Trouble("dropped", None, "drop"),
                Trouble("hangs", None, "hang"),
                Trouble("stale"),
                Trouble("stale"),
                Trouble("lost", answered_after=2.0),
            ]
        )

    def _of_slack(self, at: float) -> Trouble | None:
        if self.window("slack_down", at):
            return self._luck.choice(
                [
                    Trouble("refused", None, "refuse"),
                    Trouble("unavailable", None, "fake", status=503, body="<html>unavailable"),
                    fake("service_unavailable", "service_unavailable"),
                ]
            )
        if self.window("token_revoked", at):
            return fake("token_revoked", "token_revoked")
        return None

    def _is_calm(self, at: float) -> bool:
        return not FIRST_STEP <= at < self._plan.storm

    def _calm(self, at: float) -> Trouble:
        if at < FIRST_STEP:
            return Trouble("calm", 0.001, answered_after=0.002)
        quick = self._luck.uniform(0.01, 0.2)
        return Trouble("calm", quick, answered_after=quick + self._luck.uniform(0.005, 0.2))

    def _lost_answer(self) -> Trouble:
        """Return a trouble in which the message may be posted, at once, late or not at all."""
        name = self._luck.choice(sorted(AMBIGUOUS))
        soon, given_up = self._luck.uniform(0.01, 0.1), PATIENCE if name in ("hangs", "late") else 0.15
        late = given_up + self._luck.uniform(0.0, self._plan.lateness)
        processed = self._luck.choice([soon, soon, None, late])
        match name:
            case "dropped":
                return Trouble(name, processed, "drop", answered_after=0.15)
            case "hangs":
                return Trouble(name, processed, "hang")
            case "late":
                return Trouble(name, late, answered_after=late)
            case "no_ts":
                return Trouble(name, processed, "fake", body='{"ok": true}')
            case "internal_error":
                return fake(name, self._luck.choice(["internal_error", "fatal_error"]), processed=processed)
            case "bad_gateway":
                status = self._luck.choice([500, 502, 503, 504])
                return Trouble(name, processed, "fake", status=status, body="<html>Bad gateway")
            case "cut_short":
                return Trouble(name, processed, "fake", body='{"ok": true, "ts": "17')
            case _:
                return Trouble(name, processed, "fake", body="[1, 2]")

    def _refusal(self, key: str) -> Trouble:
        """Return a trouble in which the message is certainly not posted."""
        limited = fake("ratelimited", "ratelimited", status=429, Retry_After=str(self._luck.randint(1, 60)))
        unknown = fake("unknown", "zebra_crossing")
        if self._luck.random() < 0.05:
            # Slack insists: the message is given up, for people to look at.
            self._stubborn[key] = [unknown] * 6
        return self._luck.choice(
            [
                limited,
                limited,
                unknown,
                fake("request_timeout", "request_timeout"),
                fake("our_fault", "invalid_blocks"),
                Trouble("refused", None, "refuse"),
            ]
        )
