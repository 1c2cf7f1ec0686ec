"""The configuration file: what does not fit into one line of the environment. TOML, optional, checked as a whole.

[prices]                     # US dollars for a million trained tokens, by base model or how its name begins
"gpt-4o-mini" = 3.00

[stuck]                      # after how long people are told of a job that stands still; "off" never tells
validating_files = "1h"
queued = "6h"
silent = "2h"                # running without a new event
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from rapidfuzz import fuzz, process

from bot.redaction import redacted

NAME = "FTJOB_CONFIG"
HIGHEST_PRICE = 1_000_000.0
_TIME = re.compile(r"(?P<number>\d{1,6}(?:\.\d{1,3})?) ?(?P<unit>s|min|m|h|d)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_CLOSE_ENOUGH = 60
_LONGEST_KEY = 60


def _seconds(value: Any) -> float | None:
    if value is None or value == "off":
        return None
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(found["number"]) * _SECONDS[found["unit"]] if found else 0.0
    if seconds <= 0:
        raise ValueError('must be a time like "90min", "6h" or "2d", or "off"')
    return seconds


def _dollars(value: Any) -> float:
    if isinstance(value, dict):
        raise ValueError('is cut at a dot: put the whole name in quotes, as in "gpt-4.1" = 3.00')  # noqa: TRY004 - pydantic
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= HIGHEST_PRICE:
        raise ValueError("must be a number of US dollars above 0, without quotes")
    return float(value)


Seconds = Annotated[float | None, BeforeValidator(_seconds)]
Dollars = Annotated[float, BeforeValidator(_dollars)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StuckAfter(_Section):
    """After how many seconds people are told of a job that stands still; None: never."""

    validating_files: Seconds = 3600.0
    queued: Seconds = 6 * 3600.0
    silent: Seconds = 2 * 3600.0
    """Of a running job: since the newest line of its log."""


class Config(_Section):
    """All that the file can hold; without a file the defaults."""

    prices: dict[str, Dollars] = Field(default_factory=dict)
    """US dollars for a million trained tokens, by base model or how its name begins."""
    stuck: StuckAfter = StuckAfter()


def read_config(path: str) -> tuple[Config, list[str]]:
    """Return what the file at ``path`` says, and everything that is wrong with it, without a secret."""
    try:
        values = tomllib.loads(Path(path).read_bytes().decode())
        return Config.model_validate(values), []
    except OSError as error:
        return Config(), [f"{NAME} cannot be read: {error.strerror or type(error).__name__}"]
    except UnicodeDecodeError:
        return Config(), [f"{NAME} cannot be read: not text"]
    except tomllib.TOMLDecodeError as error:
        return Config(), [f"{NAME} is not TOML: {redacted(str(error))}"]
    except ValidationError as error:
        return Config(), [_in_words(problem) for problem in error.errors(include_input=False)]


def _in_words(problem: Any) -> str:
    place = [str(part) for part in problem["loc"]]
    name = redacted(".".join(place))[:_LONGEST_KEY]
    if problem["type"] == "extra_forbidden":
        section = StuckAfter if place[0] == "stuck" and len(place) > 1 else Config
        nearest = process.extractOne(
            place[-1], list(section.model_fields), scorer=fuzz.ratio, score_cutoff=_CLOSE_ENOUGH
        )
        known = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(section.model_fields)}"
        return f"{NAME}: {name!r} is unknown; {known}"
    if problem["type"] == "value_error":
        return f"{NAME}: {name!r} {problem['msg'].removeprefix('Value error, ')}"
    return f"{NAME}: {name!r} must be a table, as in [{place[0]}]"
