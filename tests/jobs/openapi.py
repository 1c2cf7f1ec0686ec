"""Random values of OpenAI's own schemas, for hypothesis.

hypothesis-jsonschema 0.23.1 cannot be used: it calls ``many.more()``, which hypothesis 6.170 no longer has. The
specification needs few keywords, so they are generated here, and every value is checked by jsonschema.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

PAYLOADS = Path(__file__).parents[1] / "payloads" / "openai"
MAX_ID_LENGTH = 200

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON, also NaN and infinity, which sloppy servers send."""

_KNOWN = frozenset(
    "type enum anyOf oneOf $ref properties required additionalProperties items maxItems minimum maximum"
    " exclusiveMinimum default description title example format discriminator nullable".split()
) | {"min_items", "max_items"}  # no keywords of JSON Schema; the specification has them on one number


@cache
def schemas() -> dict[str, Any]:
    """Return every schema of the specification, by name."""
    spec = json.loads((PAYLOADS / "openapi-fine-tuning.json").read_text())
    found: dict[str, Any] = spec["components"]["schemas"]
    return found


@cache
def validator(name: str) -> Draft202012Validator:
    """Return what tells whether a value is one of the schema's."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas()}})


@cache
def values_of(name: str) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of one schema; objects also carry fields that nobody has heard of."""
    return st.deferred(lambda: _of(schemas()[name]))


def _of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    unknown = {key for key in schema if key not in _KNOWN and not key.startswith("x-")}
    assert not unknown, f"the generator does not know {unknown}"
    if "$ref" in schema:
        return values_of(schema["$ref"].rsplit("/", 1)[1])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([_of(choice) for choice in choices])
    return _BY_TYPE[schema.get("type")](schema)


def _objects(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties, required = schema.get("properties", {}), set(schema.get("required", ()))
    free = schema.get("additionalProperties", True)
    others = _of(free) if isinstance(free, dict) else JSON
    names = st.text(min_size=1).filter(lambda name: name not in properties)
    extra = st.dictionaries(names, others, max_size=2) if free is not False else st.just({})
    named = st.fixed_dictionaries(
        {name: _of(value) for name, value in properties.items() if name in required},
        optional={name: _of(value) for name, value in properties.items() if name not in required},
    )
    return st.builds(lambda more, fields: {**more, **fields}, extra, named)


def _lists(schema: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(_of(schema["items"]), max_size=min(3, schema.get("maxItems", 3)))


def _numbers(schema: dict[str, Any]) -> st.SearchStrategy[float]:
    above = schema.get("exclusiveMinimum")
    return st.floats(
        min_value=schema.get("minimum", above),
        max_value=schema.get("maximum"),
        exclude_min=above is not None,
        allow_nan=False,
        allow_infinity=False,
    )


_BY_TYPE: dict[str | None, Callable[[dict[str, Any]], st.SearchStrategy[Any]]] = {
    "object": _objects,
    "array": _lists,
    "string": lambda _: st.text(max_size=30),
    "integer": lambda schema: st.integers(schema.get("minimum"), schema.get("maximum")),
    "number": _numbers,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
    None: lambda _: JSON,
}


def example(name: str) -> Any:
    """Return one example body."""
    return json.loads((PAYLOADS / "examples" / name).read_text())


def example_jobs() -> dict[str, dict[str, Any]]:
    """Return every job of the examples by where it stands, those inside lists one by one."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((PAYLOADS / "examples").glob("*.json")):
        body = json.loads(path.read_text())
        for number, item in enumerate(body["data"] if isinstance(body.get("data"), list) else [body]):
            if item.get("object") == "fine_tuning.job":
                found[f"{path.name}[{number}]"] = item
    return found
