"""Bodies of Fireworks' responses, made of a job of the store.

As of the published client, fireworks-ai 1.2.30: ``types/supervised_fine_tuning_job.py``, ``types/dpo_job.py``,
``types/reinforcement_fine_tuning_job.py``, ``types/shared/``. Only supervised jobs have a cost and the URL of a metrics file;
the other two kinds keep model and hyperparameters in ``trainingConfig``, and DPO jobs have no progress.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.fireworks.options import FireworksOptions
from bot.sandbox.openai.api.job_log import JobLog, reason_of
from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.openai.native_jobs import Statuses

SUPERVISED, DPO, REINFORCEMENT = "supervisedFineTuningJobs", "dpoJobs", "reinforcementFineTuningJobs"
COLLECTIONS = (SUPERVISED, DPO, REINFORCEMENT)
"""Kinds of jobs: the last part of their lists' paths, and the key of a page's items."""

CANCELLING = "JOB_STATE_CANCELLING"
STATUSES = Statuses(
    {
        "validating_files": "JOB_STATE_VALIDATING",
        "queued": "JOB_STATE_PENDING",
        "running": "JOB_STATE_RUNNING",
        "paused": "JOB_STATE_PAUSED",
        "succeeded": "JOB_STATE_COMPLETED",
        "failed": "JOB_STATE_FAILED",
        "cancelled": "JOB_STATE_CANCELLED",
    },
    {"JOB_STATE_EARLY_STOPPED": "succeeded", "JOB_STATE_EXPIRED": "failed"},
)
CODES = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "UNAUTHENTICATED": 16,
}
"""Codes of google.rpc that errors hold, by name."""

EPOCHS = 2
_BEFORE_TRAINING = ("validating_files", "queued", "JOB_STATE_CREATING", "JOB_STATE_CREATING_INPUT_DATASET")
_REASON_CODES = {"invalid_training_file": "INVALID_ARGUMENT"}


class Bodies:
    """Bodies of the jobs of one account."""

    def __init__(
        self, account: str, wandb_key: str, log: JobLog, signed_url: Callable[[str], str], options: FireworksOptions
    ) -> None:
        self._account, self._wandb_key, self._log = account, wandb_key, log
        self._signed_url, self._options = signed_url, options

    def job(self, job: JsonObject) -> JsonObject:
        """Return a job."""
        of_kind: Mapping[str, Callable[[JsonObject], JsonObject]] = {
            SUPERVISED: self._supervised,
            DPO: self._dpo,
            REINFORCEMENT: self._reinforcement,
        }
        kind, native = job["collection"], dict(job["native"])
        return self._common(job, kind) | of_kind[kind](job) | native

    def _common(self, job: JsonObject, kind: str) -> JsonObject:
        finished = job["finished_at"]
        return {
            "name": f"accounts/{self._account}/{kind}/{job['id']}",
            "displayName": "",
            "createTime": rfc3339(job["created_at"]),
            "completedTime": rfc3339(finished) if finished is not None else None,
            "createdBy": "somebody@example.com",
            "dataset": f"accounts/{self._account}/datasets/sandbox",
            "state": STATUSES.word(job),
            "status": self._status(job),
            "trainerLogsSignedUrl": "",
            "awsS3Config": None,
            "azureBlobStorageConfig": None,
            "wandbConfig": {
                "enabled": True,
                "apiKey": self._wandb_key,
                "project": "sandbox",
                "entity": "team",
                "runId": job["id"],
                "url": f"https://wandb.example.com/team/sandbox/runs/{job['id']}",
            },
        }

    def _supervised(self, job: JsonObject) -> JsonObject:
        started = job["status"] not in _BEFORE_TRAINING
        cost = {"currencyCode": "USD", "units": "3", "nanos": 250_000_000}
        return self._training(job) | {
            "updateTime": rfc3339(max(job["changed_at"], self._log.events(job["id"])[0]["created_at"])),
            "evaluationDataset": "",
            "earlyStop": False,
            "isTurbo": False,
            "evalAutoCarveout": False,
            "nodes": 0,
            "jobProgress": self._progress(job),
            "estimatedCost": cost if started else None,
            "metricsFileSignedUrl": self._signed_url(job["id"]) if started else "",
        }

    def _dpo(self, job: JsonObject) -> JsonObject:
        return {"trainingConfig": self._training(job), "lossConfig": {"method": "DPO", "klBeta": 0.1}}

    def _reinforcement(self, job: JsonObject) -> JsonObject:
        rewards = [each["train_mean_reward"] for each in self._measured(job) if "train_mean_reward" in each]
        return {
            "trainingConfig": self._training(job),
            "evaluator": f"accounts/{self._account}/evaluators/sandbox",
            "evaluationDataset": "",
            "evalAutoCarveout": False,
            "nodeCount": 0,
            "acceleratorSeconds": {},
            "jobProgress": self._progress(job),
            "outputMetrics": json.dumps({"curves": {"average": {"Score": rewards}}}) if rewards else "",
            "outputStats": "",
        }

    def _training(self, job: JsonObject) -> JsonObject:
        """Return the model and the hyperparameters; a batch size of 0 stands for the default."""
        return {
            "baseModel": job["model"],
            "warmStartFrom": "",
            "outputModel": f"accounts/{self._account}/models/{job['id']}",
            "jinjaTemplate": "",
            "epochs": EPOCHS,
            "learningRate": 0.0001,
            "loraRank": 8,
            "maxContextLength": 8192,
            "batchSize": 0,
            "region": "REGION_UNSPECIFIED",
        }

    def _progress(self, job: JsonObject) -> JsonObject:
        measured = self._measured(job)
        step, total = (measured[-1]["step"], measured[-1]["total_steps"]) if measured else (0, 1)
        percent = 100 if job["status"] == "succeeded" else 100 * step // total
        return {"percent": percent, "epoch": min(EPOCHS * step // total, EPOCHS - 1)}

    def _status(self, job: JsonObject) -> JsonObject:
        if job["status"] != "failed" or self._options.hides_reasons:
            return {"code": "OK", "message": ""}
        code = _REASON_CODES.get(str((job["error"] or {}).get("code")), "INTERNAL")
        return {"code": code, "message": reason_of(job)}

    def _measured(self, job: JsonObject) -> list[Any]:
        return [event["data"] for event in self._log.metrics(job["id"])]


def error_body(code: str, message: str) -> JsonObject:
    """Return the body of an error response."""
    return {"code": CODES[code], "message": message, "details": []}


def rfc3339(at: float) -> str:
    """Return a time as text."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
