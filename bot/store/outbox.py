"""The outbox: every alert that is owed, one row for each destination, until Slack has it.

    pending -> inflight -> sent
                        -> pending     refused for now: tried again after ``not_before``
                        -> ambiguous   may have arrived
                        -> parked      cannot be delivered until somebody changes something in Slack
                        -> dead        cannot be delivered at all

A row is claimed by one statement under a lease and a token; every later write names the token, so that a sender whose
lease ran out changes nothing.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.engine import Database
from bot.store.jobs import RecordedChange


class Kind(StrEnum):
    """What is done in the channel."""

    POST = "post"
    UPDATE = "update"


class Picture(StrEnum):
    """What is drawn."""

    CARD = "card"
    CHANGE = "change"
    DIGEST = "digest"
    """Many changes in one message."""
    NOTICE = "notice"
    """What the bot says about itself."""


@dataclass(frozen=True)
class Planned:
    """One alert for one destination, before it is a row."""

    channel: str
    picture: Picture
    replies_to: int
    """The card that it belongs to: the card itself, or the one in whose thread the change is told."""
    kind: Kind = Kind.POST


@dataclass(frozen=True)
class Delivery:
    """A claimed row. Times are seconds since the epoch."""

    id: int
    key: str
    """What makes it recognisable in Slack; opaque."""
    channel: str
    kind: Kind
    picture: Picture
    change_id: int
    replies_to: int
    attempts: int
    """How many there have been, this one included."""
    in_doubt: bool
    """Whether an earlier attempt may have arrived."""
    last_error: str | None
    """How the attempt before this one failed, in Slack's word."""
    token: str
    created_at: float
    claimed_at: float


Outcome = Literal["sent", "pending", "ambiguous", "parked", "dead"]


class Outbox:
    """What is owed. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: AsyncConnection, recorded: RecordedChange, planned: Planned) -> None:
        """Owe one alert of a change. Owing it twice is owing it once."""
        of_change = f"{recorded.account}|{recorded.job_id}|{recorded.version}"
        key = f"{of_change}|{planned.channel}|{planned.picture}|{planned.kind}"
        row = self._db.insert(schema.delivery).values(
            **vars(planned),
            change_id=recorded.id,
            key=hashlib.sha256(key.encode()).hexdigest()[:32],
            state="pending",
            attempts=0,
            in_doubt=False,
            not_before=0.0,
            lease_until=0.0,
            created_at=self._db.now(),
        )
        await tx.execute(row.on_conflict_do_nothing(index_elements=["key"]))

    async def notify(self, tx: AsyncConnection, channel: str, body: dict[str, Any], key: str) -> None:
        """Owe a notice, drawn from ``body``, to a channel or a person; owing one ``key`` twice is owing it once."""
        digest = hashlib.sha256(f"notice|{key}|{channel}".encode()).hexdigest()[:32]
        row = self._db.insert(schema.delivery).values(
            channel=channel,
            kind=Kind.POST,
            picture=Picture.NOTICE,
            notice=json.dumps(body),
            key=digest,
            state="pending",
            attempts=0,
            in_doubt=False,
            not_before=0.0,
            lease_until=0.0,
            created_at=self._db.now(),
        )
        await tx.execute(row.on_conflict_do_nothing(index_elements=["key"]))

    async def claim(self, lease: float) -> Delivery | None:
        """Take the oldest row of a channel that is due, for ``lease`` seconds; None where nothing is due.

        A channel's rows go out one after the other, in the order in which they came to be owed.
        """
        now = self._db.now()
        rows = schema.delivery.c
        chosen = select(rows.id).where(*_due(now)).order_by(rows.id).limit(1)
        chosen = chosen.with_for_update(skip_locked=True)
        statement = (
            update(schema.delivery)
            .where(rows.id == chosen.scalar_subquery(), rows.lease_until <= now, _unfinished())
            .values(
                in_doubt=or_(rows.in_doubt, rows.state.in_(("inflight", "ambiguous"))),
                state="inflight",
                attempts=rows.attempts + 1,
                token=secrets.token_hex(8),
                lease_until=now + lease,
                first_at=func.coalesce(rows.first_at, now),
                last_at=now,
            )
            .returning(schema.delivery)
        )
        async with self._db.transaction() as tx:
            row = (await tx.execute(statement)).one_or_none()
        return _delivery(row) if row else None

    async def seconds_to_next(self) -> float | None:
        """Return how long until a row can be claimed: 0 where one can be now, None where nothing is owed."""
        now = self._db.now()
        rows, channels = schema.delivery.c, schema.channel.c
        ready = _latest(rows.not_before, rows.lease_until, func.coalesce(channels.free_at, 0.0))
        owed = select(func.min(ready) - now).select_from(
            schema.delivery.outerjoin(schema.channel, channels.id == rows.channel)
        )
        async with self._db.transaction() as tx:
            seconds = await tx.scalar(owed.where(_unfinished(), rows.id.in_(_heads())))
        return None if seconds is None else max(0.0, float(seconds))

    async def settle(
        self,
        delivery: Delivery,
        outcome: Outcome,
        *,
        ts: str | None = None,
        error: str | None = None,
        wait: float = 0.0,
        channel_wait: float = 0.0,
    ) -> bool:
        """Record how an attempt ended; return False where the lease was lost, so that nothing was recorded.

        Args:
            delivery: the claimed row.
            outcome: its new state.
            ts: where the message stands, for ``sent``; a card's place is recorded with it.
            error: why not, in Slack's word.
            wait: seconds until this row may be tried again.
            channel_wait: seconds until anything more is sent to its channel.
        """
        now = self._db.now()
        rows = schema.delivery.c
        statement = (
            update(schema.delivery)
            .where(rows.id == delivery.id, rows.token == delivery.token)
            .values(state=outcome, ts=ts, error=error, not_before=now + wait, lease_until=0.0, token=None)
        )
        async with self._db.transaction() as tx:
            if (await tx.execute(statement)).rowcount == 0:
                return False
            if ts and delivery.picture is Picture.CARD:
                await tx.execute(update(schema.card).where(schema.card.c.id == delivery.replies_to).values(ts=ts))
            if channel_wait:
                await self.rest(tx, delivery.channel, channel_wait)
        return True

    async def end_leases(self) -> int:
        """Give back every lease; return how many there were. For a store that only this process uses, at its start."""
        rows = schema.delivery.c
        async with self._db.transaction() as tx:
            statement = update(schema.delivery).where(rows.state == "inflight").values(lease_until=0.0)
            return (await tx.execute(statement)).rowcount

    async def rest(self, tx: AsyncConnection, channel: str, seconds: float) -> None:
        """Send nothing to a channel for some seconds."""
        row = self._db.insert(schema.channel).values(id=channel, free_at=self._db.now() + seconds)
        free_at = _latest(schema.channel.c.free_at, row.excluded.free_at)
        await tx.execute(row.on_conflict_do_update(index_elements=["id"], set_={"free_at": free_at}))


def _unfinished() -> Any:
    return schema.delivery.c.state.in_(schema.UNFINISHED)


def _heads() -> Any:
    rows = schema.delivery.c
    return select(func.min(rows.id)).where(_unfinished()).group_by(rows.channel)


def _due(now: Any) -> tuple[Any, ...]:
    rows, channels = schema.delivery.c, schema.channel.c
    busy = select(channels.id).where(and_(channels.id == rows.channel, channels.free_at > now)).exists()
    return rows.id.in_(_heads()), _unfinished(), rows.lease_until <= now, rows.not_before <= now, ~busy


def _latest(first: Any, *others: Any) -> Any:
    """Return the greatest of expressions that are not null; SQLite and PostgreSQL name that function differently."""
    latest = first
    for other in others:
        latest = case((latest >= other, latest), else_=other)
    return latest


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        key=row.key,
        channel=row.channel,
        kind=Kind(row.kind),
        picture=Picture(row.picture),
        change_id=row.change_id,
        replies_to=row.replies_to,
        attempts=row.attempts,
        in_doubt=row.in_doubt,
        last_error=row.error,
        token=row.token,
        created_at=row.created_at,
        claimed_at=row.last_at,
    )
