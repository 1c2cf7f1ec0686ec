"""Backups: a copy beside the running bot, and deliveries after a restore.

    backup -> (alerts are sent) -> restore -> the same changes are seen again

A restored database does not know what was sent since the backup. Deliveries that are enqueued in the day after are
therefore unconfirmed: they are polled up in Slack, back to the time of the backup, before they are sent. Of changes,
those are what the first poll of each account finds.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from bot.errors import FtjobError
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import is_pending

UNCONFIRMED_FOR = 86400.0
"""Seconds after a restore in which a new delivery may have been sent already."""
BUSY_SECONDS = 30.0


def back_up(source: Path, target: Path) -> None:
    """Copy an SQLite database in one snapshot, beside a running bot. The copy has mode 0600.

    Raises:
        FtjobError: there is no database, or ``target`` exists; the message says what to do.
    """
    if not source.exists():
        raise FtjobError(f"{source} doesn't exist, so there's nothing to copy.")
    try:
        target.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise FtjobError(f"{target} already exists. Choose another file name.") from None
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as connection:
            # https://www.sqlite.org/lang_vacuum.html#vacuuminto: a whole copy, without what waits in the log beside it.
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        target.unlink()
        raise FtjobError(f"{source} couldn't be copied: {error}.") from None


async def mark_restored(db: Database, tx: Transaction) -> None:
    """Record, in the caller's transaction, that this database was just restored from a backup."""
    rows, latest = schema.delivery.c, select(func.max(schema.account.c.poll_started_at)).scalar_subquery()
    values = {"backup_at": func.coalesce(latest, schema.store_identity.c.created_at), "restored_at": db.now()}
    await tx.execute(update(schema.store_identity).values(**values))
    # What was pending at the time of the backup has probably been sent since.
    since = select(schema.store_identity.c.backup_at).scalar_subquery()
    unsent = update(schema.delivery).where(rows.state != "sent", rows.unconfirmed.is_(False))
    await tx.execute(unsent.values(unconfirmed=True, first_attempt_at=func.coalesce(rows.first_attempt_at, since)))


def unconfirmed_after_restore(now: Any, account: str | None = None) -> dict[str, Any]:
    """Return the columns of a delivery enqueued at ``now``, as SQL: whether it may have been sent before a restore.

    A change of an ``account`` only if no poll of it has ended since the restore: what a later poll finds is new.
    """
    identity, accounts = schema.store_identity.c, schema.account.c
    polled = select(accounts.name).where(accounts.name == account, accounts.polled_at > identity.restored_at)
    lately = is_pending(identity.restored_at + UNCONFIRMED_FOR, now, UNCONFIRMED_FOR)
    restored = select(identity.backup_at).where(lately, ~polled.exists())
    return {"unconfirmed": restored.exists(), "first_attempt_at": restored.scalar_subquery()}
