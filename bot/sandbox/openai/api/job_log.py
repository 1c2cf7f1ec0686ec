"""Job log: the events and checkpoints of jobs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.openai.api.files_and_models import IdGenerator
from bot.sandbox.openai.api.wire import JsonObject

METRICS = "metrics"
"""Type of events that hold metrics."""

_STATUS_MESSAGES: Mapping[str, str] = {
    "validating_files": "Validating training file: {training_file}",
    "queued": "Job enqueued. Waiting for jobs ahead to complete.",
    "running": "Job started.",
    "paused": "Job paused.",
    "succeeded": "Fine tuning job successfully completed",
    "cancelled": "Fine tuning process stopping due to job cancellation",
}
"""Event message of each new status; a failed job logs its error instead."""


@dataclass(frozen=True)
class StatusEvent:
    """Event of a new status."""

    message: str
    level: str | None = "info"
    type: str = "message"
    data: Mapping[str, Any] = field(default_factory=dict)


class JobLog:
    """Events and checkpoints by job id, oldest first."""

    def __init__(self, ids: IdGenerator, clock: Callable[[], float]) -> None:
        self._ids, self._clock = ids, clock
        self._events: dict[str, list[JsonObject]] = {}
        self._checkpoints: dict[str, list[JsonObject]] = {}
        self.status_since: dict[str, float] = {}
        """When each job got the status that it has, seconds since the epoch."""

    def events(self, job_id: str) -> list[JsonObject]:
        """Return the events of a job, newest first."""
        return self._events[job_id][::-1]

    def metrics(self, job_id: str) -> list[JsonObject]:
        """Return the metrics events of a job, oldest first."""
        return [event for event in self._events[job_id] if event["type"] == METRICS]

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
        level: str | None = "info",
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
        """Append the events of a job's new status."""
        self.status_since[job["id"]] = at
        for event in self.status_events(job):
            self.add_event(job["id"], event.message, level=event.level, type_=event.type, data=event.data, at=at)

    def status_events(self, job: JsonObject) -> Iterable[StatusEvent]:
        """Return the events of a job's new status."""
        if job["status"] == "failed":
            return [StatusEvent(reason_of(job), "error")]
        message = _STATUS_MESSAGES.get(job["status"])
        return [StatusEvent(message.format(training_file=job.get("training_file")))] if message else []

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


def reason_of(job: JsonObject) -> str:
    """Return why a job failed."""
    return (job.get("error") or {}).get("message") or "The job failed."
