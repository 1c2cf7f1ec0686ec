"""Job scenarios: scripted status changes, metrics and results, each after a number of seconds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

_VALIDATED, _STARTED, _TRAINED = 0.10, 0.25, 0.95
"""Fractions of a scenario's duration at which validation, queueing and training end."""

_FEWEST_STEPS, _STEP_SECONDS = 10, 2.0
"""Least number of training steps, and greatest duration of one step."""

_RESTART_SECONDS = 1.0
"""Seconds that a resumed job is queued before it runs again, at speed 1."""

INVALID_FILE = {
    "code": "invalid_training_file",
    "message": "The job failed due to an invalid training file.",
    "param": "training_file",
}


@dataclass(frozen=True)
class StepMetrics:
    """Metrics event of one training step, with an optional checkpoint."""

    message: str
    data: Mapping[str, Any]
    checkpoint: Mapping[str, float] | None = None
    """Metrics of the checkpoint that is saved at this step, None if none is."""


@dataclass(frozen=True)
class ScenarioStep:
    """One change of a job, ``seconds`` after the previous one."""

    seconds: float
    fields: Mapping[str, Any] = field(default_factory=dict)
    """New values of the job's fields."""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """Values that replace hyperparameters which were left "auto"."""
    metrics: StepMetrics | None = None
    results_csv: str | None = None
    """Result file of a finished training; it also sets the model and the trained tokens."""


@dataclass(frozen=True)
class Scenario:
    """Script of a job from its creation on; the first step, at 0 seconds, is its initial state."""

    steps: tuple[ScenarioStep, ...]
    speed: float = 1.0
    """Speed factor: 2 takes half the time."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Initial fields of a job with this scenario, such as its method."""

    def at_speed(self, speed: float) -> Self:
        """Return the same scenario at another speed."""
        return replace(self, speed=speed)


class ScenarioRun:
    """Progress of one job through its scenario: the remaining steps, and when the next one is due."""

    def __init__(self, scenario: Scenario, now: float) -> None:
        self._remaining = list(reversed(scenario.steps))
        self._own_speed = self._speed = scenario.speed
        self._started_at, self._elapsed = now, 0.0
        self._paused_with: float | None = None
        self._schedule()

    @property
    def is_finished(self) -> bool:
        """Whether no step remains."""
        return not self._remaining

    @property
    def _due_at(self) -> float:
        """When the next step is due. Small numbers are summed and rounded: floats since the epoch are too coarse to add to."""
        return self._started_at + round(self._elapsed, 6)

    @property
    def finishes_at(self) -> float:
        """When the last step is due."""
        return self._due_at + sum(step.seconds for step in self._remaining[:-1]) / (self._speed or 1.0)

    def pop_due(self, now: float) -> tuple[float, ScenarioStep] | None:
        """Remove and return the next step with its due time if it is due."""
        if self._paused_with is not None or not self._remaining or not self._speed or self._due_at > now:
            return None
        due_at, step = self._due_at, self._remaining.pop()
        self._schedule()
        return due_at, step

    def set_speed(self, speed: float, now: float) -> None:
        """Continue at ``speed`` times the scenario's own speed; 0 stops the clock."""
        ahead = self._seconds_to_next(now)
        self._speed = self._own_speed * speed
        if self._paused_with is not None or not self._remaining:
            return
        self._remaining[-1] = replace(self._remaining[-1], seconds=ahead)
        self._started_at, self._elapsed = now, 0.0
        self._schedule()

    def _seconds_to_next(self, now: float) -> float:
        """Return the scenario's seconds until the next step."""
        if not self._remaining:
            return 0.0
        return max(self._due_at - now, 0.0) * self._speed if self._speed else self._remaining[-1].seconds

    def pause(self, now: float) -> None:
        """Stop the clock until ``resume``."""
        if self._paused_with is None:
            self._paused_with = self._seconds_to_next(now)

    def resume(self, now: float) -> None:
        """Restart a paused clock: the job is queued for a moment, then runs from where it was paused."""
        if self._paused_with is None:
            return
        if self._remaining:
            self._remaining[-1] = replace(self._remaining[-1], seconds=self._paused_with)
        self._remaining.append(ScenarioStep(_RESTART_SECONDS, {"status": "running"}))
        self._started_at, self._elapsed, self._paused_with = now, 0.0, None
        self._schedule()

    def _schedule(self) -> None:
        if self._remaining and self._speed:
            self._elapsed += self._remaining[-1].seconds / self._speed


def succeeds(seconds: float = 12.0, *, steps: int | None = None, speed: float = 1.0) -> Scenario:
    """Return a successful supervised training: falling losses, checkpoints, a model."""
    steps = steps or _step_count(seconds)
    return _training(seconds, supervised_metrics(steps), supervised_csv(steps), speed)


def reinforcement(seconds: float = 12.0, *, steps: int | None = None, speed: float = 1.0) -> Scenario:
    """Return a successful reinforcement fine-tuning with rising rewards."""
    grader = {
        "type": "string_check",
        "name": "label",
        "input": "{{sample.output_text}}",
        "reference": "{{item.label}}",
        "operation": "eq",
    }
    details = {"grader": grader, "hyperparameters": {"n_epochs": "auto", "reasoning_effort": "medium"}}
    steps = steps or _step_count(seconds)
    scenario = _training(seconds, reinforcement_metrics(steps), reinforcement_csv(steps), speed)
    return replace(scenario, fields={"method": {"type": "reinforcement", "reinforcement": details}})


def fails(seconds: float = 8.0, *, speed: float = 1.0) -> Scenario:
    """Return a job that fails because of an invalid training file."""
    failed = ScenarioStep(seconds, {"status": "failed", "error": INVALID_FILE})
    return Scenario((ScenarioStep(0, {"status": "validating_files"}), failed), speed)


def pauses(seconds: float = 12.0, *, steps: int | None = None, speed: float = 1.0) -> Scenario:
    """Return a training that pauses after half its steps; once resumed, it succeeds."""
    steps = steps or _step_count(seconds)
    scenario = succeeds(seconds, steps=steps, speed=speed)
    middle = len(scenario.steps) - 1 - math.ceil(steps / 2)
    paused = ScenarioStep(0, {"status": "paused"})
    return replace(scenario, steps=(*scenario.steps[:middle], paused, *scenario.steps[middle:]))


def waits(seconds: float = 3600.0, *, training: float = 12.0, speed: float = 1.0) -> Scenario:
    """Return a job that is queued for ``seconds`` before its training."""
    first, queued, running, *remaining = succeeds(training).steps
    return Scenario((first, replace(queued, seconds=0), replace(running, seconds=seconds), *remaining), speed)


def _step_count(seconds: float) -> int:
    """Return the default number of steps of a training; a long one has more, so that metrics appear often enough."""
    return max(_FEWEST_STEPS, math.ceil(seconds * (_TRAINED - _STARTED) / _STEP_SECONDS))


def _training(seconds: float, metrics: Sequence[StepMetrics], results_csv: str, speed: float) -> Scenario:
    between = seconds * (_TRAINED - _STARTED) / len(metrics)
    chosen = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8}
    steps = (
        ScenarioStep(0, {"status": "validating_files"}),
        ScenarioStep(seconds * _VALIDATED, {"status": "queued"}),
        ScenarioStep(seconds * (_STARTED - _VALIDATED), {"status": "running"}, hyperparameters=chosen),
        *(ScenarioStep(between, metrics=measure) for measure in metrics),
        ScenarioStep(seconds * (1 - _TRAINED), {"status": "succeeded"}, results_csv=results_csv),
    )
    return Scenario(steps, speed)


def supervised_metrics(total: int) -> list[StepMetrics]:
    """Return the metrics of a supervised training, with the field names of OpenAI's guide."""
    return [_supervised_step(step, total) for step in range(1, total + 1)]


def _supervised_step(step: int, total: int) -> StepMetrics:
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
    """Return the metrics of a reinforcement fine-tuning, with the field names of OpenAI's guide."""
    return [_reinforcement_step(step, total) for step in range(1, total + 1)]


def _reinforcement_step(step: int, total: int) -> StepMetrics:
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
    """Return the CSV result file of a supervised training of ``total`` steps."""
    lines = ["step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"]
    for data in (measure.data for measure in supervised_metrics(total)):
        valid = ","
        if "valid_loss" in data:
            valid = f"{data['valid_loss']:.5f},{data['valid_mean_token_accuracy']:.5f}"
        lines.append(f"{data['step']},{data['train_loss']:.5f},{data['train_mean_token_accuracy']:.5f},{valid}")
    return "\n".join(lines) + "\n"


def reinforcement_csv(total: int) -> str:
    """Return the CSV result file of a reinforcement fine-tuning of ``total`` steps."""
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
