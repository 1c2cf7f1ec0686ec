"""Backups: a copy beside the running bot, and what is different once one was put back.

    copy -> (alerts are told) -> the copy is put back -> the same changes are seen again

A database that was put back knows nothing of what was told since it was copied. What comes to be owed in the day after
is therefore looked for in Slack, back to the moment of the copy, before it is sent: as if an earlier attempt were in
doubt, which it is. Of changes that is what the first look at each account finds.
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
"""Seconds after a database was put back in which what comes to be owed may have been told already."""
BUSY_SECONDS = 30.0


def back_up(source: Path, target: Path) -> None:
    """Copy an SQLite database as it stands at one moment; the bot may run meanwhile. The copy is its owner's alone.

    Raises:
        FtjobError: there is none, or something stands at ``target``; says what to do.
    """
    if not source.exists():
        raise FtjobError(f"{source} does not exist, so there is nothing to copy.")
    try:
        target.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise FtjobError(f"{target} exists already; name another file, so that no backup is lost.") from None
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as connection:
            # https://www.sqlite.org/lang_vacuum.html#vacuuminto: a whole copy, without what waits in the log beside it.
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        target.unlink()
        raise FtjobError(f"{source} could not be copied: {error}.") from None


async def mark_restored(db: Database, tx: Transaction) -> None:
    """Note, in the caller's transaction, that this database is a backup that was just put back."""
    rows, latest = schema.delivery.c, select(func.max(schema.account.c.poll_started_at)).scalar_subquery()
    values = {"backup_at": func.coalesce(latest, schema.store_identity.c.created_at), "restored_at": db.now()}
    await tx.execute(update(schema.store_identity).values(**values))
    # What was still owed when the copy was made has probably been told since.
    since = select(schema.store_identity.c.backup_at).scalar_subquery()
    owed = update(schema.delivery).where(rows.state != "sent", rows.unconfirmed.is_(False))
    await tx.execute(owed.values(unconfirmed=True, first_attempt_at=func.coalesce(rows.first_attempt_at, since)))


def unconfirmed_after_restore(now: Any, account: str | None = None) -> dict[str, Any]:
    """Return what a delivery has, as SQL, that comes to be owed at the moment ``now``: whether it may have been told.

    A change of an ``account`` may only where no look at it has ended since: what a later one finds is news.
    """
    identity, accounts = schema.store_identity.c, schema.account.c
    looked = select(accounts.name).where(accounts.name == account, accounts.polled_at > identity.restored_at)
    lately = is_pending(identity.restored_at + UNCONFIRMED_FOR, now, UNCONFIRMED_FOR)
    put_back = select(identity.backup_at).where(lately, ~looked.exists())
    return {"unconfirmed": put_back.exists(), "first_attempt_at": put_back.scalar_subquery()}
