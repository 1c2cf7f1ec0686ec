"""``ftjob dialect check``: a dialect held to recorded responses and to the properties of every dialect."""

import importlib
import json
from pathlib import Path

from bot.errors import FtjobError
from bot.providers.conformance import Conformance
from bot.providers.dialect import Dialect


def problems_of(module: str, cases: Path) -> list[str]:
    """Return the problems of the dialect that a module defines as ``DIALECT``.

    Args:
        module: importable name of the module.
        cases: folder of JSON files, one case each.

    Raises:
        FtjobError: the module has no dialect, or the folder no cases.
    """
    conformance = Conformance(_dialect_in(module))
    files = sorted(cases.glob("*.json"))
    if not files:
        raise FtjobError(f"{cases} has no cases (*.json).")
    found = conformance.properties()
    for file in files:
        try:
            case = json.loads(file.read_text())
        except ValueError as error:
            found.append(f"{file.name} isn't valid JSON: {error}")
            continue
        if not isinstance(case, dict) or "body" not in case or "expected" not in case:
            found.append(f"{file.name}: must be an object with reads, body, and expected")
            continue
        found += conformance.of_case(file.name, case)
    return found


def _dialect_in(module: str) -> Dialect:
    try:
        dialect = getattr(importlib.import_module(module), "DIALECT", None)
    except ImportError as error:
        raise FtjobError(f"{module} can't be imported: {error}") from error
    if not isinstance(dialect, Dialect):
        raise FtjobError(f"{module} doesn't define DIALECT, a bot.providers.dialect.Dialect.")
    return dialect
