"""Where settings come from: the environment, and a ``.env`` file in the working directory; the environment wins.

Each secret may instead stand in a file: ``SLACK_BOT_TOKEN_FILE=/run/...``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError

from bot import credentials
from bot.config import read_accounts, read_config
from bot.credentials import read_secret
from bot.errors import SettingsError
from bot.settings import SECRETS, Settings

NAMES = frozenset(Settings.model_fields) - {"accounts_of_file"}
"""Every setting that has a variable, which is its name in capitals."""


def load(environ: Mapping[str, str] = os.environ, *, dotenv: Path = Path(".env")) -> Settings:
    """Read and check all settings.

    Raises:
        SettingsError: with every problem found, none of them showing a secret.
    """
    known = _known(environ, dotenv)
    values: dict[str, Any] = {
        name: known[name.upper()].strip() for name in NAMES if known.get(name.upper(), "").strip()
    }
    from_files, problems = _from_files(known)
    context = {"disk_forgets": "DYNO" in known}
    if path := values.pop("ftjob_config", None):
        config, wrong = read_config(path)
        accounts, missing = read_accounts(config, known)
        problems += [*wrong, *missing]
        context["more_accounts"] = bool(config.accounts or wrong)
        from_files |= {"ftjob_config": config, "accounts_of_file": accounts}
        # A key that the file gives to an account of its own makes no second one.
        for section in config.accounts.values():
            values.pop(section.key_env.lower(), None)
            from_files.pop(section.key_env.lower(), None)
    try:
        settings = Settings.model_validate(values | from_files, context=context)
    except ValidationError as error:
        problems += [_in_words(problem) for problem in error.errors(include_input=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def readable_by_others(environ: Mapping[str, str] = os.environ, *, dotenv: Path = Path(".env")) -> dict[str, str]:
    """Return the settings whose file lets others than its owner at the secret, each with the file's mode ("0644")."""
    known = _known(environ, dotenv)
    return credentials.readable_by_others(SECRETS, known)


def _known(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    return {key: value for key, value in dotenv_values(dotenv).items() if value} | dict(environ)


def _from_files(known: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the secrets that stand in files, and what is wrong with the files."""
    values: dict[str, Any] = {}
    problems = []
    for name in SECRETS:
        if known.get(f"{name}_FILE"):
            try:
                values[name.lower()] = read_secret(name, known)
            except ValueError as error:
                problems.append(str(error))
    return values, problems


def _in_words(problem: Any) -> str:
    reason = str(problem["msg"]).removeprefix("Value error, ")
    name = str(problem["loc"][0]).upper()
    if problem["type"] == "missing":
        return f"{name} is missing"
    separator = " " if problem["type"] == "value_error" else ": "
    return f"{name}{separator}{reason[:1].lower()}{reason[1:]}"
