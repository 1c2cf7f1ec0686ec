"""Tracks: which channels follow which jobs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, delete, distinct, func, select, tuple_, update
from sqlalchemy import union as union_of

from bot.jobs.changes import State
from bot.jobs.deprecation import TrackedModel
from bot.jobs.filters import union_of_statuses
from bot.jobs.ids import short_id
from bot.jobs.models import model_suffix
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.jobs.cards import Cards


@dataclass(frozen=True)
class Track:
    """A channel, or a direct message channel, tracks one job. Fields are columns of its table."""

    account: str
    job_id: str
    channel: str
    person: str | None
    """The person who set it; None if the channel's subscription did."""
    statuses: tuple[str, ...] = ()
    """The statuses that its subscriptions alert on; empty: every change, as always if a person set it."""

    def moved(self, channel: str) -> "Track":
        """Return the same track of another channel."""
        return replace(self, channel=channel)


@dataclass(frozen=True)
class TrackedJob:
    """A track with what is known of its job."""

    track: Track
    state: State
    """The job's last known state."""
    name: str | None
    """Its name, if it has one."""

    @property
    def display_name(self) -> str:
        """The name under which the job is shown, untrusted text."""
        return self.name or short_id(self.track.job_id)


class Tracks:
    """Tracks. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cards = Cards(db)

    async def add(self, tx: Transaction, tracks: Sequence[Track]) -> list[Track]:
        """Insert tracks; return the new ones. An existing one gets the statuses of both."""
        if not tracks:
            return []
        statement = self._db.insert(schema.track).values(since=self._db.now()).on_conflict_do_nothing()
        keys = schema.track.primary_key.columns
        rows = [{**vars(track), "statuses": " ".join(track.statuses) or None} for track in tracks]
        added = {tuple(row) for row in await tx.execute(statement.returning(*keys), rows)}
        new = {track: None for track in tracks if (track.account, track.job_id, track.channel) in added}
        await self._widen(tx, [track for track in tracks if track not in new])
        return list(new)

    async def _widen(self, tx: Transaction, tracks: Sequence[Track]) -> None:
        """Add statuses to tracks that a subscription set; a person who tracks the job takes the track over."""
        if not tracks:
            return
        keys = schema.track.primary_key.columns
        mine = (tuple_(*keys).in_([(each.account, each.job_id, each.channel) for each in tracks]),)
        found = select(schema.track).where(*mine, schema.track.c.person.is_(None)).order_by(*keys).with_for_update()
        there = {(row.account, row.job_id, row.channel): _track(row) for row in await tx.execute(found)}
        wider = [
            _wider(there[key], each) for each in tracks if (key := (each.account, each.job_id, each.channel)) in there
        ]
        values = [
            {
                "a": each.account,
                "j": each.job_id,
                "c": each.channel,
                "person": each.person,
                "statuses": " ".join(each.statuses) or None,
            }
            for each in wider
        ]
        of = zip(keys, "ajc", strict=True)
        if values:
            await tx.execute(update(schema.track).where(*(key == bindparam(name) for key, name in of)), values)

    async def remove(
        self, channel: str, job_id: str | None = None, account: str | None = None
    ) -> list[tuple[str, str]]:
        """Delete the track of a job in a channel, in any account unless one is named, or all tracks there.

        Their cards there become stale: they show whether a job is tracked.

        Returns:
            The account and the job ID of each.
        """
        tracks = schema.track.c
        mine = delete(schema.track).where(tracks.channel == channel)
        if job_id is not None:
            mine = mine.where(tracks.job_id == job_id)
        if account is not None:
            mine = mine.where(tracks.account == account)
        async with self._db.transaction() as tx:
            removed = [
                (row.account, row.job_id) for row in await tx.execute(mine.returning(tracks.account, tracks.job_id))
            ]
            for owner in sorted({owner for owner, _ in removed}):
                jobs = [job_id for whose, job_id in removed if whose == owner]
                await self._cards.bump_generation(tx, owner, *jobs, channel=channel, immediate=True)
        return removed

    async def all_of(self, tx: Transaction, channel: str) -> list[Track]:
        """Return every track of a channel, in the caller's transaction."""
        mine = select(schema.track).where(schema.track.c.channel == channel).with_for_update()
        return [_track(row) for row in await tx.execute(mine)]

    async def of_job(self, tx: Transaction, account: str, job_id: str) -> list[Track]:
        """Return the tracks of a job."""
        return (await self.of_jobs(tx, account, [job_id])).get(job_id, [])

    async def of_jobs(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, list[Track]]:
        """Return the tracks of jobs, by the job's id, ordered by channel."""
        tracks, found = schema.track.c, dict[str, list[Track]]()
        mine = select(schema.track).where(tracks.account == account, self._db.among(tracks.job_id, job_ids))
        for row in await tx.execute(mine.order_by(tracks.channel)) if job_ids else ():
            found.setdefault(row.job_id, []).append(_track(row))
        return found

    async def tracked_elsewhere(
        self, tx: Transaction, account: str, job_ids: Sequence[str], *, accounts: Collection[str] | None = None
    ) -> dict[tuple[str, str], str]:
        """Return the other account in which jobs are tracked already, by channel and job id.

        ``accounts`` are those that count, None for all: a removed account posts nothing.

        Two keys to one project list the same jobs. The same id in two projects, chosen by a person, is another job: its
        creation time differs.
        """
        ours, theirs, tracks = schema.job.alias().c, schema.job.alias(), schema.track.c
        same = (theirs.c.account == tracks.account) & (theirs.c.id == tracks.job_id)
        found = (
            select(tracks.channel, tracks.job_id, tracks.account)
            .join(theirs, same)
            .where(tracks.account != account, self._db.among(tracks.job_id, job_ids))
            .where(ours.account == account, ours.id == tracks.job_id, ours.created_at == theirs.c.created_at)
        )
        if accounts is not None:
            found = found.where(tracks.account.in_(accounts))
        return {(row.channel, row.job_id): row.account for row in await tx.execute(found)} if job_ids else {}

    async def followers(self, account: str, job_id: str) -> list[Track]:
        """Return the tracks of a job."""
        async with self._db.transaction() as tx:
            return await self.of_job(tx, account, job_id)

    async def find(self, account: str, job_id: str, channel: str) -> Track | None:
        """Return the track of a job in a channel, or None."""
        followers = await self.followers(account, job_id)
        return next((track for track in followers if track.channel == channel), None)

    async def count_open_manual(self, account: str) -> int:
        """Return the number of open jobs that people track; those of subscriptions alone do not count."""
        tracks, jobs = schema.track.c, schema.job.c
        both = (tracks.account == jobs.account) & (tracks.job_id == jobs.id)
        count = select(func.count(distinct(tracks.job_id))).join(schema.job, both)
        mine = count.where(tracks.account == account, tracks.person.is_not(None), jobs.closed.is_(False))
        async with self._db.transaction() as tx:
            return await tx.scalar(mine) or 0

    async def in_channel(self, channel: str) -> list[TrackedJob]:
        """Return the tracks of a channel, newest job first."""
        rows = _tracked_jobs().where(schema.track.c.channel == channel)
        async with self._db.transaction() as tx:
            return [_tracked_job(row) for row in await tx.execute(rows)]

    async def of_person(self, person: str, most: int) -> list[TrackedJob]:
        """Return the tracks that a person set, newest job first."""
        rows = _tracked_jobs().where(schema.track.c.person == person).limit(most)
        async with self._db.transaction() as tx:
            return [_tracked_job(row) for row in await tx.execute(rows)]

    async def count_of_person(self, person: str) -> int:
        """Return the number of tracks that a person set."""
        tracks = schema.track
        async with self._db.transaction() as tx:
            return int(await tx.scalar(select(func.count()).where(tracks.c.person == person)) or 0)

    async def trained(self, account: str) -> list[TrackedModel]:
        """Return the fine-tuned models of tracked jobs."""
        tracks, jobs = schema.track, schema.job
        both = (tracks.c.account == jobs.c.account) & (tracks.c.job_id == jobs.c.id)
        made = (tracks.c.account == account, jobs.c.fine_tuned_model.is_not(None))
        rows = select(tracks.c.job_id, tracks.c.channel, jobs.c.fine_tuned_model).join(jobs, both).where(*made)
        async with self._db.transaction() as tx:
            return [TrackedModel(*row) for row in await tx.execute(rows)]

    async def people(self, tx: Transaction, account: str | None = None) -> set[str]:
        """Return the people who track or subscribe to jobs of an account, or of any."""
        found: set[str] = set()
        for table in (schema.track, schema.subscription):
            people = select(table.c.person).distinct().where(table.c.person.is_not(None))
            found.update(await tx.scalars(people if account is None else people.where(table.c.account == account)))
        return found

    async def people_in(self, tx: Transaction, channel: str) -> set[str]:
        """Return the people who set the tracks and subscriptions of a channel."""
        of_channel = [
            select(table.c.person).where(table.c.channel == channel, table.c.person.is_not(None))
            for table in (schema.track, schema.subscription)
        ]
        return set(await tx.scalars(union_of(*of_channel)))


def _tracked_jobs() -> Any:
    """Select tracks with the state and the name of their jobs, newest job first."""
    tracks, jobs, snapshots = schema.track, schema.job, schema.job_snapshot
    of_job = (tracks.c.account == jobs.c.account) & (tracks.c.job_id == jobs.c.id)
    described = (tracks.c.account == snapshots.c.account) & (tracks.c.job_id == snapshots.c.job_id)
    joined = select(tracks, jobs.c.status, jobs.c.fine_tuned_model, snapshots.c.name).join(jobs, of_job)
    newest_first = (jobs.c.created_at.desc(), jobs.c.id, tracks.c.channel)
    return joined.outerjoin(snapshots, described).order_by(*newest_first)


def _tracked_job(row: Any) -> TrackedJob:
    name = row.name or model_suffix(row.fine_tuned_model)
    return TrackedJob(_track(row), State(row.status, row.fine_tuned_model), name)


def _track(row: Any) -> Track:
    return Track(row.account, row.job_id, row.channel, row.person, tuple((row.statuses or "").split()))


def _wider(there: Track, track: Track) -> Track:
    """Return the merge of a subscription's track with another of the same job and channel."""
    statuses = () if track.person else union_of_statuses([there.statuses, track.statuses])
    return replace(there, person=track.person, statuses=statuses)
