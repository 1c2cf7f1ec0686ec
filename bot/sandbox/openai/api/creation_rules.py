"""Validation of a job's creation, with the API's error messages."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.openai.api.files_and_models import FINE_TUNABLE, FilesAndModels, snapshot_of
from bot.sandbox.openai.api.graders import check_grader
from bot.sandbox.openai.api.wire import JsonObject, invalid

_KNOWN_FIELDS = frozenset(
    "model training_file hyperparameters suffix validation_file integrations seed method metadata".split()
)
_METHODS = ("supervised", "dpo", "reinforcement")
_EFFORTS = ("default", "low", "medium", "high")
_MAX_METADATA_PAIRS, _MAX_KEY_LENGTH, _MAX_VALUE_LENGTH = 16, 64, 512
_MAX_SUFFIX_LENGTH, _MAX_SEED, _MAX_INTEGRATIONS = 64, 2**31 - 1, 5


def validate_creation(body: JsonObject, files_and_models: FilesAndModels) -> None:
    """Validate the body of a creation request.

    Raises:
        ApiError: names the first invalid parameter.
    """
    for name in body:
        _require(name in _KNOWN_FIELDS, f"Unrecognized request argument supplied: {name}", name)
    _check_model(body.get("model"), files_and_models)
    _check_file(body.get("training_file"), "training_file", files_and_models)
    if body.get("validation_file") is not None:
        _check_file(body["validation_file"], "validation_file", files_and_models)
    _check_suffix(body.get("suffix"))
    _check_seed(body.get("seed"))
    _check_metadata(body.get("metadata"))
    _check_integrations(body.get("integrations"))
    _check_hyperparameters(body.get("hyperparameters"), "hyperparameters")
    _check_method(body.get("method"))


def _require(condition: object, message: str, param: str, code: str | None = None) -> None:
    if not condition:
        raise invalid(message, param, code=code)


def _check_model(model: Any, files_and_models: FilesAndModels) -> None:
    _require(model and isinstance(model, str), "You must provide a model parameter.", "model")
    is_tunable = snapshot_of(model) in FINE_TUNABLE or (model in files_and_models.models and model.startswith("ft:"))
    message = f"Model {model} is not available for fine-tuning or does not exist."
    _require(is_tunable, message, "model", "model_not_available")


def _check_file(file_id: Any, param: str, files_and_models: FilesAndModels) -> None:
    _require(file_id and isinstance(file_id, str), f"You must provide a {param} parameter.", param)
    _require(file_id in files_and_models.files, f"invalid {param}: {file_id}", param)
    purpose = files_and_models.files[file_id]["purpose"]
    _require(purpose == "fine-tune", f"The purpose of {file_id} is {purpose}, not fine-tune.", param)


def _check_suffix(suffix: Any) -> None:
    is_valid = suffix is None or (isinstance(suffix, str) and 1 <= len(suffix) <= _MAX_SUFFIX_LENGTH)
    _require(is_valid, f"suffix must have 1 to {_MAX_SUFFIX_LENGTH} characters.", "suffix")


def _check_seed(seed: Any) -> None:
    is_valid = seed is None or (_is_integer(seed) and 0 <= seed <= _MAX_SEED)
    _require(is_valid, f"seed must be an integer between 0 and {_MAX_SEED}.", "seed")


def _check_metadata(metadata: Any) -> None:
    if metadata is None:
        return
    _require(isinstance(metadata, dict), "metadata must be an object.", "metadata")
    _require(
        len(metadata) <= _MAX_METADATA_PAIRS, f"metadata can have at most {_MAX_METADATA_PAIRS} pairs.", "metadata"
    )
    for key, value in metadata.items():
        _require(
            len(key) <= _MAX_KEY_LENGTH, f"A metadata key can have at most {_MAX_KEY_LENGTH} characters.", "metadata"
        )
        is_valid = isinstance(value, str) and len(value) <= _MAX_VALUE_LENGTH
        _require(is_valid, f"A metadata value must be a string of at most {_MAX_VALUE_LENGTH} characters.", "metadata")


def _check_integrations(integrations: Any) -> None:
    if integrations is None:
        return
    is_valid = isinstance(integrations, list) and len(integrations) <= _MAX_INTEGRATIONS
    _require(is_valid, f"integrations must be a list of at most {_MAX_INTEGRATIONS}.", "integrations")
    for integration in integrations:
        is_wandb = (
            isinstance(integration, dict)
            and integration.get("type") == "wandb"
            and isinstance(integration.get("wandb"), dict)
        )
        _require(is_wandb, "An integration must be of type wandb.", "integrations")
        project = integration["wandb"].get("project")
        _require(isinstance(project, str), "A wandb integration must name its project.", "integrations")


def _check_method(method: Any) -> None:
    if method is None:
        return
    kind = method.get("type") if isinstance(method, dict) else None
    _require(kind in _METHODS, f"method.type must be one of {', '.join(_METHODS)}.", "method.type")
    details = method.get(kind, {})
    _require(isinstance(details, dict), f"method.{kind} must be an object.", f"method.{kind}")
    if kind == "reinforcement":
        check_grader(details.get("grader"), "method.reinforcement.grader")
    _check_hyperparameters(details.get("hyperparameters"), f"method.{kind}.hyperparameters")


def _check_hyperparameters(values: Any, param: str) -> None:
    if values is None:
        return
    _require(isinstance(values, dict), f"{param} must be an object.", param)
    for name, value in values.items():
        rule = _RULES.get(name)
        _require(rule, f"Unrecognized hyperparameter: {name}", param)
        _require(rule and rule(value), f"{value!r} is not a possible {name}.", f"{param}.{name}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_RULES: Mapping[str, Callable[[Any], bool]] = {
    "n_epochs": lambda value: value == "auto" or (_is_integer(value) and 1 <= value <= 50),  # noqa: PLR2004
    "batch_size": lambda value: value == "auto" or (_is_integer(value) and 1 <= value <= 256),  # noqa: PLR2004
    "learning_rate_multiplier": lambda value: value == "auto" or (_is_number(value) and value > 0),
    "beta": lambda value: value == "auto" or (_is_number(value) and 0 < value <= 2),  # noqa: PLR2004
    "compute_multiplier": lambda value: value == "auto" or (_is_number(value) and 1e-5 < value <= 10),  # noqa: PLR2004
    "eval_interval": lambda value: value == "auto" or (_is_integer(value) and value >= 1),
    "eval_samples": lambda value: value == "auto" or (_is_integer(value) and value >= 1),
    "reasoning_effort": lambda value: value in _EFFORTS,
}
"""Valid values of each hyperparameter, according to the specification."""
