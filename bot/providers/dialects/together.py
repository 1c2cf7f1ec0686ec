"""Together's fine-tuning API. Its lists have no pages, its jobs no metadata and no result files.

As of the published client, together 3.1.1: ``resources/fine_tuning.py``, ``types/finetune_response.py``,
``types/finetune_event.py``, ``types/fine_tuning_list_metrics_params.py``.
Failures and cancellations: https://docs.together.ai/docs/fine-tuning-troubleshooting
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bot.jobs.statuses import Phase
from bot.providers.auth import Bearer
from bot.providers.dialect import FINAL, SUCCEEDED, Dialect, ItemList, Listing
from bot.providers.dialects import openai
from bot.providers.fields import converted, field, group, time, timestamp

NANODOLLARS = 1_000_000_000
"""Units of ``total_price`` in a dollar."""
_LEVELS = {"legacy_info": "info", "legacy_iwarning": "warning", "legacy_ierror": "error"}
_LEVELS_BY_TYPE = {"job_error": "error", "billing_limit": "error", "warning": "warning"}
"""``level`` is optional, and null in the documentation's example of a failure."""


def _level(item: Mapping[str, Any]) -> str:
    given = str(item.get("level") or "info")
    return _LEVELS_BY_TYPE.get(str(item.get("type")), _LEVELS.get(given, given))


def _event_id(item: Mapping[str, Any]) -> str:
    """Return an ID made of the event, which has none."""
    parts = [item.get(name) for name in ("created_at", "type", "step", "message")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _estimated_finish(item: Mapping[str, Any]) -> float | None:
    """Return when the job will finish; ``seconds_remaining`` counts from its start, as the published client reads it."""
    seconds, started_at = field("progress.seconds_remaining")(item), timestamp(item.get("started_at"))
    is_known = field("progress.estimate_available")(item) and isinstance(seconds, int | float) and seconds > 0
    return started_at + seconds if is_known and started_at else None


DIALECT = Dialect(
    id="together",
    name="Together",
    base_url="https://api.together.ai/v1",
    auth=Bearer(),
    listings=(Listing("/fine-tunes", job_page="https://api.together.ai/fine-tuning/{job}"),),
    job={
        "id": field("id"),
        "status": field("status"),
        "created_at": time("created_at"),
        "finished_at": time("updated_at"),
        "model": field("model"),
        "fine_tuned_model": field("model_output_name", "model_object_name"),
        "training_file": field("training_file"),
        "validation_file": field("validation_file"),
        "trained_tokens": field("token_count"),
        "seed": field("random_seed"),
        "method": converted("training_method", lambda method: {"type": method["method"]}),
        "hyperparameters": group(
            {
                "n_epochs": "n_epochs",
                "batch_size": "batch_size",
                "learning_rate": "learning_rate",
                "warmup_ratio": "warmup_ratio",
                "weight_decay": "weight_decay",
                "train_on_inputs": "train_on_inputs",
                "lora_r": "training_type.lora_r",
                "lora_alpha": "training_type.lora_alpha",
            }
        ),
        "estimated_finish": _estimated_finish,
        "cost": converted("total_price", lambda nanodollars: nanodollars / NANODOLLARS),
        "suffix": field("suffix"),
    },
    only_in={
        "fine_tuned_model": SUCCEEDED,  # its name is known from the start
        "trained_tokens": SUCCEEDED,
        "finished_at": FINAL,
        "cost": FINAL,
        "estimated_finish": frozenset({Phase.ACTIVE}),
    },
    statuses={
        "pending": "pending",
        "queued": "queued",
        "running": "running",
        "compressing": "compressing",
        "uploading": "uploading",
        "cancel_requested": "cancelling",
        "cancelled": "cancelled",
        "error": "error",
        "user_error": "user_error",
        "completed": "completed",
    },
    actions=openai.CANCEL,
    events=ItemList(
        "/events",
        {
            "id": _event_id,
            "created_at": time("created_at"),
            "level": _level,
            "message": field("message"),
            "type": field("type"),
            "data": group({"step": "step", "total_steps": "total_steps"}),
        },
    ),
    explained_in_log=frozenset({Phase.FAILED, Phase.CANCELLED}),  # an empty balance cancels, too
    checkpoints=ItemList(
        "/checkpoints",
        {
            "id": field("object_id", "path"),
            "created_at": time("created_at"),
            "fine_tuned_model_checkpoint": field("object_name", "path"),
            "step_number": field("step"),
        },
    ),
    metrics=ItemList(
        "/metrics",
        {
            "step": field("train/global_step", "eval/global_step"),
            "train_loss": field("train/loss"),
            "valid_loss": field("eval/loss"),
        },
        items="metrics",
        query=(("resolution", "500"),),
    ),
    hint=":rocket: Start a dedicated endpoint before use. It's billed per minute, even when idle.",
    create_with="Use `together fine-tuning create` instead.",
)
