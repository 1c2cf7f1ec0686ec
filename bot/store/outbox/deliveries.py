"""The outbox: a row for each pending message and channel, until Slack has it.

    pending -> inflight -> sent
                        -> pending     rejected for now: retried after ``not_before``
                        -> unconfirmed may have been posted: looked up before it is sent again
                        -> parked      its channel is closed: the channel's deliveries wait for it to open
                        -> dead        given up; the queue went on without it, a person may retry it
    muted -> pending    in a digest, at the end of the mute

A row is claimed by one statement under a lease and a token; every later write names the token, so that a worker whose
lease expired changes nothing. ``unconfirmed`` is set just before the request and cleared by a definite response: if the
worker fails in between, the next one knows that the message may have been posted.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Double, Row, case, func, literal, select, update

from bot.net.retry_after import MAX_PAUSE
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import deadline, has_passed, not_after
from bot.store.db.tokens import ClaimTokens
from bot.store.db.wakeups import Queue
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import RecordedChange
from bot.store.outbox import digests
from bot.store.outbox.delivery import Alert, Delivery, MessageKind, NewDelivery, Outcome, delivery_of, hashed_key
from bot.store.outbox.queue import (
    MAX_LEASE,
    due,
    latest,
    longest_pause,
    position,
    queue_heads,
    ready_at,
    unfinished,
)
from bot.store.sqlite.backup import unconfirmed_after_restore

_ASSUMED_AGE = 3600.0
"""Seconds: the assumed age of an attempt whose time lies ahead because the clock was set back."""
_NEW_ROW = {"state": "pending", "kind": "post", "attempts": 0, "not_before": 0.0, "lease_until": 0.0}


class Outbox:
    """Deliveries. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tokens = ClaimTokens()

    async def enqueue(
        self, tx: Transaction, recorded: RecordedChange, new: NewDelivery, *, muted: bool = False
    ) -> None:
        """Enqueue a message about a change, once for its key; parked deliveries of its channel are retried before it.

        So the next alert finds out whether a closed channel is open again. A muted one waits for the end of the mute.
        """
        await self.enqueue_all(tx, recorded.account, [Alert(recorded, new, muted)])

    async def enqueue_all(self, tx: Transaction, account: str, alerts: Sequence[Alert]) -> None:
        """Enqueue messages about changes of an account, in this order, as ``enqueue`` does for one."""
        if loud := {each.delivery.channel for each in alerts if not each.muted}:
            rows = schema.delivery.c
            parked = update(schema.delivery).where(self._db.among(rows.channel, loud), rows.state == "parked")
            await tx.execute(parked.values(state="pending", not_before=0.0))
        await self._insert(tx, [each.values() for each in alerts], account)

    async def enqueue_notice(
        self, tx: Transaction, channel: str, body: Mapping[str, Any], key: str, *, card_id: int | None = None
    ) -> None:
        """Enqueue a notice, rendered from ``body``, for a channel, a user or a card's thread, once for each ``key``."""
        await self.enqueue_notices(tx, {channel: card_id}, body, key)

    async def enqueue_notices(
        self, tx: Transaction, to: Mapping[str, int | None], body: Mapping[str, Any], key: str
    ) -> None:
        """Enqueue a notice for several channels, each with the card of its thread, as ``enqueue_notice`` does for one."""
        notice = {"message_kind": MessageKind.NOTICE, "notice": json.dumps(body)}
        of = {channel: {"channel": channel, "key": hashed_key(f"notice|{key}|{channel}")} for channel in to}
        await self._insert(tx, [{**notice, **of[channel], "card_id": card} for channel, card in to.items()])

    async def requeue_card(self, tx: Transaction, card: Card) -> None:
        """Enqueue the card again; the previous one was deleted."""
        row = {"channel": card.channel, "message_kind": MessageKind.CARD, "card_id": card.id}
        await self._insert(tx, [{**row, "key": hashed_key(f"card|{card.id}|after {card.ts}")}])

    async def _insert(self, tx: Transaction, rows: Sequence[dict[str, Any]], of: str | None = None) -> None:
        """Insert rows, in this order, each once for its key; ``of`` is the account of their changes."""
        if rows:
            defaults = {"created_at": self._db.now(), **unconfirmed_after_restore(self._db.now(), of)}
            statement = self._db.insert(schema.delivery).values(defaults).on_conflict_do_nothing(index_elements=["key"])
            await tx.execute(statement, [{**_NEW_ROW, **row} for row in rows])
            tx.wakes(Queue.DELIVERIES)

    async def claim(self, lease: float) -> Delivery | None:
        """Claim the head of a queue that is due, for ``lease`` seconds; None if nothing is due.

        The rows of a channel are sent one after the other, in the order in which they were enqueued. If more than
        ``digests.MAX_WAITING`` of a channel are pending, they become digests, and the first of these is claimed. A row
        whose claim by this process was lost, or that it abandoned, comes first.
        """
        lost = self._tokens.lost()
        with self._tokens.claiming() as token:
            async with self._db.transaction() as tx:
                delivery = await self._claim(tx, token, lease, lost)
        self._tokens.forget(lost)
        return delivery

    async def _claim(self, tx: Transaction, token: str, lease: float, lost: Sequence[str]) -> Delivery | None:
        now = await self._db.read_clock(tx)
        row = await self._reclaim(tx, token, lease, lost) if lost else None
        row = row or await self._claim_next(tx, token, lease, now)
        if row and await digests.bundle(tx, row):
            row = await self._claim_next(tx, token, lease, now)
        if not row:
            return None
        limited = select(schema.channel.c.rate_limited_until).where(schema.channel.c.id == row.channel)
        return delivery_of(row, float(await tx.scalar(limited) or 0.0))

    async def _reclaim(self, tx: Transaction, token: str, lease: float, lost: Sequence[str]) -> Row[Any] | None:
        """Claim one row of the lost claims again, and release the others."""
        now, rows = self._db.now(), schema.delivery.c
        ours = (rows.token.in_(lost), rows.state == "inflight")
        chosen = select(func.min(rows.id)).where(*ours).scalar_subquery()
        renewed = update(schema.delivery).where(rows.id == chosen, *ours)
        renewed = renewed.values(token=token, lease_until=now + lease)
        row: Row[Any] | None = (
            await tx.execute(renewed.returning(schema.delivery, now.label("claimed_at")))
        ).one_or_none()
        await tx.execute(update(schema.delivery).where(*ours).values(token=None, lease_until=0.0))
        return row

    def abandon(self, delivery: Delivery) -> None:
        """Let this process claim a row again at once: it failed before anything was sent."""
        self._tokens.mark_lost(delivery.token)

    async def _claim_next(self, tx: Transaction, token: str, lease: float, now: float) -> Row[Any] | None:
        rows = schema.delivery.c
        chosen = (
            select(rows.id).where(*due(now, self._db.clock_steps.remaining(MAX_LEASE))).order_by(position()).limit(1)
        )
        chosen = chosen.with_for_update(skip_locked=True)
        statement = (
            update(schema.delivery)
            .where(rows.id == chosen.scalar_subquery(), has_passed(rows.lease_until, now, MAX_LEASE), unfinished())
            .values(
                state="inflight",
                attempts=rows.attempts + 1,
                token=token,
                lease_until=now + lease,
            )
            .returning(schema.delivery, literal(now, Double).label("claimed_at"))
        )
        row: Row[Any] | None = (await tx.execute(statement)).one_or_none()
        return row

    async def begin_attempt(
        self, delivery: Delivery, *, thread_ts: str | None, min_lease: float, lookup_after: float
    ) -> bool:
        """Mark a row as unconfirmed, just before the request; return whether the message may be sent.

        Args:
            delivery: the claimed row.
            thread_ts: the thread of the message, for lookups.
            min_lease: seconds that must be left of the lease; with fewer, another worker may claim the row during the
                request, so nothing is recorded and nothing may be sent.
            lookup_after: seconds after which, without a recorded response, a lookup can tell whether the message was posted.
        """
        now = self._db.now()
        mine = (*_mine(delivery), schema.delivery.c.lease_until - now > min_lease)
        noted = {
            "unconfirmed": True,
            "first_attempt_at": func.coalesce(schema.delivery.c.first_attempt_at, now),
            "last_attempt_at": now,
            "not_before": now + lookup_after,
            "thread_ts": thread_ts,
            "failed_lookups": 0,
        }
        async with self._db.transaction() as tx:
            return (await tx.execute(update(schema.delivery).where(*mine).values(**noted))).rowcount > 0

    async def release(self, delivery: Delivery, *, wait: float = 0.0, lookup_failed: bool = False) -> None:
        """Release a row that was not attempted; it can be claimed again after ``wait`` seconds.

        ``lookup_failed`` counts a lookup that could not tell whether an earlier attempt was posted.
        """
        rows, now = schema.delivery.c, self._db.now()
        released = {
            "state": "unconfirmed" if delivery.unconfirmed else "pending",
            "attempts": rows.attempts - 1,
            "failed_lookups": rows.failed_lookups + int(lookup_failed),
            "token": None,
            "lease_until": 0.0,
            "first_attempt_at": case((rows.first_attempt_at > now, now - _ASSUMED_AGE), else_=rows.first_attempt_at),
            "last_attempt_at": not_after(rows.last_attempt_at, now),
        }
        statement = update(schema.delivery).where(*_mine(delivery))
        async with self._db.transaction() as tx:
            await tx.execute(statement.values(**released, not_before=now + wait))

    async def complete(
        self,
        tx: Transaction,
        delivery: Delivery,
        outcome: Outcome,
        *,
        unconfirmed: bool,
        ts: str | None = None,
        error: str | None = None,
        wait: float = 0.0,
    ) -> bool:
        """Record the outcome of an attempt; return False if the lease was lost and nothing was recorded.

        Args:
            tx: the caller's transaction.
            delivery: the claimed row.
            outcome: its new state.
            unconfirmed: whether the message may have been posted nevertheless.
            ts: the timestamp of the message, for ``sent``.
            error: Slack's error code.
            wait: seconds until this row may be claimed again.
        """
        rows = schema.delivery.c
        end = {
            "state": outcome,
            "ts": ts,
            "error": error,
            "unconfirmed": unconfirmed,
            "lease_until": 0.0,
            "token": None,
        }
        statement = update(schema.delivery).where(*_mine(delivery)).values(**end, not_before=self._db.now() + wait)
        if (await tx.execute(statement)).rowcount == 0:
            return False
        if delivery.message_kind is MessageKind.DIGEST and outcome in ("sent", "parked", "dead"):
            held = update(schema.delivery).where(rows.digest_id == delivery.id)
            await tx.execute(held.values(state=outcome, ts=ts, error=error))
        return True

    async def park_channel(self, tx: Transaction, channel: str, error: str) -> int:
        """Park the pending deliveries of a closed channel; return the number of alerts parked for it now."""
        rows = schema.delivery.c
        waiting = update(schema.delivery).where(rows.channel == channel, rows.state.in_(("pending", "unconfirmed")))
        await tx.execute(waiting.values(state="parked", error=error))
        parked = select(func.count()).where(rows.channel == channel, rows.state == "parked")
        return int(await tx.scalar(parked.where(rows.message_kind != MessageKind.DIGEST)) or 0)

    async def seconds_to_next(self) -> float | None:
        """Return the seconds until a row can be claimed: 0 if one is due, None if nothing is pending."""
        channels = schema.channel.c
        with_channel = schema.delivery.outerjoin(schema.channel, channels.id == schema.delivery.c.channel)
        async with self._db.transaction() as tx:
            now = await self._db.read_clock(tx)
            ready = ready_at(now, self._db.clock_steps.remaining(MAX_LEASE))
            until_ready = select(func.min(ready) - now).select_from(with_channel)
            seconds = await tx.scalar(until_ready.where(unfinished(), position().in_(queue_heads())))
        return None if seconds is None else max(0.0, float(seconds))

    async def end_leases(self) -> int:
        """End every lease; return their number. For a store that only this process uses, at its start."""
        rows = schema.delivery.c
        async with self._db.transaction() as tx:
            statement = update(schema.delivery).where(rows.state == "inflight").values(lease_until=0.0)
            return (await tx.execute(statement)).rowcount

    async def pause_channel(self, tx: Transaction, channel: str, seconds: float, *, rate_limited: bool = False) -> None:
        """Send nothing to a channel for some seconds; ``rate_limited`` if Slack asked for the pause."""
        now, channels = self._db.now(), schema.channel.c
        until = now + seconds
        row = self._db.insert(schema.channel).values(
            id=channel, free_at=until, rate_limited_until=until if rate_limited else 0.0
        )
        before = {
            "free_at": deadline(channels.free_at, now, longest_pause()),
            "rate_limited_until": deadline(channels.rate_limited_until, now, MAX_PAUSE),
        }
        later = {name: latest(moment, row.excluded[name]) for name, moment in before.items()}
        await tx.execute(row.on_conflict_do_update(index_elements=["id"], set_=later))


def _mine(delivery: Delivery) -> tuple[Any, ...]:
    return schema.delivery.c.id == delivery.id, schema.delivery.c.token == delivery.token
