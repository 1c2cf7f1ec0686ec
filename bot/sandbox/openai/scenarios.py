"""Scripted lives: what happens to a job, and after how many seconds, if nobody interferes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

_VALIDATED, _STARTED, _TRAINED = 0.10, 0.25, 0.95
"""The parts of a life after which the files are checked, the queue is over, and the last step is done."""

_FEWEST_STEPS, _STEP_SECONDS = 10, 2.0
"""Of a training: how many steps it has at least, and how long one takes at the most."""

_RESTART_SECONDS = 1.0
"""How long a resumed job is queued before it runs again, at speed 1."""

INVALID_FILE = {
    "code": "invalid_training_file",
    "message": "The job failed due to an invalid training file.",
    "param": "training_file",
}


@dataclass(frozen=True)
class StepMetrics:
    """What one training step leaves behind: a metrics event and perhaps a checkpoint."""

    message: str
    data: Mapping[str, Any]
    checkpoint: Mapping[str, float] | None = None
    """The metrics of the checkpoint that is saved at this step."""


@dataclass(frozen=True)
class ScenarioStep:
    """One thing that happens to a job, ``seconds`` after the thing before it."""

    seconds: float
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the job that get a new value."""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """The numbers that take the place of hyperparameters which were left "auto"."""
    metrics: StepMetrics | None = None
    results_csv: str | None = None
    """The CSV of a finished training: with it come the model, its tokens and the result file."""


@dataclass(frozen=True)
class Scenario:
    """The steps of a job from its creation on; the first one, at 0 seconds, is its state when it is created."""

    steps: tuple[ScenarioStep, ...]
    speed: float = 1.0
    """2 lives the same life in half the time."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields that a job with this life is created with, such as its method."""

    def at_speed(self, speed: float) -> Self:
        """Return the same life at another speed."""
        return replace(self, speed=speed)


class ScenarioRun:
    """Where one job stands in its life: which steps are left, and when the next one is due by the clock."""

    def __init__(self, life: Scenario, now: float) -> None:
        self._left = list(reversed(life.steps))
        self._own_speed = self._speed = life.speed
        self._start, self._lived = now, 0.0
        self._held_for: float | None = None
        self._schedule()

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to happen."""
        return not self._left

    @property
    def _due(self) -> float:
        """When the next step is due. Sums of small numbers, rounded: times since the epoch are too coarse to add to."""
        return self._start + round(self._lived, 6)

    @property
    def finishes_at(self) -> float:
        """When the last step is due if nobody interferes."""
        return self._due + sum(step.seconds for step in self._left[:-1]) / (self._speed or 1.0)

    def pop_due(self, now: float) -> tuple[float, ScenarioStep] | None:
        """Take the next step and its moment if that moment has come."""
        if self._held_for is not None or not self._left or not self._speed or self._due > now:
            return None
        moment, step = self._due, self._left.pop()
        self._schedule()
        return moment, step

    def set_speed(self, speed: float, now: float) -> None:
        """Live on from here at so many times the life's own speed; 0 stands still."""
        ahead = self._ahead(now)
        self._speed = self._own_speed * speed
        if self._held_for is not None or not self._left:
            return
        self._left[-1] = replace(self._left[-1], seconds=ahead)
        self._start, self._lived = now, 0.0
        self._schedule()

    def _ahead(self, now: float) -> float:
        """Return the seconds of life until the next step."""
        if not self._left:
            return 0.0
        return max(self._due - now, 0.0) * self._speed if self._speed else self._left[-1].seconds

    def pause(self, now: float) -> None:
        """Stop the clock of this life until ``go_on``."""
        if self._held_for is None:
            self._held_for = self._ahead(now)

    def resume(self, now: float) -> None:
        """Let the clock of a held life run again: queued for a moment, then running from where it stood."""
        if self._held_for is None:
            return
        if self._left:
            self._left[-1] = replace(self._left[-1], seconds=self._held_for)
        self._left.append(ScenarioStep(_RESTART_SECONDS, {"status": "running"}))
        self._start, self._lived, self._held_for = now, 0.0, None
        self._schedule()

    def _schedule(self) -> None:
        if self._left and self._speed:
            self._lived += self._left[-1].seconds / self._speed


def succeeds(seconds: float = 12.0, *, steps: int | None = None, speed: float = 1.0) -> Scenario:
    """Return a supervised training that goes well: losses fall, checkpoints appear, a model comes out."""
    steps = steps or _steps(seconds)
    return _trained(seconds, supervised_metrics(steps), supervised_csv(steps), speed)


def reinforcement(seconds: float = 12.0, *, steps: int | None = None, speed: float = 1.0) -> Scenario:
    """Return a reinforcement fine-tuning that goes well: rewards rise."""
    grader = {
        "type": "string_check",
        "name": "label",
        "input": "{{sample.output_text}}",
        "reference": "{{item.label}}",
        "operation": "eq",
    }
    details = {"grader": grader, "hyperparameters": {"n_epochs": "auto", "reasoning_effort": "medium"}}
    steps = steps or _steps(seconds)
    life = _trained(seconds, reinforcement_metrics(steps), reinforcement_csv(steps), speed)
    return replace(life, fields={"method": {"type": "reinforcement", "reinforcement": details}})


def fails(seconds: float = 8.0, *, speed: float = 1.0) -> Scenario:
    """Return a job whose training file turns out invalid."""
    failed = ScenarioStep(seconds, {"status": "failed", "error": INVALID_FILE})
    return Scenario((ScenarioStep(0, {"status": "validating_files"}), failed), speed)


def pauses(seconds: float = 12.0, *, steps: int | None = None, speed: float = 1.0) -> Scenario:
    """Return a training that stands paused after half its steps until somebody resumes it; then it goes well."""
    steps = steps or _steps(seconds)
    life = succeeds(seconds, steps=steps, speed=speed)
    middle = len(life.steps) - 1 - math.ceil(steps / 2)
    paused = ScenarioStep(0, {"status": "paused"})
    return replace(life, steps=(*life.steps[:middle], paused, *life.steps[middle:]))


def waits(seconds: float = 3600.0, *, training: float = 12.0, speed: float = 1.0) -> Scenario:
    """Return a job that stays queued for ``seconds`` before it is trained."""
    first, queued, running, *rest = succeeds(training).steps
    return Scenario((first, replace(queued, seconds=0), replace(running, seconds=seconds), *rest), speed)


def _steps(seconds: float) -> int:
    """Return how many steps a training has that nobody counts: long ones have more, so that none is watched in vain."""
    return max(_FEWEST_STEPS, math.ceil(seconds * (_TRAINED - _STARTED) / _STEP_SECONDS))


def _trained(seconds: float, measures: Sequence[StepMetrics], results: str, speed: float) -> Scenario:
    between = seconds * (_TRAINED - _STARTED) / len(measures)
    chosen = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8}
    steps = (
        ScenarioStep(0, {"status": "validating_files"}),
        ScenarioStep(seconds * _VALIDATED, {"status": "queued"}),
        ScenarioStep(seconds * (_STARTED - _VALIDATED), {"status": "running"}, hyperparameters=chosen),
        *(ScenarioStep(between, metrics=measure) for measure in measures),
        ScenarioStep(seconds * (1 - _TRAINED), {"status": "succeeded"}, results_csv=results),
    )
    return Scenario(steps, speed)


def supervised_metrics(total: int) -> list[StepMetrics]:
    """Return the measures of a supervised training, data as OpenAI's guide names it."""
    return [_supervised_measure(step, total) for step in range(1, total + 1)]


def _supervised_measure(step: int, total: int) -> StepMetrics:
    loss, accuracy = _loss(step), _accuracy(step)
    data: dict[str, Any] = {
        "step": step,
        "total_steps": total,
        "train_loss": loss,
        "train_mean_token_accuracy": accuracy,
    }
    message = f"Step {step}/{total}: training loss={loss:.2f}"
    if not _is_evaluated(step, total):
        return StepMetrics(message, data)
    valid = {"valid_loss": _loss(step, 1.04), "valid_mean_token_accuracy": round(accuracy - 0.02, 5)}
    full = {f"full_{name}": value for name, value in valid.items()}
    message += f", validation loss={valid['valid_loss']:.2f}, full validation loss={full['full_valid_loss']:.2f}"
    return StepMetrics(message, data | valid | full, {"step": step, "train_loss": loss} | full)


def reinforcement_metrics(total: int) -> list[StepMetrics]:
    """Return the measures of a reinforcement fine-tuning, data as OpenAI's guide names it."""
    return [_reinforced_measure(step, total) for step in range(1, total + 1)]


def _reinforced_measure(step: int, total: int) -> StepMetrics:
    reward, evaluated = _reward(step, total), _is_evaluated(step, total)
    valid = round(reward + 0.02, 4)
    data: dict[str, Any] = {
        "step": step,
        "total_steps": total,
        "train_mean_reward": reward,
        "mean_unresponsive_rewards": 0.0,
        "reasoning_tokens_mean": 2900.0 - 20 * step,
        "completion_tokens_mean": 3000.0 - 20 * step,
        "scores": {"train_reward_mean": reward, "graders": []},
        "errors": {"graders": []},
        "usage": {"graders": [], "samples": {}},
        "timing": {"step": {"eval": 101.7, "sampling": 226.8, "training": 402.4, "full_iteration": 731.5}},
    }
    message = f"Step {step}/{total} , train mean reward={reward:.2f}"
    if not evaluated:
        return StepMetrics(message, data)
    data |= {"full_valid_mean_reward": valid, "full_valid_mean_parse_error": 0.0}
    data["scores"] = {"train_reward_mean": reward, "valid_reward_mean": valid, "graders": []}
    message += f", full validation mean reward={valid:.2f}, full validation mean parse error=0.00"
    return StepMetrics(message, data, {"step": step})


def supervised_csv(total: int) -> str:
    """Return the result file of a supervised training of ``total`` steps."""
    lines = ["step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"]
    for data in (measure.data for measure in supervised_metrics(total)):
        valid = ","
        if "valid_loss" in data:
            valid = f"{data['valid_loss']:.5f},{data['valid_mean_token_accuracy']:.5f}"
        lines.append(f"{data['step']},{data['train_loss']:.5f},{data['train_mean_token_accuracy']:.5f},{valid}")
    return "\n".join(lines) + "\n"


def reinforcement_csv(total: int) -> str:
    """Return the result file of a reinforcement fine-tuning of ``total`` steps."""
    columns = "full_valid_mean_reward,completion_tokens_mean,reasoning_tokens_mean,mean_unresponsive_rewards"
    lines = [f"step,train_mean_reward,{columns}"]
    for data in (measure.data for measure in reinforcement_metrics(total)):
        valid = f"{data['full_valid_mean_reward']:.4f}" if "full_valid_mean_reward" in data else ""
        tokens = f"{data['completion_tokens_mean']},{data['reasoning_tokens_mean']},0.0"
        lines.append(f"{data['step']},{data['train_mean_reward']:.4f},{valid},{tokens}")
    return "\n".join(lines) + "\n"


def _is_evaluated(step: int, total: int) -> bool:
    return step == total or step % max(total // 2, 1) == 0


def _loss(step: int, factor: float = 1.0) -> float:
    return round(factor * 2.5 / math.sqrt(step), 5)


def _accuracy(step: int) -> float:
    return round(min(0.40 + 0.05 * step, 0.99), 5)


def _reward(step: int, total: int) -> float:
    return round(step / (2 * total), 4)
