"""Calls as trainers make them, and a model of a trainer whose calls get lost, late and doubled."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.push.call import Call, parse_call
from bot.push.recorder import ReceivedCall

ACCOUNT = "gpu"
JOB = "nightly-1"
STARTED = 1_700_000_000.0
LONGEST_DELAY = 20.0
BETWEEN_RUNS = 500.0
"""Seconds from the start of one run to that of the next: far more than any delay."""


def call(run: str = "run-1", seq: int = 1, status: str = "running", **more: Any) -> dict[str, Any]:
    """Return the body of a call."""
    return {"run": run, "seq": seq, "started": STARTED, "at": STARTED + seq, "status": status, **more}


def parsed(body: dict[str, Any]) -> Call:
    return parse_call(json.dumps(body).encode())


def received(body: dict[str, Any], job_id: str = JOB, at: float | None = None) -> ReceivedCall:
    """Return a call that arrived, by default without any delay and from a trainer whose clock is right."""
    return ReceivedCall(job_id, parsed(body), body["at"] if at is None else at)


@dataclass
class Trainer:
    """One run: it repeats what is not acknowledged until it is."""

    run: str
    began: float
    """By the bot's clock."""
    clock_error: float = 0.0
    unsent: list[list[Any]] = field(default_factory=list)
    seq: int = 0

    def log(self, step: int, **values: float) -> None:
        self.unsent.append([step, values])

    def call(self, seconds: float, status: str = "running", **more: Any) -> tuple[dict[str, Any], float]:
        """Return the body of the next call and when it was sent, by the bot's clock, so long after the start."""
        self.seq += 1
        started = self.began + self.clock_error
        body = {"run": self.run, "seq": self.seq, "started": started, "at": started + seconds, "status": status, **more}
        return body | {"metrics": list(self.unsent)}, self.began + seconds

    def acknowledged(self, body: dict[str, Any]) -> None:
        self.unsent = [each for each in self.unsent if each not in body["metrics"]]


@dataclass(frozen=True)
class History:
    """What trainers did, which of their calls arrived in which order, and what has to come of it."""

    arrivals: list[ReceivedCall]
    result: str
    """The model of the newest run."""
    points: dict[int, float]


def history(seed: int, job_id: str) -> History:
    """Return a history of several runs of one job, of which calls are lost, late and doubled, but each run's last arrives."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    arrivals: list[ReceivedCall] = []
    points: dict[int, float] = {}
    first_step = 0
    runs = dice.randint(1, 4)
    for nth in range(runs):
        trainer = Trainer(
            f"run-{nth}-{dice.randrange(100)}", STARTED + nth * BETWEEN_RUNS, dice.choice([0.0, 7200.0, -7200.0])
        )
        points = {step: value for step, value in points.items() if step < first_step}
        steps = dice.randint(1, 6)
        for n in range(steps):
            value = round(dice.random(), 6)
            trainer.log(first_step + n, train_loss=value)
            points[first_step + n] = value
            body, sent_at = trainer.call(10.0 * (n + 1))
            if dice.random() < 0.6:
                arrivals.append(received(body, job_id, sent_at + dice.uniform(0, LONGEST_DELAY)))
                if dice.random() < 0.6:
                    trainer.acknowledged(body)
        result = f"model-{nth}"
        body, sent_at = trainer.call(10.0 * steps + 1, "succeeded", result={"model": result})
        arrivals.append(received(body, job_id, sent_at + dice.uniform(0, LONGEST_DELAY)))
        first_step = dice.randint(0, max(points))
    arrivals += dice.choices(arrivals, k=dice.randint(0, 3))
    dice.shuffle(arrivals)
    return History(arrivals, result, points)


def batches(arrivals: list[ReceivedCall], seed: int) -> Iterator[list[ReceivedCall]]:
    """Yield the calls in order, a few at once."""
    dice, rest = random.Random(seed), list(arrivals)  # noqa: S311
    while rest:
        size = dice.randint(1, 4)
        yield rest[:size]
        rest = rest[size:]
