"""Orphaned tracks: those of an account that was removed from the settings. Another account with the same job adopts them.

Two keys to one project list the same jobs; a channel tracks each of them in one account only.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, func, select, update

from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.store.db.engine import Transaction
from bot.store.jobs.jobs import Jobs, KnownJob

_BATCH = 50
"""Tracks that one transaction moves, by three statements each: they fit into its timeout."""


class OrphanedTracks:
    """Orphaned tracks. Methods join the caller's transaction."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def adopt(self, tx: Transaction, accounts: Sequence[str]) -> list[tuple[Track, KnownJob]]:
        """Move some tracks and cards of other accounts to those of ``accounts`` that know the same jobs.

        Returns:
            Nothing once none is left; each track as it is now, with the job as the account knew it that had it before.
        """
        moved = []
        for row in (await tx.execute(_orphans(accounts).limit(_BATCH))).all():
            known = await self._jobs.find_in(tx, row.account, row.job_id)
            await tx.execute(_moved(schema.card, row))
            if (await tx.execute(_moved(schema.track, row))).rowcount and known:
                track = Track(row.adopter, row.job_id, row.channel, row.person, tuple((row.statuses or "").split()))
                moved.append((track, known))
        return moved


def _orphans(accounts: Sequence[str]) -> Any:
    """Select the tracks of removed accounts whose jobs another account knows and does not track in the channel."""
    track, counterpart = schema.track, schema.track.alias()
    old, new = schema.job.alias(), schema.job.alias()
    same_job = (new.c.id == old.c.id) & (new.c.created_at == old.c.created_at) & new.c.account.in_(accounts)
    followed = exists().where(
        counterpart.c.account.in_(accounts),
        counterpart.c.job_id == track.c.job_id,
        counterpart.c.channel == track.c.channel,
    )
    chosen = select(track, func.min(new.c.account).label("adopter"))
    joined = chosen.join(old, (old.c.account == track.c.account) & (old.c.id == track.c.job_id)).join(new, same_job)
    return joined.where(track.c.account.not_in(accounts), ~followed).group_by(*track.primary_key.columns)


def _moved(table: Any, row: Any) -> Any:
    """Move a row of a channel to the adopting account, unless that has one."""
    counterpart = table.alias()
    of_job = (table.c.job_id == row.job_id, table.c.channel == row.channel)
    has_one = exists().where(
        counterpart.c.account == row.adopter, counterpart.c.job_id == row.job_id, counterpart.c.channel == row.channel
    )
    return update(table).where(table.c.account == row.account, *of_job, ~has_one).values(account=row.adopter)
