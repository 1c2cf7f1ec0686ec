"""Job store of the API: jobs with their events, checkpoints and scenarios."""

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.openai.api.files_and_models import FilesAndModels, IdGenerator
from bot.sandbox.openai.api.job_index import JobIndex
from bot.sandbox.openai.api.job_log import JobLog
from bot.sandbox.openai.api.training_methods import AUTO, resolve_auto
from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.openai.scenarios import Scenario, ScenarioRun, ScenarioStep, StepMetrics

ORGANIZATION = "org-sandbox"
PROJECT = "proj_sandbox"
MODEL = "gpt-4o-mini-2024-07-18"
FINAL = frozenset({"succeeded", "failed", "cancelled"})

_TRAINED_TOKENS = 5768


@dataclass(frozen=True)
class JobEnd:
    """A job's transition to a final status."""

    status: str
    at: float
    """When the API first showed it, seconds since the epoch."""


class JobStore:
    """Jobs with their index, log and scenarios. A job's state follows from the clock and the actions on it."""

    def __init__(
        self, files_and_models: FilesAndModels, ids: IdGenerator, clock: Callable[[], float], log: JobLog
    ) -> None:
        self.index, self.log = JobIndex(), log
        self._files_and_models, self._ids, self._clock = files_and_models, ids, clock
        self._runs: dict[str, ScenarioRun] = {}
        self.speed = 1.0
        """Speed factor of all scenarios; set by ``set_speed``."""
        self.ends: dict[str, list[JobEnd]] = {}
        """Transitions to a final status by job id."""
        self.on_end: list[Callable[[JsonObject], None]] = []
        """Callbacks for each job that ends."""

    def add(self, *, status: str, model: str, scenario: Scenario | None, project: str, **fields: Any) -> str:
        """Create a job and return its id; a scenario determines its status from the start."""
        now = self._clock()
        job_id = str(fields.get("id") or self._ids.job())
        created_at = max(int(now), fields.get("created_at", 0))
        self.index.add(self._new_job(job_id, model, created_at), project)
        self.log.begin(job_id, now)
        if scenario is None:
            self.change(job_id, {"status": status, **fields}, at=now)
        else:
            self.change(job_id, {**scenario.fields, **fields}, at=now)
            self.start(job_id, scenario)
        return job_id

    def start(self, job_id: str, scenario: Scenario) -> None:
        """Start a scenario of a job, in place of the one that it has."""
        now = self._clock()
        run = self._runs[job_id] = ScenarioRun(scenario, now)
        self._run_due_steps(job_id, now)
        if self.speed != 1.0:
            run.set_speed(self.speed, now)

    def change(self, job_id: str, fields: Mapping[str, Any], *, at: float | None = None) -> JsonObject:
        """Set fields of a job, and derive timestamps, events, models and the scenario's progress from them."""
        at = self._clock() if at is None else at
        old = self.index.by_id[job_id]
        job = self.index.by_id[job_id] = old | self._derived_fields(fields, at) | dict(fields)
        model = job.get("fine_tuned_model")
        if model and model != old.get("fine_tuned_model"):
            self._files_and_models.add_model(model, job["model"], ORGANIZATION, at)
            self.log.add_event(job_id, f"New fine-tuned model created: {model}", at=at)
        if job["status"] != old["status"]:
            self.log.add_status(job, at)
            self._update_run(job_id, job["status"], at)
            if job["status"] in FINAL:
                self.ends.setdefault(job_id, []).append(JobEnd(job["status"], self._clock()))
                for callback in self.on_end:
                    callback(job)
        return job

    def add_checkpoint(
        self, job_id: str, step: int, metrics: Mapping[str, float], at: float | None = None
    ) -> JsonObject:
        """Save the checkpoint of a training step with its model, and return it."""
        at = self._clock() if at is None else at
        job = self.index.by_id[job_id]
        model = f"{self._model_name(job)}:ckpt-step-{step}"
        self._files_and_models.add_model(model, job["model"], ORGANIZATION, at)
        return self.log.add_checkpoint(job_id, model, step, metrics, at)

    def advance(self) -> None:
        """Apply all due steps of all scenarios."""
        now = self._clock()
        for job_id in list(self._runs):
            self._run_due_steps(job_id, now)

    def freeze(self, job_id: str) -> None:
        """Drop a job's scenario; the job stays as it is."""
        self._runs.pop(job_id, None)

    def set_speed(self, speed: float) -> None:
        """Set the speed factor of all scenarios, also of later ones; 0 stops them."""
        self.advance()
        self.speed, now = speed, self._clock()
        for run in self._runs.values():
            run.set_speed(speed, now)

    def _run_due_steps(self, job_id: str, now: float) -> None:
        run = self._runs[job_id]
        while job_id in self.index.by_id and (due := run.pop_due(now)):
            self._apply_step(job_id, *due, run)
        if run.is_finished or job_id not in self.index.by_id:
            self._runs.pop(job_id, None)

    def _apply_step(self, job_id: str, at: float, step: ScenarioStep, run: ScenarioRun) -> None:
        fields = dict(step.fields)
        if fields.get("status") == "running":
            fields["estimated_finish"] = math.ceil(run.finishes_at)
        if step.metrics:
            self._record_metrics(job_id, step.metrics, at)
        if step.hyperparameters:
            fields |= resolve_auto(self.index.by_id[job_id], step.hyperparameters)
        if step.results_csv is not None:
            fields |= self._result_fields(job_id, step.results_csv)
        if fields:
            self.change(job_id, fields, at=at)

    def _record_metrics(self, job_id: str, metrics: StepMetrics, at: float) -> None:
        self.log.add_event(job_id, metrics.message, type_="metrics", data=metrics.data, at=at)
        if metrics.checkpoint is not None:
            self.add_checkpoint(job_id, metrics.data["step"], metrics.checkpoint, at)

    def _result_fields(self, job_id: str, results_csv: str) -> JsonObject:
        file_id = self._files_and_models.add_file(
            base64.b64encode(results_csv.encode()), filename="step_metrics.csv", purpose="fine-tune-results"
        )
        model = self._model_name(self.index.by_id[job_id])
        return {"fine_tuned_model": model, "trained_tokens": _TRAINED_TOKENS, "result_files": [file_id]}

    def _update_run(self, job_id: str, status: str, at: float) -> None:
        run = self._runs.get(job_id)
        if run is None:
            return
        if status in FINAL:
            del self._runs[job_id]
        elif status == "paused":
            run.pause(at)
        else:
            run.resume(at)

    def _new_job(self, job_id: str, model: str, created_at: int) -> JsonObject:
        return {
            "object": "fine_tuning.job",
            "id": job_id,
            "model": model,
            "created_at": created_at,
            "finished_at": None,
            "fine_tuned_model": None,
            "organization_id": ORGANIZATION,
            "result_files": [],
            "status": None,
            "validation_file": None,
            "training_file": self._files_and_models.training_file,
            "hyperparameters": AUTO,
            "trained_tokens": None,
            "error": None,
            "user_provided_suffix": None,
            "seed": self._ids.seed(),
            "estimated_finish": None,
            "integrations": [],
            "metadata": None,
            "usage_metrics": None,
            "shared_with_openai": False,
            "eval_id": None,
            "method": {"type": "supervised", "supervised": {"hyperparameters": AUTO}},
        }

    @staticmethod
    def _derived_fields(fields: Mapping[str, Any], at: float) -> JsonObject:
        status = fields.get("status")
        if status is None or status == "running":
            return {}
        return {"estimated_finish": None} | ({"finished_at": int(at)} if status in FINAL else {})

    def _model_name(self, job: JsonObject) -> str:
        suffix = job.get("user_provided_suffix") or ""
        return f"ft:{job['model']}:sandbox:{suffix}:{self._ids.new(length=8)}"
