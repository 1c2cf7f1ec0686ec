"""Read failures of single jobs whose account works: since when, how many, and the backoff.

Every method joins the caller's transaction.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, func, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import is_pending, not_after

MAX_BACKOFF = 3600.0
"""Seconds: the longest backoff; an end beyond it was set before the clock was set back."""


class ReadFailures:
    """Read failures of jobs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, tx: Transaction, account: str, job_id: str, backoff: float) -> tuple[float, float]:
        """Count a failed read and back off for ``backoff`` seconds.

        Returns:
            The time of the first failure in a row, and the seconds since then.
        """
        jobs, now = schema.job.c, self._db.now()
        until = now + min(backoff, MAX_BACKOFF)
        since = not_after(func.coalesce(jobs.read_failing_since, now), now)
        mine = update(schema.job).where(jobs.account == account, jobs.id == job_id)
        noted = mine.values(read_failures=jobs.read_failures + 1, read_failing_since=since, read_not_before=until)
        found = (await tx.execute(noted.returning(jobs.read_failing_since, now - jobs.read_failing_since))).one()
        return float(found[0]), float(found[1])

    async def clear(self, tx: Transaction, account: str, job_ids: Collection[str]) -> None:
        """Reset the failures of jobs that were read."""
        jobs = schema.job.c
        mine = update(schema.job).where(jobs.account == account, jobs.id.in_(job_ids))
        await tx.execute(mine.values(read_failures=0, read_failing_since=None, read_not_before=None))


def is_backing_off(jobs: Any, now: ColumnElement[float]) -> ColumnElement[bool]:
    """Return the condition for a job to be in backoff."""
    return and_(jobs.read_not_before.is_not(None), is_pending(jobs.read_not_before, now, MAX_BACKOFF))
