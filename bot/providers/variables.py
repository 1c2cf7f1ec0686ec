"""Environment variables that a section of the configuration file names for its secrets. Pure."""

import re
from typing import Any

from pydantic import BeforeValidator

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)


def variable_name(example: str, held: str) -> BeforeValidator:
    """Return the validator of a variable's name; its error has an example, and the word for what the variable holds."""

    def validate(value: Any) -> str:
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise ValueError(f"must be the name of an environment variable, such as {example}, not the {held} itself")
        return value

    return BeforeValidator(validate)
