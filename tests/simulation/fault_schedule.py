"""Fault schedule: the fault of each request, decided by plan, time and a seeded random number."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.simulation.plan import FIRST_STEP, Plan, Window

TIMEOUT = 10.0
"""Seconds after which the bot gives up waiting for an answer."""
UNCONFIRMED = frozenset({"dropped", "hangs", "bad_gateway", "internal_error", "garbage", "cut_short", "no_ts", "late"})
"""Faults after which the answer does not tell whether a message was posted."""


@dataclass(frozen=True)
class InjectedFault:
    """A fault of one request."""

    name: str
    processed_after: float | None = 0.02
    """Seconds until the server carries it out; None: it never does."""
    answer: Literal["true", "fake", "drop", "refuse", "hang"] = "true"
    answered_after: float = 0.05
    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_unconfirmed(self) -> bool:
        """Whether the answer leaves open whether a message was posted."""
        return self.name in UNCONFIRMED


def slack_error(
    name: str, error: str, *, processed: float | None = None, status: int = 200, **headers: str
) -> InjectedFault:
    """Return an error response of Slack."""
    body = json.dumps({"ok": False, "error": error})
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return InjectedFault(name, processed, "fake", status=status, body=body, headers=named)


class FaultSchedule:
    """Picks the fault of each request."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rng = random.Random(f"weather {plan.seed}")  # noqa: S311 - a simulation is repeatable
        self.hangs_next = False
        """Whether the next post hangs although it arrives: it is under way when somebody stops the bot."""
        self._repeated: dict[str, list[InjectedFault]] = {}

    def window(self, kind: str, at: float) -> Window | None:
        """Return what of a kind is so at a moment."""
        return next((window for window in self._plan.windows if window.kind == kind and window.holds(at)), None)

    def for_post(self, at: float, key: str) -> InjectedFault:
        """Return the fault of a post."""
        if self.hangs_next:
            self.hangs_next = False
            return InjectedFault("hangs", answer="hang")
        if whole := self._slack_outage(at):
            return whole
        if stubborn := self._repeated.get(key):
            return stubborn.pop()
        if self._is_fault_free(at) or self._rng.random() >= self._plan.fault_rates.post:
            return self._no_fault(at)
        return self._lost_answer() if self._rng.random() < 0.65 else self._rejected(key)

    def for_lookup(self, at: float) -> InjectedFault:
        """Return the fault of any other Slack request."""
        if whole := self._slack_outage(at):
            return whole
        if self.window("blind", at):
            return self._rng.choice(
                [
                    slack_error("ratelimited", "ratelimited", status=429, Retry_After="30"),
                    slack_error("fatal", "fatal_error"),
                ]
            )
        if self._is_fault_free(at) or self._rng.random() >= self._plan.fault_rates.lookup:
            return self._no_fault(at)
        return self._rng.choice(
            [
                slack_error("ratelimited", "ratelimited", status=429, Retry_After="5"),
                slack_error("internal_error", "internal_error"),
                InjectedFault("bad_gateway", None, "fake", status=502, body="<html>"),
                InjectedFault("hangs", None, "hang"),
                InjectedFault("dropped", None, "drop"),
            ]
        )

    def for_api(self, at: float) -> InjectedFault:
        """Return what happens to a question to the fine-tuning API; ``stale`` and ``lost`` are for it to make up."""
        if self.window("api_down", at):
            return self._rng.choice(
                [InjectedFault("refused", None, "refuse"), InjectedFault("unavailable", None, "fake", status=503)]
            )
        if self._is_fault_free(at) or self._rng.random() >= self._plan.fault_rates.api:
            return self._no_fault(at)
        return self._rng.choice(
            [
                InjectedFault(
                    "error", None, "fake", status=500, body='{"error": {"message": "The server had an error."}}'
                ),
                InjectedFault("limited", None, "fake", status=429, body='{"error": {}}', headers={"retry-after": "20"}),
                InjectedFault("garbage", None, "fake", body='{"object": "list", "da'),
                InjectedFault("dropped", None, "drop"),
                InjectedFault("hangs", None, "hang"),
                InjectedFault("stale"),
                InjectedFault("stale"),
                InjectedFault("lost", answered_after=2.0),
            ]
        )

    def _slack_outage(self, at: float) -> InjectedFault | None:
        if self.window("slack_down", at):
            return self._rng.choice(
                [
                    InjectedFault("refused", None, "refuse"),
                    InjectedFault("unavailable", None, "fake", status=503, body="<html>unavailable"),
                    slack_error("service_unavailable", "service_unavailable"),
                ]
            )
        if self.window("token_revoked", at):
            return slack_error("token_revoked", "token_revoked")
        return None

    def _is_fault_free(self, at: float) -> bool:
        return not FIRST_STEP <= at < self._plan.faults_end

    def _no_fault(self, at: float) -> InjectedFault:
        if at < FIRST_STEP:
            return InjectedFault("calm", 0.001, answered_after=0.002)
        quick = self._rng.uniform(0.01, 0.2)
        return InjectedFault("calm", quick, answered_after=quick + self._rng.uniform(0.005, 0.2))

    def _lost_answer(self) -> InjectedFault:
        """Return a trouble in which the message may be posted, at once, late or not at all."""
        name = self._rng.choice(sorted(UNCONFIRMED))
        soon, given_up = self._rng.uniform(0.01, 0.1), TIMEOUT if name in ("hangs", "late") else 0.15
        late = given_up + self._rng.uniform(0.0, self._plan.late_processing)
        processed = self._rng.choice([soon, soon, None, late])
        match name:
            case "dropped":
                return InjectedFault(name, processed, "drop", answered_after=0.15)
            case "hangs":
                return InjectedFault(name, processed, "hang")
            case "late":
                return InjectedFault(name, late, answered_after=late)
            case "no_ts":
                return InjectedFault(name, processed, "fake", body='{"ok": true}')
            case "internal_error":
                return slack_error(name, self._rng.choice(["internal_error", "fatal_error"]), processed=processed)
            case "bad_gateway":
                status = self._rng.choice([500, 502, 503, 504])
                return InjectedFault(name, processed, "fake", status=status, body="<html>Bad gateway")
            case "cut_short":
                return InjectedFault(name, processed, "fake", body='{"ok": true, "ts": "17')
            case _:
                return InjectedFault(name, processed, "fake", body="[1, 2]")

    def _rejected(self, key: str) -> InjectedFault:
        """Return a trouble in which the message is certainly not posted."""
        limited = slack_error("ratelimited", "ratelimited", status=429, Retry_After=str(self._rng.randint(1, 60)))
        unknown = slack_error("unknown", "zebra_crossing")
        if self._rng.random() < 0.05:
            # Slack insists: the message is given up, for people to look at.
            self._repeated[key] = [unknown] * 6
        return self._rng.choice(
            [
                limited,
                limited,
                unknown,
                slack_error("request_timeout", "request_timeout"),
                slack_error("our_fault", "invalid_blocks"),
                InjectedFault("refused", None, "refuse"),
            ]
        )
