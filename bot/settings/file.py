"""Configuration file in TOML, optional: prices, timeouts for stalled jobs, more accounts.

[prices]                     # US dollars per million trained tokens, by base model or by a prefix of its name
"gpt-4o-mini" = 3.00

[stuck]                      # how long a job makes no progress until channels are alerted; "off" never alerts
validating_files = "1h"
queued = "6h"
silent = "2h"                # running without a new event

[accounts.research]          # one more account to poll, beside the one of OPENAI_API_KEY
provider = "openai"          # or another of docs/accounts.md
key_env = "RESEARCH_KEY"     # the environment variable that holds its key; never the key itself
project = "proj_..."
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from bot.jobs.stalled import StallTimeouts
from bot.providers.account import Account
from bot.settings.account_section import AnyAccountSection, Section, account_of, known_names
from bot.settings.secrets import read_text
from bot.telemetry.redaction import redacted

CONFIG_VARIABLE = "FTJOB_CONFIG"
MAX_PRICE = 1_000_000.0
_TIME = re.compile(r"(?P<number>\d{1,6}(?:\.\d{1,3})?) ?(?P<unit>s|min|m|h|d)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_YES_OR_NO = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}
_MAX_KEY_LENGTH = 60


def _seconds(value: Any) -> float | None:
    if value is None or value == "off":
        return None
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(found["number"]) * _SECONDS[found["unit"]] if found else 0.0
    if seconds <= 0:
        raise ValueError('must be a duration such as "90min", "6h", or "2d" (or "off")')
    return seconds


def _dollars(value: Any) -> float:
    if isinstance(value, dict):
        raise ValueError('is cut off at a dot; quote the whole name, as in "gpt-4.1" = 3.00')  # noqa: TRY004 - pydantic
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= MAX_PRICE:
        raise ValueError("must be a positive number of US dollars, without quotes")
    return float(value)


def _account_name(value: Any) -> str:
    if not isinstance(value, str) or not _ACCOUNT_NAME.fullmatch(value):
        raise ValueError(
            "isn't a valid account name; use up to 32 lowercase letters, digits, and hyphens, starting with a letter"
        )
    return value


AccountName = Annotated[str, BeforeValidator(_account_name)]
Seconds = Annotated[float | None, BeforeValidator(_seconds)]
Dollars = Annotated[float, BeforeValidator(_dollars)]


def _yes_or_no(value: Any) -> bool:
    if (said := str(value).casefold()) not in _YES_OR_NO:
        raise ValueError("must be yes or no (true, false, on, off, 1, and 0 also work)")
    return _YES_OR_NO[said]


Flag = Annotated[bool, BeforeValidator(_yes_or_no)]
"""A boolean setting, in any case."""


class StalledSection(Section):
    """Section ``[stuck]``: the timeouts of stalled jobs."""

    validating_files: Seconds = StallTimeouts.validating_files
    queued: Seconds = StallTimeouts.queued
    silent: Seconds = StallTimeouts.silent

    @property
    def stalled_after(self) -> StallTimeouts:
        """The section as the value of the domain."""
        return StallTimeouts(**dict(self))


class Config(Section):
    """The configuration file; the defaults without one."""

    prices: dict[str, Dollars] = Field(default_factory=dict)
    """US dollars per million trained tokens, by base model or by a prefix of its name."""
    stuck: StalledSection = StalledSection()
    accounts: dict[AccountName, AnyAccountSection] = Field(default_factory=dict)
    """By account name."""

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that hold the accounts' secrets."""
        return frozenset(name for each in self.accounts.values() for name in each.variables)


_SECTIONS: dict[str, type[Section]] = {"stuck": StalledSection}


def read_config(path: str) -> tuple[Config, list[str]]:
    """Return the configuration at ``path``, and all its problems, without secrets."""
    try:
        values = tomllib.loads(read_text(Path(path)))
        return Config.model_validate(values), []
    except FileNotFoundError as error:
        return Config(), [f"{CONFIG_VARIABLE} can't be read: {error.strerror}"]
    except tomllib.TOMLDecodeError as error:
        return Config(), [f"{CONFIG_VARIABLE} isn't valid TOML: {redacted(str(error))}"]
    except ValidationError as error:
        return Config(), [_describe(problem) for problem in error.errors(include_input=False)]
    except RecursionError:
        return Config(), [f"{CONFIG_VARIABLE} isn't valid TOML: it's nested too deeply"]
    except ValueError as error:  # an unreadable file, or a number with thousands of digits
        return Config(), [f"{CONFIG_VARIABLE} can't be read: {error}"]


def read_accounts(config: Config, env: Mapping[str, str]) -> tuple[list[Account], list[str]]:
    """Return the accounts of the file with their keys from the environment, and their problems.

    Args:
        config: the parsed file.
        env: the environment.
    """
    accounts, problems = [], list[str]()
    for name, section in config.accounts.items():
        try:
            accounts.append(account_of(name, section, env))
        except ValueError as error:
            problems.append(f"{CONFIG_VARIABLE}: account {name}: {error}")
    return accounts, problems


def _expected(problem: Any) -> str:
    """Return what a value of an account must be."""
    kind = problem["type"]
    if kind.startswith("bool"):
        return "true or false"
    if kind == "enum":
        return f"one of {problem['ctx']['expected']}"
    return 'a list, as in ["cancel"]' if "set" in kind or "list" in kind else "text in quotes"


def _describe(problem: Any) -> str:
    path = [str(part) for part in problem["loc"]]
    if problem["type"] == "value_error" and path[-1] == "[key]":  # pydantic's word for the name of a section
        path = path[-2:-1]
    name = redacted(".".join(path))[:_MAX_KEY_LENGTH]
    if problem["type"] == "extra_forbidden":
        section = _SECTIONS.get(path[0], Config) if len(path) > 1 else Config
        return f"{CONFIG_VARIABLE}: {name!r} is unknown; {known_names(path[-1], list(section.model_fields))}"
    if problem["type"] == "unknown_key":
        return f"{CONFIG_VARIABLE}: {name!r} {problem['msg']}"
    if problem["type"] == "missing":
        return f"{CONFIG_VARIABLE}: {name!r} is missing"
    if problem["type"] == "value_error":
        return f"{CONFIG_VARIABLE}: {name!r} {problem['msg'].removeprefix('Value error, ')}"
    if len(path) > 2:  # noqa: PLR2004 - a field of one account
        return f"{CONFIG_VARIABLE}: {name!r} must be {_expected(problem)}"
    return f"{CONFIG_VARIABLE}: {name!r} must be a table, as in [{'.'.join(path)}]"
