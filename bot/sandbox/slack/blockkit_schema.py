"""The strict Block Kit schemas, fast: a validator that looks at ``type`` first, and its errors in Slack's words."""

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Literal

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

Surface = Literal["message", "modal_view", "home_view"]


def schema_errors(surface: Surface, payload: dict[str, Any], at: str = "") -> list[str]:
    """Return what the schema of ``surface`` finds wrong, in Slack's words; ``at`` begins every pointer."""
    return list(dict.fromkeys(_in_slack_words(error, at) for error in _schema(surface).errors(payload)))


class _Schema:
    """One schema, compiled once."""

    def __init__(self, surface: Surface) -> None:
        file = resources.files("bot.sandbox.slack") / "schemas" / f"blockkit.strict.{surface}.schema.json"
        schema = json.loads(file.read_text(encoding="utf-8"))
        self._definitions: dict[str, Any] = schema["definitions"]
        self._types: dict[str, frozenset[str] | None] = {}
        keywords = {"anyOf": self._any_of, "allOf": self._all_of, "$ref": self._ref}
        strict = extend(Draft7Validator, keywords)  # type: ignore[no-untyped-call]  # jsonschema left it out
        self._validator = strict(schema)

    def errors(self, payload: dict[str, Any]) -> Iterator[ValidationError]:
        """Yield what is wrong, the true fault where a choice failed."""
        for error in self._validator.iter_errors(payload):
            yield best_match([error]) or error

    def _ref(self, validator: Any, ref: str, instance: Any, _: Any) -> Iterator[ValidationError]:
        yield from validator.descend(instance, self._definition(ref))

    def _definition(self, ref: str) -> Any:
        return self._definitions[ref.rpartition("/")[2]]

    def _any_of(self, validator: Any, choices: list[Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
        """``anyOf`` among objects is decided by ``type``: one branch to check, and its errors are the faults."""
        fitting = self._of_type(choices, instance)
        if fitting == []:
            yield ValidationError(str(instance["type"]), validator="unsupported")
        elif fitting and len(fitting) == 1:
            yield from validator.descend(instance, fitting[0])
        else:
            standard = Draft7Validator.VALIDATORS["anyOf"]
            yield from standard(validator, fitting or choices, instance, schema)

    def _all_of(self, validator: Any, parts: list[Any], instance: Any, _: Any) -> Iterator[ValidationError]:
        """``allOf`` skips the rungs of an ``if type is ...`` ladder that are about other types."""
        kind = instance.get("type") if isinstance(instance, dict) else None
        for part in parts:
            wanted = part.get("if", {}).get("properties", {}).get("type", {}).get("const")
            if wanted is None:
                yield from validator.descend(instance, part)
            elif wanted == kind:
                yield from validator.descend(instance, part["then"])

    def _of_type(self, choices: list[Any], instance: Any) -> list[Any] | None:
        """Return the choices for the instance's ``type``; None where that does not decide."""
        if not isinstance(instance, dict) or not isinstance(instance.get("type"), str):
            return None
        types = [self._types_of(choice) for choice in choices]
        if None in types:
            return None
        return [choice for choice, fit in zip(choices, types, strict=True) if fit and instance["type"] in fit]

    def _types_of(self, choice: dict[str, Any]) -> frozenset[str] | None:
        """Return the values of ``type`` that a branch takes; None where it takes any."""
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


def _in_slack_words(error: ValidationError, at: str) -> str:
    pointer = at + "".join(f"/{step}" for step in error.absolute_path)
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
