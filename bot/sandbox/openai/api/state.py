"""The jobs of the account: what they are, what happened to them, and the lives that move them."""

import base64
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.openai.api.methods import AUTO, resolve_auto
from bot.sandbox.openai.api.shelf import FilesAndModels, IdGenerator
from bot.sandbox.openai.api.wire import JsonObject, job_not_found, unknown_cursor
from bot.sandbox.openai.scenarios import Scenario, ScenarioRun, ScenarioStep, StepMetrics

ORGANIZATION = "org-sandbox"
PROJECT = "proj_sandbox"
MODEL = "gpt-4o-mini-2024-07-18"
FINAL = frozenset({"succeeded", "failed", "cancelled"})

_TOKENS = 5768

_SAID: Mapping[str, str] = {
    "validating_files": "Validating training file: {training_file}",
    "queued": "Job enqueued. Waiting for jobs ahead to complete.",
    "running": "Job started.",
    "paused": "Job paused.",
    "succeeded": "Fine tuning job successfully completed",
    "cancelled": "Fine tuning process stopping due to job cancellation",
}
"""What the log of a job says when it reaches a status; a failed one says its error."""


@dataclass(frozen=True)
class JobEnd:
    """One time that a job came to an end."""

    status: str
    at: float
    """When anybody could know it first, seconds since the epoch."""


class JobStore:
    """Every job with its events and checkpoints. A job is a function of the clock and of what was ordered."""

    def __init__(self, shelf: FilesAndModels, names: IdGenerator, clock: Callable[[], float]) -> None:
        self.by_id: dict[str, JsonObject] = {}
        self._shelf, self._names, self._clock = shelf, names, clock
        self._order: list[str] = []
        self._places: dict[str, int] = {}
        self._projects: dict[str, str] = {}
        self._events: dict[str, list[JsonObject]] = {}
        self._checkpoints: dict[str, list[JsonObject]] = {}
        self._courses: dict[str, ScenarioRun] = {}
        self._newest = 0
        self.speed = 1.0
        """How fast every life goes on; set by ``pace``."""
        self.ends: dict[str, list[JobEnd]] = {}
        """How often each job came to an end, by id."""
        self.on_end: list[Callable[[JsonObject], None]] = []
        """What is called with each job that ends."""

    # --- reading ---

    def get(self, job_id: str, project: str) -> JsonObject:
        """Return one job.

        Raises:
            Refused: there is none, or it belongs to another project.
        """
        job = self.by_id.get(job_id)
        if job is None or self._projects[job_id] != project:
            raise job_not_found(job_id)
        return job

    def newest_first(self, project: str, after: str | None = None) -> Iterator[JsonObject]:
        """Return the jobs of ``project`` that are older than ``after``, at a cost that only the taken ones have.

        Raises:
            Refused: ``after`` is not a job of this project.
        """
        if after is not None and (after not in self.by_id or self._projects[after] != project):
            raise unknown_cursor(after)
        start = self._places[after] if after else len(self._order)
        older = (self._order[place] for place in range(start - 1, -1, -1))
        return (self.by_id[job_id] for job_id in older if job_id in self.by_id and self._projects[job_id] == project)

    def events(self, job_id: str) -> list[JsonObject]:
        """Return the log of a job, newest first."""
        return self._events[job_id][::-1]

    def checkpoints(self, job_id: str) -> list[JsonObject]:
        """Return the checkpoints of a job, newest first."""
        return self._checkpoints[job_id][::-1]

    # --- changing ---

    def add(self, *, status: str, model: str, scenario: Scenario | None, project: str, **fields: Any) -> str:
        """Create a job and return its id; a life decides its status from the first moment on."""
        now = self._clock()
        job_id = str(fields.get("id") or self._names.new("ftjob-"))
        self._newest = max(self._newest, int(now), fields.get("created_at", 0))
        self.by_id[job_id] = self._blank(job_id, model) | {"created_at": self._newest}
        self._places[job_id] = len(self._order)
        self._order.append(job_id)
        self._projects[job_id] = project
        self._events[job_id], self._checkpoints[job_id] = [], []
        self.log_event(job_id, f"Created fine-tuning job: {job_id}", at=now)
        if scenario is None:
            self.change(job_id, {"status": status, **fields}, at=now)
        else:
            self.change(job_id, {**scenario.fields, **fields}, at=now)
            course = self._courses[job_id] = ScenarioRun(scenario, now)
            self._live(job_id, now)
            if self.speed != 1.0:
                course.set_speed(self.speed, now)
        return job_id

    def change(self, job_id: str, fields: Mapping[str, Any], *, at: float | None = None) -> JsonObject:
        """Give fields of a job new values, with what follows from them: times, events, models, its life."""
        at = self._clock() if at is None else at
        old = self.by_id[job_id]
        job = self.by_id[job_id] = old | self._consequences(fields, at) | dict(fields)
        model = job.get("fine_tuned_model")
        if model and model != old.get("fine_tuned_model"):
            self._shelf.add_model(model, job["model"], ORGANIZATION, at)
            self.log_event(job_id, f"New fine-tuned model created: {model}", at=at)
        if job["status"] != old["status"]:
            self._tell_status(job, at)
            self._steer(job_id, job["status"], at)
            if job["status"] in FINAL:
                self.ends.setdefault(job_id, []).append(JobEnd(job["status"], self._clock()))
                for tell in self.on_end:
                    tell(job)
        return job

    def log_event(
        self,
        job_id: str,
        message: str,
        *,
        level: str = "info",
        type_: str = "message",
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
    ) -> None:
        """Append one line to the log of a job."""
        self._events[job_id].append(
            {
                "object": "fine_tuning.job.event",
                "id": self._names.new("ftevent-"),
                "created_at": int(self._clock() if at is None else at),
                "level": level,
                "message": message,
                "data": dict(data or {}),
                "type": type_,
            }
        )

    def add_checkpoint(
        self, job_id: str, step: int, metrics: Mapping[str, float], at: float | None = None
    ) -> JsonObject:
        """Save what was trained until ``step`` as a model of its own and return the checkpoint."""
        at = self._clock() if at is None else at
        job = self.by_id[job_id]
        model = f"{self._model_name(job)}:ckpt-step-{step}"
        checkpoint = {
            "object": "fine_tuning.job.checkpoint",
            "id": self._names.new("ftckpt_"),
            "created_at": int(at),
            "fine_tuned_model_checkpoint": model,
            "metrics": dict(metrics),
            "fine_tuning_job_id": job_id,
            "step_number": step,
        }
        self._checkpoints[job_id].append(checkpoint)
        self._shelf.add_model(model, job["model"], ORGANIZATION, at)
        return checkpoint

    # --- living ---

    def advance(self) -> None:
        """Let everything happen whose moment has come. Jobs without a life cost nothing."""
        now = self._clock()
        for job_id in list(self._courses):
            self._live(job_id, now)

    def freeze(self, job_id: str) -> None:
        """End the life of a job where it stands."""
        self._courses.pop(job_id, None)

    def set_speed(self, speed: float) -> None:
        """Let every life go on at so many times its own speed, those that begin later too; 0 stands still."""
        self.advance()
        self.speed, now = speed, self._clock()
        for course in self._courses.values():
            course.set_speed(speed, now)

    def _live(self, job_id: str, now: float) -> None:
        course = self._courses[job_id]
        while job_id in self.by_id and (due := course.pop_due(now)):
            self._take_step(job_id, *due, course)
        if course.is_finished or job_id not in self.by_id:
            self._courses.pop(job_id, None)

    def _take_step(self, job_id: str, at: float, step: ScenarioStep, course: ScenarioRun) -> None:
        fields = dict(step.fields)
        if fields.get("status") == "running":
            fields["estimated_finish"] = math.ceil(course.finishes_at)
        if step.metrics:
            self._measure(job_id, step.metrics, at)
        if step.hyperparameters:
            fields |= resolve_auto(self.by_id[job_id], step.hyperparameters)
        if step.results_csv is not None:
            fields |= self._outcome(job_id, step.results_csv)
        if fields:
            self.change(job_id, fields, at=at)

    def _measure(self, job_id: str, measure: StepMetrics, at: float) -> None:
        self.log_event(job_id, measure.message, type_="metrics", data=measure.data, at=at)
        if measure.checkpoint is not None:
            self.add_checkpoint(job_id, measure.data["step"], measure.checkpoint, at)

    def _outcome(self, job_id: str, results: str) -> JsonObject:
        file_id = self._shelf.add_file(
            base64.b64encode(results.encode()), filename="step_metrics.csv", purpose="fine-tune-results"
        )
        model = self._model_name(self.by_id[job_id])
        return {"fine_tuned_model": model, "trained_tokens": _TOKENS, "result_files": [file_id]}

    def _steer(self, job_id: str, status: str, at: float) -> None:
        course = self._courses.get(job_id)
        if course is None:
            return
        if status in FINAL:
            del self._courses[job_id]
        elif status == "paused":
            course.pause(at)
        else:
            course.resume(at)

    # --- shaping ---

    def _blank(self, job_id: str, model: str) -> JsonObject:
        return {
            "object": "fine_tuning.job",
            "id": job_id,
            "model": model,
            "created_at": 0,
            "finished_at": None,
            "fine_tuned_model": None,
            "organization_id": ORGANIZATION,
            "result_files": [],
            "status": None,
            "validation_file": None,
            "training_file": self._shelf.training_file,
            "hyperparameters": AUTO,
            "trained_tokens": None,
            "error": None,
            "user_provided_suffix": None,
            "seed": self._names.seed(),
            "estimated_finish": None,
            "integrations": [],
            "metadata": None,
            "usage_metrics": None,
            "shared_with_openai": False,
            "eval_id": None,
            "method": {"type": "supervised", "supervised": {"hyperparameters": AUTO}},
        }

    @staticmethod
    def _consequences(fields: Mapping[str, Any], at: float) -> JsonObject:
        status = fields.get("status")
        if status is None or status == "running":
            return {}
        return {"estimated_finish": None} | ({"finished_at": int(at)} if status in FINAL else {})

    def _tell_status(self, job: JsonObject, at: float) -> None:
        status = job["status"]
        if status == "failed":
            message = (job.get("error") or {}).get("message") or "The job failed."
            self.log_event(job["id"], message, level="error", at=at)
        elif status in _SAID:
            self.log_event(job["id"], _SAID[status].format(training_file=job.get("training_file")), at=at)

    def _model_name(self, job: JsonObject) -> str:
        suffix = job.get("user_provided_suffix") or ""
        return f"ft:{job['model']}:sandbox:{suffix}:{self._names.new(length=8)}"
