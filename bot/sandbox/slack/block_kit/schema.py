"""Strict Block Kit schemas with a fast validator that dispatches on ``type``, and errors in Slack's wording."""

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Literal

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

Surface = Literal["message", "modal_view", "home_view"]


def schema_errors(surface: Surface, payload: dict[str, Any], pointer: str = "") -> list[str]:
    """Return the schema errors of a payload in Slack's wording; ``at`` prefixes every JSON pointer."""
    return list(dict.fromkeys(_to_slack_error(error, pointer) for error in _schema(surface).errors(payload)))


class _Schema:
    """One schema, compiled once."""

    def __init__(self, surface: Surface) -> None:
        file = resources.files("bot.sandbox.slack.block_kit") / "schemas" / f"blockkit.strict.{surface}.schema.json"
        schema = json.loads(file.read_text(encoding="utf-8"))
        self._definitions: dict[str, Any] = schema["definitions"]
        self._types: dict[str, frozenset[str] | None] = {}
        keywords = {"anyOf": self._any_of, "allOf": self._all_of, "$ref": self._ref}
        strict = extend(Draft7Validator, keywords)  # type: ignore[no-untyped-call]  # jsonschema left it out
        self._validator = strict(schema)

    def errors(self, payload: dict[str, Any]) -> Iterator[ValidationError]:
        """Yield the errors; for a failed ``anyOf`` the most relevant one."""
        for error in self._validator.iter_errors(payload):
            yield best_match([error]) or error

    def _ref(self, validator: Any, ref: str, instance: Any, _: Any) -> Iterator[ValidationError]:
        yield from validator.descend(instance, self._definition(ref))

    def _definition(self, ref: str) -> Any:
        return self._definitions[ref.rpartition("/")[2]]

    def _any_of(self, validator: Any, choices: list[Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
        """Validate ``anyOf`` among objects by the branch of the instance's ``type``, and report that branch's errors."""
        fitting = self._of_type(choices, instance)
        if fitting == []:
            yield ValidationError(str(instance["type"]), validator="unsupported")
        elif fitting and len(fitting) == 1:
            yield from validator.descend(instance, fitting[0])
        else:
            standard = Draft7Validator.VALIDATORS["anyOf"]
            yield from standard(validator, fitting or choices, instance, schema)

    def _all_of(self, validator: Any, parts: list[Any], instance: Any, _: Any) -> Iterator[ValidationError]:
        """Validate ``allOf`` without the ``if type is ...`` branches of other types."""
        kind = instance.get("type") if isinstance(instance, dict) else None
        for part in parts:
            required_type = part.get("if", {}).get("properties", {}).get("type", {}).get("const")
            if required_type is None:
                yield from validator.descend(instance, part)
            elif required_type == kind:
                yield from validator.descend(instance, part["then"])

    def _of_type(self, choices: list[Any], instance: Any) -> list[Any] | None:
        """Return the branches for the instance's ``type``, None if that does not decide."""
        if not isinstance(instance, dict) or not isinstance(instance.get("type"), str):
            return None
        types = [self._types_of(choice) for choice in choices]
        if None in types:
            return None
        return [choice for choice, fit in zip(choices, types, strict=True) if fit and instance["type"] in fit]

    def _types_of(self, choice: dict[str, Any]) -> frozenset[str] | None:
        """Return the values of ``type`` that a branch accepts, None if it accepts any."""
        if ref := choice.get("$ref"):
            if ref not in self._types:
                self._types[ref] = self._types_of(self._definition(ref))
            return self._types[ref]
        if inner := choice.get("anyOf"):
            all_types = [self._types_of(branch) for branch in inner]
            return None if None in all_types else frozenset().union(*filter(None, all_types))
        const = choice.get("properties", {}).get("type", {}).get("const")
        return frozenset([const]) if const else None


@cache
def _schema(surface: Surface) -> _Schema:
    return _Schema(surface)


def _to_slack_error(error: ValidationError, parent: str) -> str:
    pointer = parent + "".join(f"/{step}" for step in error.absolute_path)
    limit: Any = error.validator_value
    match error.validator:
        case "maxItems":
            words = f"no more than {limit} items allowed"
        case "minItems":
            words = f"no fewer than {limit} items allowed"
        case "maxLength":
            words = f"must be less than {limit + 1} characters"
        case "minLength":
            words = f"must be more than {limit - 1} characters"
        case "required":
            words = f"missing required field: {_quoted(error.message)}"
        case "additionalProperties":
            words = f"invalid additional property: {_quoted(error.message)}"
        case "unsupported":
            words = f"unsupported type: {error.message}"
        case "type":
            words = f"must provide a {limit}"
        case "enum" | "const":
            words = "must be a valid enum value"
        case _:
            words = "failed to match all allowed schemas"
    return f"[ERROR] {words} [json-pointer:{pointer}]"


def _quoted(message: str) -> str:
    """Return the first 'quoted' word of jsonschema's message."""
    return message.split("'")[1] if "'" in message else message
