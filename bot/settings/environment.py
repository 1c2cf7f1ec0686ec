"""Loader of settings from the environment and a ``.env`` file in the working directory; the environment wins.

Each secret can be in a file instead: ``SLACK_BOT_TOKEN_FILE=/run/...``.
"""

import io
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError

from bot.errors import SettingsError
from bot.net.proxies import read_proxies
from bot.settings import secrets
from bot.settings.aliases import ALIASES, near_misses, resolve_aliases, unknown_settings
from bot.settings.file import CONFIG_VARIABLE as CONFIG
from bot.settings.file import Config, read_accounts, read_config
from bot.settings.model import SECRETS, Settings
from bot.settings.secrets import read_secret, read_text

NAMES = frozenset(Settings.model_fields) - {"accounts_of_file", "proxies"}
"""Every setting with an environment variable, which is its name in uppercase."""
VARIABLES = frozenset({name.upper() for name in NAMES} | {f"{name}_FILE" for name in SECRETS})
"""All environment variables that are read, with the ``_FILE`` variant of each secret."""
DOTENV = Path(".env")
CA_FILE = "SSL_CERT_FILE"


def load(environ: Mapping[str, str] = os.environ, *, dotenv: Path = DOTENV) -> Settings:
    """Load and validate all settings.

    Raises:
        SettingsError: with every problem found, without secrets.
    """
    known, problems = _read_env(environ, dotenv)
    path = known.get(CONFIG, "").strip()
    config, wrong = read_config(path) if path else (Config(), [])
    if not wrong:  # otherwise the variables that the file uses are not known
        problems += unknown_settings(known, VARIABLES, config.variables)
    known, origins, twice = resolve_aliases(known, account_variables=config.variables)
    problems += twice
    given = {name: text for name in NAMES if (text := known.get(name.upper(), "").strip())}
    no_text = [name for name, text in given.items() if name != CONFIG.lower() and not _is_text(text)]
    problems += [f"{origins.get(name.upper(), name.upper())} contains invalid UTF-8" for name in sorted(no_text)]
    values: dict[str, Any] = {name: text for name, text in given.items() if name not in no_text}
    from_files, unreadable = _from_files(known)
    proxies, unusable = read_proxies(known)
    problems += [*unreadable, *unusable, *_ca_file_problems(known, environ)]
    if values.pop(CONFIG.lower(), None):
        accounts, missing = read_accounts(config, known)
        problems += [*wrong, *missing]
        from_files |= {CONFIG.lower(): config, "accounts_of_file": accounts}
        # A key that the file assigns to an account does not create the default account, too.
        for name in (each.key_env for each in config.accounts.values() if each.key_env):
            values.pop(name.lower(), None)
            from_files.pop(name.lower(), None)
    context = {"disk_forgets": "DYNO" in known, "more_accounts": bool(config.accounts or wrong)}
    try:
        settings = Settings.model_validate(values | from_files | {"proxies": proxies}, context=context)
    except ValidationError as error:
        problems += [_describe(problem, origins) for problem in error.errors(include_input=False)]
    if problems:
        raise SettingsError([*problems, *near_misses(known, VARIABLES, config.variables)])
    return settings


def misspelled(environ: Mapping[str, str] = os.environ, *, dotenv: Path = DOTENV) -> list[str]:
    """Return a warning for each variable that is not read and named almost like an unset setting."""
    known, _ = _read_env(environ, dotenv)
    path = known.get(CONFIG, "").strip()
    config, _ = read_config(path) if path else (Config(), [])
    return near_misses(resolve_aliases(known, account_variables=config.variables)[0], VARIABLES, config.variables)


def readable_by_others(environ: Mapping[str, str] = os.environ, *, dotenv: Path = DOTENV) -> dict[str, str]:
    """Return the mode ("0644") of each secret file that users other than its owner can read.

    Keys are the setting that names the file, or ``.env``.
    """
    known, _ = _read_env(environ, dotenv)
    path = known.get(CONFIG, "").strip()
    config, _ = read_config(path) if path else (Config(), [])
    files = secrets.secret_files([*SECRETS, *ALIASES, *sorted(config.variables)], known)
    if any(_holds_secret(name, config) for name in _from_dotenv(dotenv)[0]):
        files[dotenv.name] = dotenv
    return secrets.readable_by_others(files)


def _holds_secret(name: str, config: Config) -> bool:
    return ALIASES.get(name, name) in SECRETS or name in config.variables


def _is_text(value: str) -> bool:
    """Whether a variable is valid UTF-8; invalid bytes arrive as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_env(environ: Mapping[str, str], dotenv: Path) -> tuple[dict[str, str], list[str]]:
    """Return all variables, and the problems of the ``.env`` file."""
    values, problems = _from_dotenv(dotenv)
    return values | dict(environ), problems


def _from_dotenv(dotenv: Path) -> tuple[dict[str, str], list[str]]:
    try:
        lines = list(parse_stream(io.StringIO(read_text(dotenv))))
    except FileNotFoundError:
        return {}, []
    except ValueError as error:
        return {}, [f"{dotenv.name} can't be read: {error}"]
    problems = [
        f"{dotenv.name}: line {each.original.line} isn't in the form NAME=value" for each in lines if each.error
    ]
    readable = io.StringIO("".join(each.original.string for each in lines if not each.error))
    return {key: value for key, value in dotenv_values(stream=readable).items() if value}, problems


def _from_files(env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the secrets in files, and the problems of the files."""
    values: dict[str, Any] = {}
    problems = []
    for name in SECRETS:
        if env.get(f"{name}_FILE"):
            try:
                values[name.lower()] = read_secret(name, env)
            except ValueError as error:
                problems.append(str(error))
    return values, problems


def _ca_file_problems(env: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """Return the problems of the CA file, which OpenSSL itself reads from the environment."""
    path = env.get(CA_FILE, "")
    if path and path != environ.get(CA_FILE):
        return [f"{CA_FILE} can't be set in a .env file; set it in the environment"]
    try:
        if path:
            ssl.create_default_context(cafile=path)
    except FileNotFoundError as error:
        return [f"{CA_FILE} can't be read: {error.strerror}"]
    except ssl.SSLError:
        return [f"{CA_FILE} doesn't contain a valid certificate"]
    except (OSError, ValueError) as error:
        return [f"{CA_FILE} can't be read: {getattr(error, 'strerror', None) or type(error).__name__}"]
    return []


def _describe(problem: Any, origins: Mapping[str, str]) -> str:
    field = str(problem["loc"][0])
    name = origins.get(field.upper(), field.upper())
    if problem["type"] == "missing":
        return f"{name} is missing"
    if problem["type"] == "value_error":
        return f"{name} {str(problem['msg']).removeprefix('Value error, ')}"
    return f"{name} must be {Settings.model_fields[field].description}"
