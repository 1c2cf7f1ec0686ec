"""``ftjob check``: health checks of every part of the setup, each with the fix for a failure."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from rich.table import Table

from bot.blocks.parts import format_duration
from bot.cli.check_account import UnreadablePart, read_as_the_bot_does
from bot.cli.check_slack import slack_findings
from bot.cli.finding import Finding
from bot.errors import (
    AccessDenialReason,
    AccessDenied,
    FtjobError,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    StoreDamaged,
    StoreInUse,
    StoreLocked,
    StoreUnusable,
    Unreachable,
)
from bot.jobs.models import DEFAULT_ACCOUNT
from bot.providers.account import AZURE, Account
from bot.providers.client import Client
from bot.providers.dialects.azure import AzureOptions
from bot.runtime.terminal import literal
from bot.settings.file import Config
from bot.settings.model import Settings
from bot.settings.secrets import looks_like_key
from bot.store.db.probe import probe

_SETTINGS = {
    DEFAULT_ACCOUNT: ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID and OPENAI_PROJECT_ID"),
    AZURE: ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_ENDPOINT"),
}
"""Account from the environment -> the settings with its key, its URL, and its organization."""
_KEYS = {
    DEFAULT_ACCOUNT: ("OPENAI_API_KEY", "OPENAI_WRITE_API_KEY"),
    AZURE: ("AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN", ""),
}
_OPENAI_HOST = "api.openai.com"
_FILE_SETTINGS = (
    "the variable named in the account's key_env",
    "the account's base_url in FTJOB_CONFIG",
    "the account's organization and project in FTJOB_CONFIG",
)
_ACCESS_FIXES = {
    AccessDenialReason.KEY: "Put a valid key in {key}.",
    AccessDenialReason.PERMISSION: "Give the key in {key} read access to fine-tuning jobs.",
    AccessDenialReason.ACCOUNT: "Ask the provider to reactivate the account, or put another account's key in {key}.",
    AccessDenialReason.PROJECT: "Correct or remove {named}.",
    AccessDenialReason.REGION: "Run the bot, or a proxy set in HTTPS_PROXY, in a region the provider serves.",
    AccessDenialReason.IP_ADDRESS: "Allow this machine's IP address in the provider's network rules.",
    AccessDenialReason.INTERMEDIARY: "Check the network, its proxy or firewall, and {address}.",
}
"""The fix for each reason of denied access."""
_DATABASE_TODO = "Correct DATABASE_URL or start the database."
_FILE_TODO = "Fix this before starting the bot."


async def findings(settings: Settings, notes: Sequence[str] = ()) -> list[Finding]:
    """Run all checks concurrently; return the findings in a fixed order. ``notes`` are warnings about settings."""
    readable = Finding("Settings", ok=True, found="all valid", todo=" ".join(notes))
    fine = [readable, _configuration(settings.ftjob_config), *_keys(settings), *_proxies(settings)]
    accounts = (_api(settings, account) for account in settings.accounts)
    tried = await asyncio.gather(_database(settings), slack_findings(settings), *accounts)
    return [*fine, *(finding for each in tried for finding in each)]


def table(found: list[Finding]) -> Table:
    """Return the findings as a table for a terminal."""
    result = Table(title="ftjob check", show_lines=False)
    for heading in ("", "Part", "Found", "What to do"):
        result.add_column(heading, overflow="fold")
    for finding in found:
        word = literal("ok", "green") if finding.ok else literal("fail", "red")
        result.add_row(word, *map(literal, (finding.part, finding.found, finding.todo)))
    return result


def _keys(settings: Settings) -> list[Finding]:
    """Return a note for each key that does not look like one; an OpenAI-compatible server may accept any."""
    odd = "doesn't look like a key"
    findings = []
    for account in (each for each in settings.accounts if not each.push_tokens):
        is_of_file = account in settings.accounts_of_file
        key, write_key = (account.name, f"{account.name} (write key)") if is_of_file else _KEYS[account.name]
        is_openai = urlsplit(account.base_url).hostname == _OPENAI_HOST
        todo = (
            "Copy it again. OpenAI keys start with sk-."
            if is_openai
            else "Copy it again, unless your server accepts keys like this."
        )
        for name, secret in ((key, account.key), (write_key, account.write_key)):
            if secret and not looks_like_key(secret.get_secret_value(), is_openai=is_openai):
                findings.append(Finding(f"Key: {name}", ok=True, found=odd, todo=todo))
    return findings


def _configuration(config: Config) -> Finding:
    prices = ", ".join(f"{model} ${price:,g}" for model, price in config.prices.items())
    times = {name.replace("_", " "): seconds for name, seconds in config.stuck}
    stalled = ", ".join(f"{name} {format_duration(seconds) if seconds else 'never'}" for name, seconds in times.items())
    found = f"stuck alerts: {stalled}; {f'prices per 1M trained tokens: {prices}' if prices else 'no prices'}"
    return Finding(
        "Configuration file", ok=True, found=found if config.model_fields_set else f"using defaults ({found})"
    )


def _proxies(settings: Settings) -> list[Finding]:
    """Return a finding with the proxy of each API, or none if no proxy is set."""
    proxies = settings.proxies
    if not (proxies.http or proxies.https or proxies.ignored):
        return []
    urls = {
        "Slack": settings.slack_api_url,
        **{_api_part(settings, each): each.base_url for each in settings.accounts if each.base_url},
    }
    used = {part: proxies.find(url) for part, url in urls.items()}
    found = "; ".join(
        f"{part}: {f'{proxy.name} ({proxy.host_port})' if proxy else 'none'}" for part, proxy in used.items()
    )
    return [Finding("Proxy", ok=True, found=found, todo=" ".join(f"{each}." for each in proxies.ignored))]


def _api_part(settings: Settings, account: Account) -> str:
    return "Fine-tuning API" if len(settings.accounts) == 1 else f"Fine-tuning API: {account.name}"


async def _database(settings: Settings) -> list[Finding]:
    try:
        found = await probe(settings.database_url.get_secret_value())
        without_effect = f"; ignored options in DATABASE_URL: {', '.join(found.ignored)}" if found.ignored else ""
        return [Finding("Database", ok=True, found=f"{found.kind}, {found.state}{without_effect}")]
    except StoreInUse:
        return [Finding("Database", ok=True, found="in use by another ftjob process; skipped")]
    except (StoreDamaged, StoreLocked) as error:
        return [Finding("Database", ok=False, found=str(error), todo=_FILE_TODO)]
    except StoreUnusable as error:
        todo = _DATABASE_TODO if isinstance(error.__cause__, OSError) else _FILE_TODO
        return [Finding("Database", ok=False, found=str(error), todo=todo)]
    except (FtjobError, OSError) as error:
        return [Finding("Database", ok=False, found=str(error), todo=_DATABASE_TODO)]
    except Exception as error:  # noqa: BLE001 - each driver has its own exceptions, whose texts may hold a password
        return [Finding("Database", ok=False, found=f"unusable: {type(error).__name__}", todo=_DATABASE_TODO)]


async def _api(settings: Settings, account: Account) -> list[Finding]:
    part = _api_part(settings, account)
    if account.push_tokens:
        return [
            Finding(
                f"Trainers: {account.name}", ok=True, found=f"ready for calls to PUT /push/{account.name}/jobs/<id>"
            )
        ]
    async with Client(account, proxies=settings.proxies) as client:
        try:
            found = await read_as_the_bot_does(client)
        except UnreadablePart as failed:
            error = failed.error
            todo = _todo(error, account, is_of_file=account in settings.accounts_of_file)
            return [Finding(part, ok=False, found=f"{failed.what}{error}", todo=todo)]
        actions_part = "Actions" if len(settings.accounts) == 1 else f"Actions: {account.name}"
        return [Finding(part, ok=True, found=found), _actions(actions_part, settings, account)]


def _actions(part: str, settings: Settings, account: Account) -> Finding:
    if settings.ftjob_read_only:
        return Finding(part, ok=True, found="off (read-only mode)")
    if account.write_key:
        return Finding(part, ok=True, found="uses a separate write key")
    todo = ""  # AZURE_OPENAI_ENDPOINT has no key for actions
    if account in settings.accounts_of_file:
        todo = "Optional: set write_key_env in FTJOB_CONFIG so the key in key_env can be read-only."
    elif account.name == DEFAULT_ACCOUNT:
        todo = "Optional: set OPENAI_WRITE_API_KEY so OPENAI_API_KEY can be read-only."
    return Finding(part, ok=True, found="uses the same key for reading and for actions", todo=todo)


def _todo(error: ProviderError, account: Account, *, is_of_file: bool) -> str:
    key, address, identifiers = _FILE_SETTINGS if is_of_file else _SETTINGS[account.name]
    if account.name == AZURE and isinstance(account.options, AzureOptions) and account.options.bearer:
        key = "AZURE_OPENAI_AD_TOKEN"
    match error:
        case AccessDenied(missing_scope=str(scope)):
            return f"Add the scope {scope} to the key."
        case AccessDenied():
            return _ACCESS_FIXES[error.reason].format(key=key, address=address, named=identifiers)
        case QuotaExceeded():
            return "Add credit or raise the spending limit."
        case RateLimited():
            return "Try again in a minute."
        case Unreachable() if error.todo:
            return error.todo.format(address=address)
        case _:
            return f"Check {address} and the network."
