"""Who follows what: tracks and subscriptions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, distinct, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.jobs.changes import State
from bot.store import schema
from bot.store.engine import Database


@dataclass(frozen=True)
class Track:
    """A channel (or a person's direct message) follows one job."""

    account: str
    job_id: str
    channel: str
    person: str | None
    """Who asked for it; None where it came from the channel's subscription."""


@dataclass(frozen=True)
class Subscription:
    """A channel follows every new job of an account."""

    account: str
    channel: str
    person: str
    newer_than: float
    """A job created at this time of the provider's clock, or later, is new."""


class Tracks:
    """Tracks and subscriptions. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: AsyncConnection, tracks: Iterable[Track]) -> int:
        """Store tracks; return how many of them were not there yet."""
        values = [{**vars(track), "since": self._db.now()} for track in tracks]
        added = 0
        for value in values:
            statement = self._db.insert(schema.track).values(value).on_conflict_do_nothing()
            added += (await tx.execute(statement)).rowcount
        return added

    async def remove(self, account: str, job_id: str, channel: str) -> bool:
        """Stop following a job in a channel; return whether it was followed."""
        tracks = schema.track.c
        statement = delete(schema.track).where(
            tracks.account == account, tracks.job_id == job_id, tracks.channel == channel
        )
        async with self._db.transaction() as tx:
            return (await tx.execute(statement)).rowcount > 0

    async def remove_all(self, channel: str) -> int:
        """Stop following every job in a channel; return how many there were."""
        async with self._db.transaction() as tx:
            return (await tx.execute(delete(schema.track).where(schema.track.c.channel == channel))).rowcount

    async def of_job(self, tx: AsyncConnection, account: str, job_id: str) -> list[Track]:
        """Return who follows a job."""
        tracks = schema.track.c
        mine = select(schema.track).where(tracks.account == account, tracks.job_id == job_id)
        return [_track(row) for row in await tx.execute(mine.order_by(tracks.channel))]

    async def followers(self, account: str, job_id: str) -> list[Track]:
        """Return who follows a job."""
        async with self._db.transaction() as tx:
            return await self.of_job(tx, account, job_id)

    async def find(self, account: str, job_id: str, channel: str) -> Track | None:
        """Return the track of a job in a channel, or None."""
        followers = await self.followers(account, job_id)
        return next((track for track in followers if track.channel == channel), None)

    async def count_open_by_hand(self, account: str) -> int:
        """Return how many jobs people follow that are not settled; those of subscriptions alone do not count."""
        tracks, jobs = schema.track.c, schema.job.c
        both = (tracks.account == jobs.account) & (tracks.job_id == jobs.id)
        count = select(func.count(distinct(tracks.job_id))).join(schema.job, both)
        mine = count.where(tracks.account == account, tracks.person.is_not(None), jobs.settled.is_(False))
        async with self._db.transaction() as tx:
            return await tx.scalar(mine) or 0

    async def in_channel(self, channel: str) -> list[tuple[Track, State]]:
        """Return what a channel follows, newest job first, with the last known state of each."""
        tracks, jobs = schema.track, schema.job
        both = (tracks.c.account == jobs.c.account) & (tracks.c.job_id == jobs.c.id)
        rows = (
            select(tracks, jobs.c.status, jobs.c.fine_tuned_model)
            .join(jobs, both)
            .where(tracks.c.channel == channel)
            .order_by(jobs.c.created_at.desc(), jobs.c.id)
        )
        async with self._db.transaction() as tx:
            return [(_track(row), State(row.status, row.fine_tuned_model)) for row in await tx.execute(rows)]

    async def of_person(self, person: str, most: int) -> list[tuple[Track, State]]:
        """Return what somebody set to be tracked, newest job first, with the last known state of each."""
        tracks, jobs = schema.track, schema.job
        both = (tracks.c.account == jobs.c.account) & (tracks.c.job_id == jobs.c.id)
        rows = (
            select(tracks, jobs.c.status, jobs.c.fine_tuned_model)
            .join(jobs, both)
            .where(tracks.c.person == person)
            .order_by(jobs.c.created_at.desc(), jobs.c.id, tracks.c.channel)
            .limit(most)
        )
        async with self._db.transaction() as tx:
            return [(_track(row), State(row.status, row.fine_tuned_model)) for row in await tx.execute(rows)]

    async def subscribe(self, tx: AsyncConnection, subscription: Subscription) -> bool:
        """Store a subscription; return whether it was not there yet."""
        statement = self._db.insert(schema.subscription).values(vars(subscription)).on_conflict_do_nothing()
        return (await tx.execute(statement)).rowcount > 0

    async def unsubscribe(self, account: str, channel: str) -> bool:
        """End a subscription; return whether there was one."""
        subscriptions = schema.subscription.c
        statement = delete(schema.subscription).where(
            subscriptions.account == account, subscriptions.channel == channel
        )
        async with self._db.transaction() as tx:
            return (await tx.execute(statement)).rowcount > 0

    async def subscriptions(self, account: str) -> list[Subscription]:
        """Return the subscriptions of an account."""
        async with self._db.transaction() as tx:
            return await self.subscriptions_in(tx, account)

    async def subscriptions_in(self, tx: AsyncConnection, account: str) -> list[Subscription]:
        """Return the subscriptions of an account."""
        mine = select(schema.subscription).where(schema.subscription.c.account == account)
        return [
            Subscription(row.account, row.channel, row.person, row.newer_than)
            for row in await tx.execute(mine.order_by(schema.subscription.c.channel))
        ]

    async def people(self, tx: AsyncConnection, account: str) -> set[str]:
        """Return everybody who follows something of an account."""
        found: set[str] = set()
        for table in (schema.track, schema.subscription):
            people = select(table.c.person).distinct().where(table.c.account == account, table.c.person.is_not(None))
            found.update(await tx.scalars(people))
        return found

    async def people_in(self, tx: AsyncConnection, channel: str) -> set[str]:
        """Return who set the tracks and subscriptions of a channel."""
        of_channel = [
            select(table.c.person).where(table.c.channel == channel, table.c.person.is_not(None))
            for table in (schema.track, schema.subscription)
        ]
        return set(await tx.scalars(union(*of_channel)))


def _track(row: Any) -> Track:
    return Track(row.account, row.job_id, row.channel, row.person)
