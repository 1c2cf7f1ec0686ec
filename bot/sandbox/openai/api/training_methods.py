"""Training methods: a job's method and hyperparameters, as requested and as resolved from "auto"."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.openai.api.wire import JsonObject

AUTO: Mapping[str, Any] = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
"""Default hyperparameters."""


def method_fields(body: JsonObject) -> JsonObject:
    """Return the fields ``method`` and ``hyperparameters`` of a job that is created with ``body``.

    Both hold the same hyperparameters: those of either field, completed by the defaults.
    """
    method = body.get("method") or {"type": "supervised"}
    kind = method["type"]
    details = method.get(kind) or {}
    requested = details.get("hyperparameters") or body.get("hyperparameters") or {}
    hyperparameters = {**AUTO, **requested}
    return {
        "method": {"type": kind, kind: {**details, "hyperparameters": hyperparameters}},
        "hyperparameters": {name: hyperparameters[name] for name in AUTO},
    }


def resolve_auto(job: JsonObject, hyperparameters: Mapping[str, Any]) -> JsonObject:
    """Return the same two fields with each "auto" replaced from ``hyperparameters``."""
    method = job.get("method") or {"type": "supervised"}
    kind = method["type"]
    details = method.get(kind) or {}
    return {
        "method": {
            **method,
            kind: {**details, "hyperparameters": _resolve_values(details.get("hyperparameters"), hyperparameters)},
        },
        "hyperparameters": _resolve_values(job.get("hyperparameters"), hyperparameters),
    }


def _resolve_values(values: Mapping[str, Any] | None, chosen: Mapping[str, Any]) -> JsonObject:
    return {name: chosen.get(name, value) if value == "auto" else value for name, value in (values or {}).items()}
