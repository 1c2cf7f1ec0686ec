"""Event log of Together: its types of events, and metrics that are no events."""

from collections.abc import Iterable, Mapping
from typing import Any

from typing_extensions import override

from bot.sandbox.openai.api.job_log import METRICS, JobLog, StatusEvent, reason_of
from bot.sandbox.openai.api.wire import JsonObject

EPOCHS = 3
"""Epochs of every training."""

_STATUS_EVENTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "running": (("job_start", "Job started"), ("training_start", "Training started")),
    "compressing": (("training_complete", "Training completed"), ("model_compressing", "Compressing the model")),
    "uploading": (("model_compression_complete", "Model compressed"), ("model_uploading", "Uploading the model")),
    "succeeded": (("model_upload_complete", "Model uploaded"), ("job_complete", "Job finished")),
    "cancel_requested": (("cancel_requested", "Cancellation requested"),),
    "cancelled": (("job_stopped", "Job stopped"),),
}
"""Types and messages of each new status; a failed job logs its reason instead."""


class TogetherLog(JobLog):
    """JobLog with Together's events. What happens by itself has no level: the client's type lets it be null."""

    @override
    def begin(self, job_id: str, at: float) -> None:
        """Begin the log of a new job."""
        self._events[job_id], self._checkpoints[job_id] = [], []
        self.add_event(job_id, "Fine-tuning job created", level=None, type_="job_pending", at=at)

    @override
    def status_events(self, job: JsonObject) -> Iterable[StatusEvent]:
        """Return the events of a job's new status; only here is said why a job failed."""
        if job["status"] == "failed":
            return [StatusEvent(reason_of(job), None, "job_error")]
        return [StatusEvent(message, None, kind) for kind, message in _STATUS_EVENTS.get(job["status"], ())]

    @override
    def add_event(
        self,
        job_id: str,
        message: str,
        *,
        level: str | None = None,
        type_: str = "warning",
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
    ) -> None:
        """Append an event to a job's log; ``data`` are further fields of it. The last metrics of an epoch complete it."""
        super().add_event(job_id, message, level=level, type_=type_, data=data, at=at)
        if type_ == METRICS and data:
            step, total = data["step"], data["total_steps"]
            if step * EPOCHS // total > (step - 1) * EPOCHS // total:
                steps = {"step": step, "total_steps": total}
                message = f"Epoch completed, at step {step}"
                super().add_event(job_id, message, level=None, type_="epoch_complete", data=steps, at=at)

    @override
    def add_checkpoint(self, job_id: str, model: str, step: int, metrics: Mapping[str, float], at: float) -> JsonObject:
        """Append the checkpoint of a training step, and return it."""
        path = {"step": step, "checkpoint_path": checkpoint_path(job_id, step)}
        super().add_event(job_id, "Checkpoint saved", level=None, type_="checkpoint_save", data=path, at=at)
        return super().add_checkpoint(job_id, model, step, metrics, at)

    def without_metrics(self, job_id: str) -> list[JsonObject]:
        """Return the events of a job, oldest first."""
        return [event for event in self._events[job_id] if event["type"] != METRICS]


def checkpoint_path(job_id: str, step: int) -> str:
    """Return where the checkpoint of a step is stored."""
    return f"s3://sandbox-finetune/{job_id}/checkpoints/step-{step}"
