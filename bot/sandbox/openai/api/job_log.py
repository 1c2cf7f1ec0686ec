"""Job log: the events and checkpoints of jobs."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.openai.api.files_and_models import IdGenerator
from bot.sandbox.openai.api.wire import JsonObject

_STATUS_MESSAGES: Mapping[str, str] = {
    "validating_files": "Validating training file: {training_file}",
    "queued": "Job enqueued. Waiting for jobs ahead to complete.",
    "running": "Job started.",
    "paused": "Job paused.",
    "succeeded": "Fine tuning job successfully completed",
    "cancelled": "Fine tuning process stopping due to job cancellation",
}
"""Event message of each new status; a failed job logs its error instead."""


class JobLog:
    """Events and checkpoints by job id, oldest first."""

    def __init__(self, ids: IdGenerator, clock: Callable[[], float]) -> None:
        self._ids, self._clock = ids, clock
        self._events: dict[str, list[JsonObject]] = {}
        self._checkpoints: dict[str, list[JsonObject]] = {}

    def events(self, job_id: str) -> list[JsonObject]:
        """Return the events of a job, newest first."""
        return self._events[job_id][::-1]

    def checkpoints(self, job_id: str) -> list[JsonObject]:
        """Return the checkpoints of a job, newest first."""
        return self._checkpoints[job_id][::-1]

    def begin(self, job_id: str, at: float) -> None:
        """Begin the log of a new job."""
        self._events[job_id], self._checkpoints[job_id] = [], []
        self.add_event(job_id, f"Created fine-tuning job: {job_id}", at=at)

    def add_event(
        self,
        job_id: str,
        message: str,
        *,
        level: str = "info",
        type_: str = "message",
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
    ) -> None:
        """Append an event to a job's log."""
        self._events[job_id].append(
            {
                "object": "fine_tuning.job.event",
                "id": self._ids.new("ftevent-"),
                "created_at": int(self._clock() if at is None else at),
                "level": level,
                "message": message,
                "data": dict(data or {}),
                "type": type_,
            }
        )

    def add_status(self, job: JsonObject, at: float) -> None:
        """Append the event of a job's new status."""
        status = job["status"]
        if status == "failed":
            message = (job.get("error") or {}).get("message") or "The job failed."
            self.add_event(job["id"], message, level="error", at=at)
        elif status in _STATUS_MESSAGES:
            self.add_event(job["id"], _STATUS_MESSAGES[status].format(training_file=job.get("training_file")), at=at)

    def add_checkpoint(self, job_id: str, model: str, step: int, metrics: Mapping[str, float], at: float) -> JsonObject:
        """Append the checkpoint of a training step, and return it."""
        checkpoint = {
            "object": "fine_tuning.job.checkpoint",
            "id": self._ids.new("ftckpt_"),
            "created_at": int(at),
            "fine_tuned_model_checkpoint": model,
            "metrics": dict(metrics),
            "fine_tuning_job_id": job_id,
            "step_number": step,
        }
        self._checkpoints[job_id].append(checkpoint)
        return checkpoint
