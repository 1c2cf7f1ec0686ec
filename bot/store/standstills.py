"""Since when jobs stand still, once people were told of it."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.jobs import KnownJob, untouched


class Standstills:
    """Notes in the rows of jobs; any other change of a job's state takes its note away."""

    async def note(self, tx: AsyncConnection, seen: KnownJob, since: float | None) -> int | None:
        """Note since when a job stands still, None where it moves; return its new version.

        Joins the caller's transaction. Returns None, and notes nothing, where somebody wrote to the job since ``seen``.
        """
        marked = update(schema.job).where(*untouched(seen)).values(stuck_since=since, version=seen.version + 1)
        version: int | None = await tx.scalar(marked.returning(schema.job.c.version))
        return version
