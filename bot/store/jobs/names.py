"""Names of jobs that have a snapshot: the name of a job, and jobs by name."""

import json
from collections.abc import Collection

from sqlalchemy import distinct, func, select

from bot.jobs.models import Job
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.jobs.snapshots import of_same_job


class JobNames:
    """Names of jobs. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, job_ids: Collection[str]) -> dict[str, str]:
        """Return the names of jobs by id, in one query; a job without a name is left out.

        So is one whose id means jobs of different names in two accounts: to show either could mislead.
        """
        if not job_ids:
            return {}
        async with self._db.transaction() as tx:
            return await self.of_jobs(tx, job_ids)

    async def find(self, job_id: str) -> str | None:
        """Return the name of a job, or None if it has none."""
        return (await self.of([job_id])).get(job_id)

    async def of_jobs(self, tx: Transaction, job_ids: Collection[str]) -> dict[str, str]:
        """Return the names of jobs, as ``of`` does."""
        snapshots = schema.job_snapshot.c
        mine = (self._db.among(snapshots.job_id, sorted(set(job_ids))), snapshots.name.is_not(None))
        by_id = select(snapshots.job_id, func.min(snapshots.name).label("name")).where(*mine).group_by(snapshots.job_id)
        found = await tx.execute(by_id.having(func.count(distinct(snapshots.name)) == 1))
        return {row.job_id: row.name for row in found}

    async def jobs_with(self, text: str, most: int) -> list[tuple[str, Job]]:
        """Return jobs of any account whose name contains a text, with their accounts, newest first; case does not count."""
        snapshots, jobs = schema.job_snapshot.c, schema.job.c
        found = (
            select(snapshots.account, snapshots.body)
            .join(schema.job, of_same_job())
            .where(func.lower(snapshots.name).contains(text.lower(), autoescape=True))
            .order_by(jobs.created_at.desc(), jobs.id)
            .limit(most)
        )
        async with self._db.transaction() as tx:
            return [(row.account, Job.model_validate(json.loads(row.body))) for row in await tx.execute(found)]
