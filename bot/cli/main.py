"""The command line: ``ftjob run | check | audit | db | dialect | manifest | push | try``."""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

import structlog
import typer
import yaml
from rich.console import Console

from bot.app import process
from bot.cli import check
from bot.cli.dialect_check import problems_of
from bot.commands.about import VERSION
from bot.errors import FtjobError, SettingsError, StoreDamaged, StoreUnusable
from bot.runtime import manifest
from bot.settings.environment import load, misspelled, readable_by_others
from bot.settings.model import Settings
from bot.store import open_store
from bot.store.actions.audit import Audit, exported
from bot.store.db.engine import open_for_reading, sqlite_path
from bot.store.db.identity import StoreOrigin
from bot.store.sqlite.backup import back_up, mark_restored
from bot.telemetry import logs
from bot.telemetry.redaction import redacted
from bot.text import printable

EX_CONFIG = 78
"""Exit code (sysexits.h) for invalid settings and a corrupt database: a restart does not help."""

DEBUG = "--debug"

log = structlog.get_logger()

cli = typer.Typer(
    name="ftjob",
    help="A Slack bot for fine-tuning jobs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="Manage the database.", no_args_is_help=True)
cli.add_typer(db, name="db")
audit = typer.Typer(help="Export and verify the audit log.", no_args_is_help=True)
cli.add_typer(audit, name="audit")
dialect = typer.Typer(help="Check a provider's dialect.", no_args_is_help=True)
cli.add_typer(dialect, name="dialect")
push = typer.Typer(help="Let your own trainers report their jobs.", no_args_is_help=True)
cli.add_typer(push, name="push")


def _show_version(show: bool) -> None:  # noqa: FBT001 - Typer passes the option's value
    if show:
        typer.echo(f"ftjob {VERSION}")
        raise typer.Exit


@cli.callback()
def _ftjob(
    *,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an unexpected error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """A Slack bot for fine-tuning jobs. Settings come from the environment and from a .env file."""


@cli.command()
def run() -> None:
    """Run the bot."""
    settings = _settings(starts=True)
    logs.configure(settings.ftjob_log)
    for setting, mode in readable_by_others().items():
        log.warning("settings.readable_by_others", setting=setting, mode=mode, better="0600")
    for problem in misspelled():
        log.warning("settings.unrecognized", problem=problem)
    for problem in settings.proxies.ignored:
        log.warning("settings.proxy_ignored", problem=problem)
    if settings.ftjob_allow_http:
        log.warning("settings.http_allowed", setting="FTJOB_ALLOW_HTTP", without_tls=settings.without_tls)
    _with_clear_errors(process.run_until_stopped(settings), starts=True)


@cli.command("check")
def check_() -> None:
    """Check the setup and explain how to fix problems."""
    settings = _settings()
    findings = asyncio.run(check.findings(settings, misspelled()))
    console = Console()
    console.print(check.table(findings))
    raise typer.Exit(code=0 if all(finding.ok for finding in findings) else 1)


@db.command("upgrade")
def upgrade() -> None:
    """Migrate the database (done automatically by ftjob run)."""
    settings = _settings()

    async def open_and_close() -> None:
        async with open_store(settings.database_url.get_secret_value(), time.time):
            typer.echo("The database is up to date.")

    _with_clear_errors(open_and_close())


@db.command("backup")
def backup(target: Annotated[Path, typer.Argument(help="The file to write. It must not exist yet.")]) -> None:
    """Copy the SQLite database to a file, even while the bot is running."""
    url = _settings().database_url.get_secret_value()

    async def copy() -> None:
        if not url.startswith("sqlite"):
            raise FtjobError("The database is PostgreSQL. Back it up with pg_dump or your platform's backups.")
        back_up(sqlite_path(url), target)
        typer.echo(f"Copied to {printable(str(target))}.")

    _with_clear_errors(copy())


@db.command("restored")
def restored() -> None:
    """Mark the database as restored, so alerts sent after the backup was made aren't repeated. Run once."""
    settings = _settings()

    async def note() -> None:
        async with open_store(settings.database_url.get_secret_value(), time.time) as store:
            async with store.db.transaction() as tx:
                await mark_restored(store.db, tx)
            if store.identity.origin is StoreOrigin.OLDER:
                store.remember_identity()  # the user confirmed the restore
        typer.echo(
            "Done. Some alerts may already have been posted, so ftjob will check Slack before sending them again. Any it can't "
            "check will be marked as possible duplicates."
        )

    _with_clear_errors(note())


@audit.command("export")
def export() -> None:
    """Print the audit log as JSON Lines, oldest first, even while the bot is running."""

    async def work(rows: Audit) -> None:
        async for row in rows.all():
            at = datetime.fromtimestamp(row.at, UTC).isoformat()
            typer.echo(json.dumps({"id": row.id, "at": at, **exported(row.entry), "digest": row.row_hash}))

    _read_audit(work)


@audit.command("verify")
def verify() -> None:
    """Check for changed or removed rows (exit code 1 if there are any). Rows removed from the end can't be detected."""

    async def work(rows: Audit) -> None:
        if (broken := await rows.first_broken()) is not None:
            raise FtjobError(f"Audit log row {broken} was changed, or the row before it was removed.")
        typer.echo(
            "No changed or missing rows found. To detect rows removed from the end, compare with an earlier export."
        )

    _read_audit(work)


def _read_audit(work: Callable[[Audit], Coroutine[Any, Any, None]]) -> None:
    settings = _settings()

    async def read() -> None:
        async with open_for_reading(settings.database_url.get_secret_value(), time.time) as database:
            await work(Audit(database))

    _with_clear_errors(read())


@cli.command("manifest")
def manifest_(
    url: Annotated[
        str | None, typer.Option(help="Public URL where Slack can reach the bot, such as https://ftjob.example.com.")
    ] = None,
) -> None:
    """Print the Slack app manifest, for Socket Mode or (with --url) for HTTP."""
    if url is None:
        typer.echo(manifest.read(), nl=False)
        return
    if not _is_host(url):
        _fail([f"--url must look like https://host, not {url}"], code=2)
    typer.echo(yaml.safe_dump(manifest.for_http(url), sort_keys=False), nl=False)


@dialect.command("check")
def dialect_check(
    module: Annotated[str, typer.Argument(help="The module that defines DIALECT, such as my_package.dialect.")],
    cases: Annotated[Path, typer.Option(help="The folder with recorded responses (*.json).")],
) -> None:
    """Check a dialect against recorded responses (exit code 1 if it fails)."""
    try:
        problems = problems_of(module, cases)
    except FtjobError as error:
        _fail([str(error)], code=2)
    if problems:
        _fail(problems, code=1)
    typer.echo("The dialect passed every check.")


@push.command("token")
def push_token() -> None:
    """Print a new random token for trainers that push their jobs."""
    typer.echo(secrets.token_urlsafe(32))


@cli.command("try")
def try_(
    *,
    self_test: Annotated[bool, typer.Option("--tour", help="Run a scripted demo and verify it.")] = False,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Try ftjob without an account: a simulated Slack and fine-tuning API in your browser, with the real bot between them."""
    from bot.sandbox.demo.run import run_demo  # noqa: PLC0415
    from bot.sandbox.demo.self_test import run_self_test  # noqa: PLC0415 - the bot itself never loads the sandbox

    raise typer.Exit(code=asyncio.run(run_self_test() if self_test else run_demo(opens_browser=browser)))


def main() -> None:
    """Run the command line. An unexpected error is one line without its message; ``--debug`` shows the traceback."""
    try:
        cli()
    except Exception as error:
        if DEBUG in sys.argv:
            raise
        command = " ".join(["ftjob", DEBUG, *(word for word in sys.argv[1:] if word.isalpha())])
        _fail([f"unexpected {type(error).__name__}. Run `{command}` for the traceback."], code=1)


def _is_host(url: str) -> bool:
    """Whether ``url`` is https:// and a host, without path, query or fragment."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as a port that is no number
        return False
    has_more = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in url or len(url.split()) != 1
    return parts.scheme == "https" and has_host and not has_more


def _settings(*, starts: bool = False) -> Settings:
    try:
        return load()
    except SettingsError as error:
        _fail(error.problems, code=EX_CONFIG, starts=starts)


def _with_clear_errors(work: Coroutine[Any, Any, None], *, starts: bool = False) -> None:
    try:
        asyncio.run(work)
    except StoreDamaged as error:
        _fail([redacted(str(error))], code=EX_CONFIG, starts=starts)
    except StoreUnusable as error:
        _fail([redacted(str(error))], code=error.exit_code, starts=starts)
    except (FtjobError, OSError) as error:
        # OSError: a missing folder, an unreachable server, a port in use.
        _fail([redacted(str(error))], code=1, starts=starts)


def _fail(problems: list[str], *, code: int, starts: bool = False) -> NoReturn:
    """Print the problems and exit; ``starts`` means that they keep the bot from starting."""
    lines = [printable(problem) for problem in problems]
    if starts:
        count = f" ({len(lines)} problems)" if len(lines) > 1 else ""
        lines = [f"ftjob can't start{count}:", *(f"  - {line}" for line in lines)]
    elif len(lines) == 1:
        lines = [f"ftjob: error: {lines[0]}"]
    else:
        lines = [f"ftjob: {len(lines)} errors:", *(f"  - {line}" for line in lines)]
    # A setting with invalid UTF-8 holds lone surrogates, which can't be encoded.
    logs.write_stderr("\n".join(lines).encode(errors="backslashreplace").decode())
    raise SystemExit(code)
