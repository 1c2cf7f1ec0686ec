"""Bring the schema up to date. Migrations are an append-only list, applied at start."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.errors import FtjobError
from bot.runtime.failpoints import failpoint
from bot.store.db.engine import Database


async def upgrade(db: Database, to: str = "head", *, keep: bool = True) -> None:
    """Apply the migrations that are missing, all in one transaction; on PostgreSQL one process at a time.

    ``to`` is the revision to stop at: the newest, but in a test of the way there. Unless ``keep``, nothing of it stays.

    Raises:
        FtjobError: the database was written by a newer program.
    """
    async with db.transaction(without_timeout=True) as tx:
        await db.advisory_lock(tx)
        await tx.run_sync(_upgrade, to)
        if not keep:
            await tx.rollback()


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a schema, None where there is none."""
    return MigrationContext.configure(connection).get_current_revision()


def is_behind(revision: str) -> bool:
    """Return whether migrations are missing in a schema of a revision.

    Raises:
        FtjobError: the database was written by a newer program.
    """
    scripts = ScriptDirectory.from_config(_config())
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise FtjobError(f"The database is from a newer version of ftjob (schema {revision}). Upgrade ftjob.")
    return revision != scripts.get_current_head()


def _upgrade(connection: Connection, to: str) -> None:
    if current := revision_of(connection):
        is_behind(current)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    failpoint("in_migration")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
