"""Bring the schema up to date. Migrations are an append-only list, applied at start."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.crash import crash_point
from bot.errors import FtjobError
from bot.store.engine import Database


async def upgrade(db: Database, to: str = "head") -> None:
    """Apply the migrations that are missing, all in one transaction; on PostgreSQL one process at a time.

    ``to`` is the revision to stop at: the newest, but in a test of the way there.

    Raises:
        FtjobError: the database was written by a newer program.
    """
    async with db.transaction() as tx:
        await db.one_at_a_time(tx)
        await tx.run_sync(_upgrade, to)


def _upgrade(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current and current not in revisions:
        raise FtjobError(
            f"The database is at schema {current}, which this version of ftjob does not know: start a newer one."
        )
    command.upgrade(config, to)
    crash_point("in_migration")
