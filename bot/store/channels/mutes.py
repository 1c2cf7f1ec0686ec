"""Mutes: no alerts in a channel for one job, or for all, for some time. Held alerts become digests afterwards.

    muted -> a line of a digest

A row is ``muted`` as long as a mute covers it. A process that finds one without a mute releases it, in the transaction
that creates its digest: so it is posted once, whichever process ended the mute, and one that was enqueued at the last
moment is found by the next check.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, case, delete, exists, or_, select, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import has_passed
from bot.store.db.wakeups import Queue
from bot.store.outbox import digests

FLAPPING = ""
"""The person of a mute by flap suppression: its job changed too often."""
QUIET_FOR = 600.0
"""Seconds without a change after which a flapping job is summed up."""
EVERY_JOB = "*"
"""The job id of a mute that covers all jobs."""
_BATCH = 20
"""Digests that one transaction creates."""


@dataclass(frozen=True)
class Mute:
    """A mute of a job in a channel."""

    channel: str
    job_id: str
    """``EVERY_JOB`` for all jobs."""
    person: str
    until: float
    """Seconds since the epoch."""


class Mutes:
    """Mutes. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, accounts: Sequence[str], channel: str, job_id: str, person: str, seconds: float) -> float:
        """Mute a job, or all jobs, of some accounts in a channel; a second mute replaces the first.

        Returns:
            The end of the mute, in seconds since the epoch.
        """
        now = self._db.now()
        mine = {"channel": channel, "job_id": job_id, "person": person, "until": now + seconds, "checked_at": now}
        row = self._db.insert(schema.mute).values([{"account": account, **mine} for account in accounts])
        replaced = {name: row.excluded[name] for name in ("person", "until", "checked_at")}
        statement = row.on_conflict_do_update(index_elements=["account", "channel", "job_id"], set_=replaced)
        async with self._db.transaction() as tx:
            return float((await tx.scalars(statement.returning(schema.mute.c.until))).all()[0])

    async def damp(self, tx: Transaction, account: str, targets: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Mute flapping jobs until they are stable, unless they are muted: (channel, job id) of each.

        Returns:
            Those that were not muted before.
        """
        if not targets:
            return set()
        mutes, now = schema.mute.c, self._db.now()
        rows = [{"account": account, "channel": channel, "job_id": job, "person": FLAPPING} for channel, job in targets]
        over = delete(schema.mute).where(mutes.person == FLAPPING, mutes.account == account, self._has_expired())
        await tx.execute(over)
        begun = self._db.insert(schema.mute).values(until=now + QUIET_FOR, checked_at=now).on_conflict_do_nothing()
        found = await tx.execute(begun.returning(mutes.channel, mutes.job_id), rows)
        return {(row.channel, row.job_id) for row in found}

    async def extend(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> None:
        """Restart the wait for flapping jobs to be stable: they changed again."""
        mutes = schema.mute.c
        mine = (mutes.account == account, self._db.among(mutes.job_id, job_ids), mutes.person == FLAPPING)
        now = self._db.now()
        await tx.execute(update(schema.mute).where(*mine).values(until=now + QUIET_FOR, checked_at=now))

    async def release_closed(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> None:
        """Release the held changes of flapping jobs that finished."""
        mutes = schema.mute.c
        mine = (mutes.account == account, self._db.among(mutes.job_id, job_ids), mutes.person == FLAPPING)
        if not list(await tx.scalars(delete(schema.mute).where(*mine).returning(mutes.job_id))):
            return
        held = self._uncovered().where(
            schema.change.c.account == account, self._db.among(schema.change.c.job_id, job_ids)
        )
        rows = list(await tx.execute(held.with_for_update(of=schema.delivery)))
        await self._create_digests(tx, rows, {(row.channel, row.job_id) for row in rows})

    async def end(self, channel: str, job_id: str = EVERY_JOB, account: str | None = None) -> tuple[int, int]:
        """End the mute of a job, in any account unless one is named, or every mute of a channel.

        Returns:
            The numbers of mutes and of held changes.
        """
        mutes = schema.mute.c
        chosen = delete(schema.mute).where(mutes.channel == channel, mutes.until > self._db.now())
        if job_id != EVERY_JOB:
            chosen = chosen.where(mutes.job_id == job_id)
        if account is not None:
            chosen = chosen.where(mutes.account == account)
        async with self._db.transaction() as tx:
            ended = set(await tx.scalars(chosen.returning(mutes.job_id)))
            # Counted here: after the commit another process may release them first.
            held = list(await tx.execute(self._uncovered(channel)))
        await self._release(held)
        return len(ended), len({row.change_id for row in held})

    async def expire(self) -> int:
        """End the mutes whose time has passed; return the number of changes they held."""
        await self._adjust_to_clock()
        async with self._db.transaction() as tx:
            found = list(await tx.execute(self._uncovered()))
        held = await self._release(found)
        async with self._db.transaction() as tx:
            await tx.execute(delete(schema.mute).where(self._has_expired()))
        return held

    async def _adjust_to_clock(self) -> None:
        """Shorten mutes by as much as the clock was set back, so that they last as long as was asked."""
        mutes, now = schema.mute.c, self._db.now()
        moved = case((mutes.checked_at > now, mutes.until - (mutes.checked_at - now)), else_=mutes.until)
        async with self._db.transaction() as tx:
            await tx.execute(update(schema.mute).values(until=moved, checked_at=now))

    async def covering(self, tx: Transaction, account: str, channels: Sequence[str]) -> set[tuple[str, str]]:
        """Return the current mutes of channels: (channel, job id), with ``EVERY_JOB`` for all jobs."""
        mutes = schema.mute.c
        about = (mutes.account == account, self._db.among(mutes.channel, channels), ~self._has_expired())
        found = await tx.execute(select(mutes.channel, mutes.job_id).where(*about))
        return {(row.channel, row.job_id) for row in found}

    async def of_person(self, person: str) -> list[Mute]:
        """Return the mutes that a person set, in the order of their ends."""
        mutes = schema.mute.c
        return await self._holding(mutes.person == person, by=(mutes.until, mutes.channel, mutes.job_id))

    async def in_channel(self, channel: str) -> list[Mute]:
        """Return the mutes of a channel, the one of every job first."""
        mutes = schema.mute.c
        return await self._holding(mutes.channel == channel, by=(mutes.job_id, mutes.until))

    async def _holding(self, which: Any, *, by: Sequence[Any]) -> list[Mute]:
        """Return the mutes that people set, without duplicates of several accounts."""
        mutes = schema.mute.c
        chosen = select(schema.mute).where(which, mutes.person != FLAPPING, ~self._has_expired()).order_by(*by)
        async with self._db.transaction() as tx:
            return list(dict.fromkeys(_mute(row) for row in await tx.execute(chosen)))

    async def _release(self, found: Sequence[Row[Any]]) -> int:
        """Release those of these rows that no mute covers anymore; return the number of changes.

        In batches, one transaction each: rows that a crash leaves muted are found by the next check.
        """
        parts = _groups(found)
        changes = set[int]()
        for start in range(0, len(parts), _BATCH):
            changes |= await self._release_batch([row.id for part in parts[start : start + _BATCH] for row in part])
        return len(changes)

    async def _release_batch(self, ids: Sequence[int]) -> set[int]:
        """Release those of these rows that are still muted and that no mute covers; return their changes."""
        # Of two concurrent releases the second finds nothing left.
        locked = self._uncovered().where(self._db.among(schema.delivery.c.id, ids)).with_for_update(of=schema.delivery)
        async with self._db.transaction() as tx:
            released = list(await tx.execute(locked))
            restless = select(schema.mute.c.channel, schema.mute.c.job_id).where(schema.mute.c.person == FLAPPING)
            await self._create_digests(tx, released, {(row.channel, row.job_id) for row in await tx.execute(restless)})
        return {row.change_id for row in released}

    async def _create_digests(
        self, tx: Transaction, released: Sequence[Row[Any]], flapping: set[tuple[str, str]]
    ) -> None:
        # Enqueued now, behind what is pending for the channel already.
        created_at = await tx.scalar(select(self._db.now()))

        def values(rows: Sequence[Row[Any]]) -> dict[str, Any]:
            is_restless = all((row.channel, row.job_id) in flapping for row in rows)
            return {
                "notice": digests.AFTER_FLAPPING if is_restless else digests.AFTER_MUTE,
                "created_at": created_at,
            }

        await digests.create(tx, _groups(released), values)
        tx.wakes(Queue.DELIVERIES)

    def _has_expired(self) -> ColumnElement[bool]:
        """Return whether the time of a mute has passed; one of flap suppression also if it is implausibly far ahead."""
        mutes, now = schema.mute.c, self._db.now()
        return or_(mutes.until <= now, and_(mutes.person == FLAPPING, has_passed(mutes.until, now, QUIET_FOR)))

    def _uncovered(self, channel: str | None = None) -> Any:
        rows, changes, mutes = schema.delivery.c, schema.change.c, schema.mute.c
        about = (mutes.account == changes.account, mutes.channel == rows.channel)
        which = mutes.job_id.in_((EVERY_JOB, changes.job_id))
        covered = exists().where(*about, which, ~self._has_expired())
        columns = (rows.id, rows.key, rows.channel, rows.change_id, changes.job_id)
        found = select(*columns).join(schema.change, changes.id == rows.change_id)
        mine = rows.channel > "" if channel is None else rows.channel == channel
        # Written out, so that SQLite takes the index of these few rows.
        is_muted = rows.state == bindparam(None, schema.MUTED, literal_execute=True)
        return found.where(is_muted, mine, ~covered).order_by(rows.id)


def _groups(rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Group rows into digests, each of one channel: a job is one line, whatever its changes."""
    channels: dict[str, dict[str, list[Row[Any]]]] = {}
    for row in rows:
        channels.setdefault(row.channel, {}).setdefault(row.job_id, []).append(row)
    return [
        [row for line in lines[start : start + digests.MAX_CHANGES] for row in line]
        for lines in (list(jobs.values()) for jobs in channels.values())
        for start in range(0, len(lines), digests.MAX_CHANGES)
    ]


def _mute(row: Any) -> Mute:
    return Mute(row.channel, row.job_id, row.person, row.until)
