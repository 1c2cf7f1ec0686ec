"""How a job is trained: its method and hyperparameters, as asked for and as chosen for it."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.openai.api.wire import JsonObject

AUTO: Mapping[str, Any] = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
"""What a job has until numbers are chosen for it."""


def method_fields(body: JsonObject) -> JsonObject:
    """Return the fields ``method`` and ``hyperparameters`` of a job that is created with ``body``.

    Both say the same: what only one of them was given is filled in from there, then from the defaults.
    """
    given = body.get("method") or {"type": "supervised"}
    kind = given["type"]
    details = given.get(kind) or {}
    asked = details.get("hyperparameters") or body.get("hyperparameters") or {}
    wanted = {**AUTO, **asked}
    return {
        "method": {"type": kind, kind: {**details, "hyperparameters": wanted}},
        "hyperparameters": {name: wanted[name] for name in AUTO},
    }


def resolve_auto(job: JsonObject, chosen: Mapping[str, Any]) -> JsonObject:
    """Return the same two fields with ``chosen`` numbers in the place of every "auto"."""
    method = job.get("method") or {"type": "supervised"}
    kind = method["type"]
    details = method.get(kind) or {}
    return {
        "method": {**method, kind: {**details, "hyperparameters": _choose(details.get("hyperparameters"), chosen)}},
        "hyperparameters": _choose(job.get("hyperparameters"), chosen),
    }


def _choose(asked: Mapping[str, Any] | None, chosen: Mapping[str, Any]) -> JsonObject:
    return {name: chosen.get(name, value) if value == "auto" else value for name, value in (asked or {}).items()}
