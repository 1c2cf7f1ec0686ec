"""Field readers: how a dialect finds one value in an item of a response. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

FieldReader = Callable[[Mapping[str, Any]], Any]
"""Returns a value, or None if the item has none."""
Fields = Mapping[str, FieldReader]
"""Our name of each field, and how it is read."""


def field(*names: str) -> FieldReader:
    """Return a reader of the first of these fields that has a value; a dot leads into an object: "progress.percent"."""
    return lambda item: next((value for name in names if (value := _at(item, name)) not in (None, "")), None)


def same(*names: str) -> dict[str, FieldReader]:
    """Return readers of fields that the provider names as we do."""
    return {name: field(name) for name in names}


def time(*names: str) -> FieldReader:
    """Return a reader of the first of these fields that is an RFC 3339 time, as Unix seconds."""
    return lambda item: next((seconds for name in names if (seconds := timestamp(_at(item, name))) is not None), None)


def group(names: Mapping[str, str]) -> FieldReader:
    """Return a reader of several fields as one object: its key and the provider's field; 0 and "" are unset."""

    def read(item: Mapping[str, Any]) -> dict[str, Any] | None:
        found = {ours: value for ours, theirs in names.items() if (value := _at(item, theirs)) not in (None, "", 0)}
        return found or None

    return read


def converted(name: str, convert: Callable[[Any], Any]) -> FieldReader:
    """Return a reader of one field with its value converted; a value that cannot be converted is None."""

    def read(item: Mapping[str, Any]) -> Any:
        try:
            return convert(_at(item, name))
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            return None

    return read


def timestamp(value: Any) -> float | None:
    """Return an RFC 3339 time as Unix seconds, one without a zone as UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _at(item: Any, path: str) -> Any:
    for name in path.split("."):
        item = item.get(name) if isinstance(item, dict) else None
    return item
