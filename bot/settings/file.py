"""Configuration file in TOML, optional: prices, timeouts for stalled jobs, more accounts.

[prices]                     # US dollars per million trained tokens, by base model or by a prefix of its name
"gpt-4o-mini" = 3.00

[stuck]                      # how long a job makes no progress until channels are alerted; "off" never alerts
validating_files = "1h"
queued = "6h"
silent = "2h"                # running without a new event

[accounts.research]          # one more account to poll, beside the one of OPENAI_API_KEY
provider = "openai"          # or "azure", "together", "fireworks"
key_env = "RESEARCH_KEY"     # the environment variable that holds its key; never the key itself
project = "proj_..."
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from rapidfuzz import fuzz, process

from bot.jobs.stalled import StallTimeouts
from bot.net.urls import check_azure, check_http
from bot.providers.account import PROVIDERS, Account
from bot.settings.secrets import check_secret, read_secret, read_text, webhook_secrets
from bot.telemetry.redaction import redacted

CONFIG_VARIABLE = "FTJOB_CONFIG"
PORT_REQUIRED = "requires PORT: webhooks arrive over HTTP, and in Socket Mode the bot listens only if PORT is set"
MAX_PRICE = 1_000_000.0
_TIME = re.compile(r"(?P<number>\d{1,6}(?:\.\d{1,3})?) ?(?P<unit>s|min|m|h|d)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?", re.ASCII)
_YES_OR_NO = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}
_MIN_SCORE = 60
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


def _provider(value: Any) -> str:
    if not isinstance(value, str) or value not in PROVIDERS:
        raise ValueError(f"must be one of {', '.join(PROVIDERS)}")
    return str(value)


def _variable(value: Any) -> str:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise ValueError("must be the name of an environment variable, such as RESEARCH_KEY, not the secret itself")
    return value


def _account_name(value: Any) -> str:
    if not isinstance(value, str) or not _ACCOUNT_NAME.fullmatch(value):
        raise ValueError(
            "isn't a valid account name; use up to 32 lowercase letters, digits, and hyphens, starting with a letter"
        )
    return value


VariableName = Annotated[str, BeforeValidator(_variable)]
AccountName = Annotated[str, BeforeValidator(_account_name)]
Seconds = Annotated[float | None, BeforeValidator(_seconds)]
Dollars = Annotated[float, BeforeValidator(_dollars)]


def _yes_or_no(value: Any) -> bool:
    if (said := str(value).casefold()) not in _YES_OR_NO:
        raise ValueError("must be yes or no (true, false, on, off, 1, and 0 also work)")
    return _YES_OR_NO[said]


Flag = Annotated[bool, BeforeValidator(_yes_or_no)]
"""A boolean setting, in any case."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StalledSection(_Section):
    """Section ``[stuck]``: the timeouts of stalled jobs."""

    validating_files: Seconds = StallTimeouts.validating_files
    queued: Seconds = StallTimeouts.queued
    silent: Seconds = StallTimeouts.silent

    @property
    def stalled_after(self) -> StallTimeouts:
        """The section as the value of the domain."""
        return StallTimeouts(**dict(self))


class AccountSection(_Section):
    """One account. Its secrets are in environment variables, or in files named by ``<NAME>_FILE``."""

    provider: Annotated[str, BeforeValidator(_provider)] = "openai"
    key_env: VariableName
    write_key_env: VariableName | None = None
    """Used for actions only."""
    webhook_secret_env: VariableName | None = None
    base_url: str | None = None
    """The API's base URL, if not the provider's default; for Azure the endpoint of the resource."""
    organization: str | None = None
    """The organization, for keys that belong to several; for Fireworks the account."""
    project: str | None = None
    api_version: str | None = None
    """Azure's API version, such as "2024-10-21"; None is the v1 API, which has no versions."""
    bearer: bool = False
    """Whether the key is a token of Entra ID, for Azure."""
    page: str | None = None
    """The URL of a job's web page with {job} for its id, if not the provider's own."""


class Config(_Section):
    """The configuration file; the defaults without one."""

    prices: dict[str, Dollars] = Field(default_factory=dict)
    """US dollars per million trained tokens, by base model or by a prefix of its name."""
    stuck: StalledSection = StalledSection()
    accounts: dict[AccountName, AccountSection] = Field(default_factory=dict)
    """By account name."""

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that hold the accounts' secrets."""
        names_of = ((each.key_env, each.write_key_env, each.webhook_secret_env) for each in self.accounts.values())
        return frozenset(name for names in names_of for name in names if name)


_SECTIONS: dict[str, type[_Section]] = {"stuck": StalledSection, "accounts": AccountSection}


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
            accounts.append(_account(name, section, env))
        except ValueError as error:
            problems.append(f"{CONFIG_VARIABLE}: account {name}: {error}")
    return accounts, problems


def _account(name: str, section: AccountSection, env: Mapping[str, str]) -> Account:
    base_url = section.base_url or PROVIDERS[section.provider]
    if base_url is None:
        raise ValueError("base_url is missing (the resource's endpoint, such as https://name.openai.azure.com)")
    _check_url("base_url", base_url, allow_http=env.get("FTJOB_ALLOW_HTTP") == "1")
    if "?" in base_url or "#" in base_url:
        raise ValueError("base_url must be a URL like https://host/path")
    if section.provider == "fireworks" and not section.organization:
        raise ValueError("organization is missing (your Fireworks account ID)")
    if not all(value.isascii() and value.isprintable() for value in (section.organization, section.project) if value):
        raise ValueError("organization and project must be IDs, such as org-abc123 and proj_abc123")
    if section.page is not None:
        _check_url("page", section.page.replace("{job}", "x"), allow_http=True)
        if set(section.page) & set("<>|"):
            raise ValueError("page must be a URL like https://host/jobs/{job}")
    try:
        check_azure(base_url, version := api_version(section.api_version))
    except ValueError as error:
        raise ValueError(f"api_version {error}") from None
    hooks = _secret(section.webhook_secret_env, env) if section.webhook_secret_env else ""
    if hooks and (env.get("SLACK_APP_TOKEN") or env.get("SLACK_APP_TOKEN_FILE")) and not env.get("PORT"):
        raise ValueError(f"webhook_secret_env {PORT_REQUIRED}")
    return Account(
        name,
        base_url.rstrip("/"),
        SecretStr(_secret(section.key_env, env)),
        SecretStr(_secret(section.write_key_env, env)) if section.write_key_env else None,
        section.organization,
        section.project,
        section.provider,
        version,
        section.bearer,
        section.page,
        tuple(map(SecretStr, _webhook_secrets(hooks))),
    )


def _check_url(key: str, url: str, *, allow_http: bool) -> None:
    try:
        check_http(url, allow_http=allow_http)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def _webhook_secrets(text: str) -> list[str]:
    try:
        return webhook_secrets(text)
    except ValueError:
        raise ValueError(
            "webhook_secret_env must name a variable that holds the signing secret OpenAI showed when you created the "
            "webhook (whsec_...)"
        ) from None


def _secret(variable: str, env: Mapping[str, str]) -> str:
    text = read_secret(variable, env)
    if not text:
        raise ValueError(f"neither {variable} nor {variable}_FILE is set")
    try:
        check_secret(text)
    except ValueError as error:
        raise ValueError(f"{variable} {error}") from None
    return text


def api_version(value: str | None) -> str | None:
    """Return Azure's API version, or None for the v1 API, which has no versions.

    Raises:
        ValueError: it is not a version.
    """
    if value is None or value == "v1":
        return None
    if not _API_VERSION.fullmatch(value):
        raise ValueError('must be an Azure API version such as "2024-10-21", or "v1"')
    return value


def _describe(problem: Any) -> str:
    path = [str(part) for part in problem["loc"]]
    if problem["type"] == "value_error" and path[-1] == "[key]":  # pydantic's word for the name of a section
        path = path[-2:-1]
    name = redacted(".".join(path))[:_MAX_KEY_LENGTH]
    if problem["type"] == "extra_forbidden":
        section = _SECTIONS.get(path[0], Config) if len(path) > 1 else Config
        nearest = process.extractOne(path[-1], list(section.model_fields), scorer=fuzz.ratio, score_cutoff=_MIN_SCORE)
        known = f"did you mean {nearest[0]}?" if nearest else f"known names: {', '.join(section.model_fields)}"
        return f"{CONFIG_VARIABLE}: {name!r} is unknown; {known}"
    if problem["type"] == "missing":
        return f"{CONFIG_VARIABLE}: {name!r} is missing"
    if problem["type"] == "value_error":
        return f"{CONFIG_VARIABLE}: {name!r} {problem['msg'].removeprefix('Value error, ')}"
    if len(path) > 2:  # noqa: PLR2004 - a field of one account
        return f"{CONFIG_VARIABLE}: {name!r} must be {'true or false' if path[-1] == 'bearer' else 'text in quotes'}"
    return f"{CONFIG_VARIABLE}: {name!r} must be a table, as in [{'.'.join(path)}]"
