"""Bodies of Together's responses, made of a job of the store.

As of the published client, together 3.1.1: ``types/finetune_response.py`` for one job, ``types/fine_tuning_list_response.py``
for a list and a cancellation, ``types/finetune_event.py``, ``types/fine_tuning_list_checkpoints_response.py``.
"""

import math
from datetime import UTC, datetime

from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.openai.native_jobs import Statuses
from bot.sandbox.together.event_log import EPOCHS, TogetherLog, checkpoint_path
from bot.sandbox.together.metrics import LEARNING_RATE

STATUSES = Statuses(
    {"validating_files": "pending", "succeeded": "completed", "failed": "error"}, {"user_error": "failed"}
)
PROJECT = "sandbox-project"

_USER = "user-sandbox"
_TOKENS = 500_000
_NANODOLLARS_PER_TOKEN = 480
_BEFORE_TRAINING = ("validating_files", "queued")


class Bodies:
    """Bodies of jobs, events and checkpoints."""

    def __init__(self, log: TogetherLog) -> None:
        self._log = log

    def short(self, job: JsonObject) -> JsonObject:
        """Return what a cancellation answers: the fields that the client requires."""
        return {
            "id": job["id"],
            "created_at": iso(job["created_at"]),
            "status": STATUSES.word(job),
            "updated_at": iso(self._updated_at(job)),
            "user_id": _USER,
        }

    def listed(self, job: JsonObject) -> JsonObject:
        """Return a job as it is in the list."""
        own = {
            "random_seed": job["seed"],
            "suffix": "",
            "max_seq_length": 8192,
            "packing": True,
            "owner_address": "",
            "wandb_name": "",
            "wandb_entity": "",
        }
        return self._common(job) | own | dict(job["native"])

    def full(self, job: JsonObject) -> JsonObject:
        """Return a job as it is when retrieved."""
        has_model = job["status"] == "succeeded"
        own = {
            "job_id": job["id"],
            "epochs_completed": self._epochs(job["id"]),
            "eval_steps": 0,
            "queue_depth": int(job["status"] == "queued"),
            "param_count": 8_030_261_248 if self._has_started(job) else 0,
            "trainingfile_numlines": 1000,
            "trainingfile_size": 512_000,
            "model_output_path": f"s3://sandbox-finetune/{job['id']}/model" if has_model else "",
            "model_object_id": f"ml_{job['id']}" if has_model else None,
            "model_object_name": f"{PROJECT}/{_output_name(job)}" if has_model else None,
            "wandb_url": "",
        }
        return self._common(job) | own | dict(job["native"])

    def event(self, event: JsonObject, zone: str) -> JsonObject:
        """Return an event, its time followed by ``zone``."""
        own = {name: event[name] for name in ("level", "message", "type")} | dict(event["data"])
        return {"object": "fine-tune-event", "created_at": iso_seconds(event["created_at"], zone)} | own

    def checkpoints(self, job: JsonObject, zone: str) -> list[JsonObject]:
        """Return the checkpoints of a job, oldest first; the last one of a finished job is the final one."""
        found = self._log.checkpoints(job["id"])[::-1]
        last = found[-1]["step_number"] if found and job["status"] == "succeeded" else None
        return [self._checkpoint(job, each, zone, is_final=each["step_number"] == last) for each in found]

    def _checkpoint(self, job: JsonObject, checkpoint: JsonObject, zone: str, *, is_final: bool) -> JsonObject:
        step = checkpoint["step_number"]
        return {
            "checkpoint_type": f"{'Final' if is_final else 'Intermediate'} (step {step})",
            "created_at": iso_seconds(checkpoint["created_at"], zone),
            "path": checkpoint_path(job["id"], step),
            "step": step,
            "checkpoint": "adapter",
            "object_id": f"ml_{checkpoint['id']}",
            "object_name": f"{PROJECT}/{_output_name(job)}-adapter-{step}",
            "object_revision_id": f"rv_{checkpoint['id']}",
        }

    def _common(self, job: JsonObject) -> JsonObject:
        started = self._has_started(job)
        return self.short(job) | {
            "started_at": iso(self._log.status_since[job["id"]]) if started else None,
            "model": job["model"],
            "model_output_name": f"{PROJECT}/{_output_name(job)}",
            "training_file": job["training_file"],
            "validation_file": job["validation_file"] or "",
            "n_epochs": EPOCHS,
            "n_checkpoints": 1,
            "n_evals": 0,
            "batch_size": 8,
            "learning_rate": LEARNING_RATE,
            "lr_scheduler": {"lr_scheduler_type": "linear", "lr_scheduler_args": {"min_lr_ratio": 0.0}},
            "warmup_ratio": 0.0,
            "max_grad_norm": 1.0,
            "weight_decay": 0.0,
            "training_method": {"method": "sft", "train_on_inputs": "auto"},
            "training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 16, "lora_dropout": 0.0},
            "token_count": _TOKENS if started else 0,
            "total_price": _TOKENS * EPOCHS * _NANODOLLARS_PER_TOKEN if started else 0,
            "progress": self._progress(job),
            "from_checkpoint": "",
            "wandb_project_name": "",
        }

    def _progress(self, job: JsonObject) -> JsonObject:
        """Return the estimate: the seconds that the present status takes, from ``started_at`` on, as the client counts."""
        finish = job["estimated_finish"]
        if job["status"] != "running" or finish is None:
            return {"estimate_available": False, "seconds_remaining": 0}
        seconds = math.ceil(finish - self._log.status_since[job["id"]])
        return {"estimate_available": True, "seconds_remaining": max(seconds, 0)}

    def _updated_at(self, job: JsonObject) -> float:
        logged = self._log.events(job["id"])[0]["created_at"]
        return float(max(logged, job["changed_at"], self._log.status_since[job["id"]]))

    def _epochs(self, job_id: str) -> int:
        measured = self._log.metrics(job_id)
        return int(measured[-1]["data"]["step"] * EPOCHS // measured[-1]["data"]["total_steps"]) if measured else 0

    @staticmethod
    def _has_started(job: JsonObject) -> bool:
        return job["status"] not in _BEFORE_TRAINING


def iso(at: float) -> str:
    """Return a time of a job, with its zone."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def iso_seconds(at: float, zone: str) -> str:
    """Return a time that the client takes for text, followed by ``zone``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}{zone}"


def _output_name(job: JsonObject) -> str:
    parts = [job["model"].rsplit("/", 1)[-1], job["native"].get("suffix"), job["id"].removeprefix("ft-")]
    return "-".join(part for part in parts if part)
