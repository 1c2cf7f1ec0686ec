"""Endpoints under /fine_tuning/alpha/graders: required fields are validated, string checks are computed."""

import re
from collections.abc import Mapping
from typing import Any

from bot.sandbox.openai.api.wire import ApiRequest, JsonObject, invalid, require_object

_REQUIRED_FIELDS: Mapping[str, tuple[str, ...]] = {
    "string_check": ("name", "input", "reference", "operation"),
    "text_similarity": ("name", "input", "reference", "evaluation_metric"),
    "python": ("name", "source"),
    "score_model": ("name", "input", "model"),
    "multi": ("name", "graders", "calculate_output"),
}

_ERRORS: Mapping[str, bool | None] = {
    "formula_parse_error": False,
    "sample_parse_error": False,
    "truncated_observation_error": False,
    "unresponsive_reward_error": False,
    "invalid_variable_error": False,
    "other_error": False,
    "python_grader_server_error": False,
    "python_grader_server_error_type": None,
    "python_grader_runtime_error": False,
    "python_grader_runtime_error_details": None,
    "model_grader_server_error": False,
    "model_grader_refusal_error": False,
    "model_grader_parse_error": False,
    "model_grader_server_error_details": None,
}

_PLACEHOLDER = re.compile(r"\{\{\s*(sample|item)\.(\w+)\s*\}\}")


def validate(request: ApiRequest) -> JsonObject:
    """POST /fine_tuning/alpha/graders/validate: returns a valid grader."""
    return {"grader": check_grader(require_object(request.body).get("grader"), "grader")}


def run(request: ApiRequest) -> JsonObject:
    """POST /fine_tuning/alpha/graders/run: computes string checks; every other grader passes."""
    body = require_object(request.body)
    grader, sample, item = check_grader(body.get("grader"), "grader"), body.get("model_sample"), body.get("item", {})
    if not isinstance(sample, str):
        raise invalid("You must provide a model_sample parameter.", "model_sample")
    if not isinstance(item, dict):
        raise invalid("item must be an object.", "item")
    passed = grader["type"] != "string_check" or _check_string(grader, sample, item)
    return {
        "reward": 1.0 if passed else 0.0,
        "metadata": {
            "name": grader["name"],
            "type": grader["type"],
            "errors": dict(_ERRORS),
            "execution_time": 0.01,
            "scores": {},
            "token_usage": None,
            "sampled_model_name": None,
        },
        "sub_rewards": {},
        "model_grader_token_usage_per_model": {},
    }


def check_grader(grader: Any, param: str) -> JsonObject:
    """Return ``grader`` if it has the required fields of its type; ``param`` is its path in the request.

    Raises:
        ApiError: it is not a valid grader.
    """
    kind = grader.get("type") if isinstance(grader, dict) else None
    if not isinstance(grader, dict) or not isinstance(kind, str) or kind not in _REQUIRED_FIELDS:
        raise invalid(f"{param}.type must be one of {', '.join(_REQUIRED_FIELDS)}.", f"{param}.type")
    for name in _REQUIRED_FIELDS[kind]:
        if name not in grader:
            raise invalid(f"Missing required parameter: '{param}.{name}'.", f"{param}.{name}")
        if kind == "string_check" and not isinstance(grader[name], str):
            raise invalid(f"'{param}.{name}' must be a string.", f"{param}.{name}")
    return grader


def _check_string(grader: JsonObject, sample: str, item: Mapping[str, Any]) -> bool:
    sources: dict[str, Mapping[str, Any]] = {"sample": {"output_text": sample}, "item": item}

    def fill(template: str) -> str:
        return _PLACEHOLDER.sub(lambda match: str(sources[match[1]].get(match[2], "")), template)

    left, right = fill(grader["input"]), fill(grader["reference"])
    match grader["operation"]:
        case "eq":
            return left == right
        case "ne":
            return left != right
        case "like":
            return right in left
        case "ilike":
            return right.lower() in left.lower()
        case operation:
            raise invalid(f"'{operation}' is not one of eq, ne, like, ilike.", "grader.operation")
