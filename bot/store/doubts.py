"""Notes about jobs that a later read has to bear out: another state after the last one, or nowhere to be found.

Every method joins the caller's transaction and leaves alone a job that somebody wrote to since it was known.
"""

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.jobs.doubt import Absence
from bot.store import schema
from bot.store.engine import Database
from bot.store.jobs import FOUND, UNDOUBTED, KnownJob, untouched
from bot.store.moments import not_after


class Doubts:
    """What was read of jobs and is not believed yet."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, tx: AsyncConnection, seen: KnownJob, status: str) -> None:
        """Note that a read showed a finished job in another state; it is looked at again."""
        noted = {"back_to": status, "back_at": self._db.now(), "settled": False}
        await tx.execute(update(schema.job).where(*untouched(seen)).values(**noted, **FOUND))

    async def clear(self, tx: AsyncConnection, seen: KnownJob) -> None:
        """Forget every note about a job: it was read, and as it is stored."""
        await tx.execute(update(schema.job).where(*untouched(seen)).values(**UNDOUBTED, **FOUND))

    async def miss(self, tx: AsyncConnection, seen: KnownJob) -> Absence | None:
        """Count a read that did not find a job; return all of them, or None where somebody else wrote meanwhile."""
        jobs, now = schema.job.c, self._db.now()
        statement = (
            update(schema.job)
            .where(*untouched(seen))
            .values(
                misses=jobs.misses + 1,
                missed_since=not_after(func.coalesce(jobs.missed_since, now), now),
                missed_at=now,
            )
            .returning(jobs.misses, jobs.missed_since, jobs.missed_at)
        )
        row = (await tx.execute(statement)).one_or_none()
        return Absence(*row) if row else None

    async def gone(self, tx: AsyncConnection, missed: KnownJob) -> int:
        """Mark a job, whose miss was counted in this transaction, as gone; return its new version."""
        jobs = schema.job.c
        mine = (jobs.account == missed.account, jobs.id == missed.id)
        marked = update(schema.job).where(*mine).values(version=jobs.version + 1, gone=True)
        return int((await tx.execute(marked.returning(jobs.version))).scalar_one())
