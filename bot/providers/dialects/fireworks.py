"""Fireworks' fine-tuning API: supervised, DPO and reinforcement jobs. It has no job log.

As of the published client, fireworks-ai 1.2.30: ``types/supervised_fine_tuning_job.py``, ``types/dpo_job.py``,
``types/reinforcement_fine_tuning_job.py``, ``pagination.py``, ``types/shared/status.py``.
Deployments: https://docs.fireworks.ai/fine-tuning/deploying-loras
"""

from collections.abc import Mapping
from typing import Any

from bot.jobs.actions import JobAction
from bot.providers.auth import Bearer
from bot.providers.dialect import FAILED, SUCCEEDED, Call, Dialect, Listing, MetricsFile, Pages
from bot.providers.fields import converted, field, group, time

_ACCOUNT = "/accounts/{organization}"
_PAGES = Pages("pageSize", "pageToken", "nextPageToken")
# Field names as Google's AIP-132 has them; the client does not say.
_SORT = ("orderBy", "create_time desc")
_ROW = {
    "step": field("step"),
    "train_loss": field("train/loss", "data.train/loss"),
    "valid_loss": field("eval/loss", "data.eval/loss"),
}
"""A row is flat, or has its values in ``data``."""
_NANOS = 1_000_000_000


def _listing(kind: str, page: str, prefix: str, metrics_file: MetricsFile | None = None) -> Listing:
    return Listing(
        f"{_ACCOUNT}/{kind}",
        job_page=f"https://app.fireworks.ai/dashboard/fine-tuning/{page}/{{job}}",
        items=kind,
        pages=_PAGES,
        sort=_SORT,
        id_prefix=prefix,
        metrics_file=metrics_file,
    )


def _error(item: Mapping[str, Any]) -> Any:
    status = item.get("status")
    return status if isinstance(status, dict) and status.get("code") not in (None, "OK") else None


def _dollars(cost: Mapping[str, Any]) -> float | None:
    return int(cost.get("units") or 0) + (cost.get("nanos") or 0) / _NANOS if cost["currencyCode"] == "USD" else None


DIALECT = Dialect(
    id="fireworks",
    name="Fireworks",
    base_url="https://api.fireworks.ai/v1",
    auth=Bearer(),
    # An ID has no "_", so that the prefix of one kind is no ID of another.
    listings=(
        _listing("supervisedFineTuningJobs", "supervised", "ftjob-", MetricsFile(field("metricsFileSignedUrl"), _ROW)),
        _listing("dpoJobs", "dpo", "ftjob-dpo_", MetricsFile(field("signedUrl"), _ROW, ":getMetricsFileEndpoint")),
        _listing("reinforcementFineTuningJobs", "reinforcement", "ftjob-rft_"),
    ),
    job={
        "id": converted("name", lambda name: name.rsplit("/", 1)[-1]),
        "status": field("state"),
        "created_at": time("createTime"),
        "finished_at": time("completedTime"),
        "model": field("baseModel", "warmStartFrom", "trainingConfig.baseModel", "trainingConfig.warmStartFrom"),
        "fine_tuned_model": field("outputModel", "trainingConfig.outputModel"),
        "training_file": field("dataset"),
        "validation_file": field("evaluationDataset"),
        "suffix": field("displayName"),
        "hyperparameters": group(
            {
                "n_epochs": "epochs",
                "batch_size": "batchSize",
                "learning_rate": "learningRate",
                "lora_rank": "loraRank",
                "max_context_length": "maxContextLength",
            }
        ),
        "error": _error,
        "fraction_done": converted("jobProgress.percent", lambda percent: percent / 100),
        "cost": converted("estimatedCost", _dollars),
    },
    only_in={"fine_tuned_model": SUCCEEDED, "error": FAILED},  # the model's name is known from the start
    status_prefix="job_state_",
    statuses={
        "creating": "created",
        "creating_input_dataset": "validating_files",
        "validating": "validating_files",
        "pending": "pending",
        "re_queueing": "queued",
        "idle": "queued",
        "running": "running",
        "writing_results": "uploading",
        "paused": "paused",
        "cancelling": "cancelling",
        "deleting": "cancelling",
        "deleting_cleaning_up": "cancelling",
        "completed": "completed",
        "early_stopped": "completed",
        "failed": "failed",
        "expired": "expired",
        "cancelled": "cancelled",
        "deleted": "deleted",
        "unspecified": "unknown",
    },
    actions={JobAction.CANCEL: Call(":cancel", {}), JobAction.RESUME: Call(":resume", {})},
    hint=":rocket: Deploy the model on an on-demand deployment before use.",
    create_with="Use `firectl` instead.",
    organization="your Fireworks account ID",
)
