"""Training program: fits a small neural network to a noisy sine, in pure Python, and reports to ftjob.

python program.py ID NAME SECONDS OWNER

It works in the current folder and goes on from the newest checkpoint there. SIGINT stops it, and a file called "crash"
makes it crash. FTJOB_PUSH_URL and FTJOB_PUSH_TOKEN say where to report; client.py comes from the bot.
"""

import json
import math
import random
import signal
import sys
import time
from pathlib import Path

from client import Job  # type: ignore[import-not-found]  # the bot serves it

UNITS = 12
TRAINING_POINTS, VALIDATION_POINTS = 160, 40
RATE = 0.03
STEPS_PER_SECOND = 2.0
VALIDATED_STEPS, SAVED_STEPS = 10, 20
"""Steps between two validations, and two checkpoints; fewer in a short training, so that it has some, too."""
CANCELED = 130

Points = list[tuple[float, float]]


class Network:
    """A network of one number in, one hidden layer, one number out."""

    def __init__(self, dice: random.Random) -> None:
        self.inner = [dice.gauss(0, 1) for _ in range(UNITS)]
        self.biases = [dice.gauss(0, 1) for _ in range(UNITS)]
        self.outer = [dice.gauss(0, 0.3) for _ in range(UNITS)]
        self.offset = 0.0

    def train(self, points: Points) -> float:
        """Take one step of gradient descent at each point; return the mean squared error on the way."""
        total = 0.0
        for x, y in points:
            active = [math.tanh(weight * x + bias) for weight, bias in zip(self.inner, self.biases, strict=True)]
            error = self._output(active) - y
            total += error * error
            self.offset -= RATE * error
            for unit, value in enumerate(active):
                slope = error * self.outer[unit] * (1 - value * value)
                self.outer[unit] -= RATE * error * value
                self.inner[unit] -= RATE * slope * x
                self.biases[unit] -= RATE * slope
        return total / len(points)

    def loss(self, points: Points) -> float:
        """Return the mean squared error."""
        return sum((self.predict(x) - y) ** 2 for x, y in points) / len(points)

    def predict(self, x: float) -> float:
        """Return what it makes of a number."""
        return self._output(
            [math.tanh(weight * x + bias) for weight, bias in zip(self.inner, self.biases, strict=True)]
        )

    def _output(self, active: list[float]) -> float:
        return self.offset + sum(weight * value for weight, value in zip(self.outer, active, strict=True))

    def save(self, file: Path) -> None:
        """Write its weights to a file, whole or not at all."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(vars(self)))
        part.replace(file)


def main(job_id: str, name: str, seconds: float, owner: str) -> int:
    """Train for some seconds; return the exit code."""
    # A process that was started in the background may have inherited that it ignores SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    total = max(10, round(seconds * STEPS_PER_SECOND))
    dice = random.Random(7)  # noqa: S311 - no secret
    network, points = Network(dice), [_point(dice) for _ in range(TRAINING_POINTS + VALIDATION_POINTS)]
    training, validation = points[:TRAINING_POINTS], points[TRAINING_POINTS:]
    first = _resume(network) + 1
    details = {"model": "sine-mlp", "owner": owner, "metadata": {"team": "search"}}
    with Job(name, id=job_id, total_steps=total, heartbeat=10, **details) as job:
        for step in range(first, total + 1):
            time.sleep(seconds / total)
            if Path("crash").exists():
                raise FloatingPointError(f"loss is not finite at step {step}")
            losses = {"train_loss": network.train(training)}
            if _is_due(step, total, VALIDATED_STEPS):
                losses["valid_loss"] = network.loss(validation)
            job.log(step, **losses)
            if _is_due(step, total, SAVED_STEPS):
                network.save(Path(f"checkpoint-{step}.json"))
                job.checkpoint(step, str(Path(f"checkpoint-{step}.json").absolute()))
            if job.cancel_requested:
                return CANCELED
        job.result(str(Path(f"checkpoint-{total}.json").absolute()))
    return 0


def _point(dice: random.Random) -> tuple[float, float]:
    x = dice.uniform(-3, 3)
    return x, math.sin(x) + dice.gauss(0, 0.1)


def _is_due(step: int, total: int, interval: int) -> bool:
    return step == total or step % max(1, min(interval, total // 5)) == 0


def _resume(network: Network) -> int:
    """Load the newest checkpoint; return its step, 0 without one."""
    saved = {int(file.stem.rpartition("-")[2]): file for file in Path().glob("checkpoint-*.json")}
    if saved:
        vars(network).update(json.loads(saved[max(saved)].read_text()))
    return max(saved, default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]))
