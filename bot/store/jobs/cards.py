"""Cards: the message of each job in each channel, and whether it is up to date.

``generation`` counts what a card has to show, ``rendered_generation`` is the count that it shows: several changes become
one edit, and a repeated edit is harmless.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, exists, func, select, text, update

from bot.jobs.statuses import FINAL_STATUSES
from bot.net.retry_after import MAX_PAUSE
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import deadline, has_passed
from bot.store.db.tokens import ClaimTokens
from bot.store.db.wakeups import Queue
from bot.store.outbox.queue import MAX_LEASE, in_states, latest

MAX_WAIT = 3600.0
"""Seconds: the longest wait of a card that cannot be edited."""
ALL_CARDS = "*"
"""The row of ``channel`` with the time of the next edit, whatever its card's channel."""


CardKey = tuple[str, str]
"""A job's id, and a channel."""


@dataclass(frozen=True)
class Card:
    """The first message about a job in a channel; changes are posted in its thread."""

    id: int
    account: str
    job_id: str
    channel: str
    ts: str | None
    """None until it is posted."""
    generation: int = 0
    """Counts what it has to show."""
    shared_chart: str | None = None
    """Slack's file id of the chart that was shared in its thread."""


@dataclass(frozen=True)
class Edit:
    """A claimed edit of a stale card."""

    card: Card
    ts: str
    failures: int
    """Failed edits in a row, before this one."""
    token: str


@dataclass(frozen=True)
class RateLimit:
    """Limits on edits of cards, in seconds. Slack allows 50 edits a minute: docs.slack.dev, ``chat.update``, tier 3."""

    card_interval: float = 30.0
    """Between two edits of one card, unless its job's state changed."""
    interval: float = 1.5
    """Between any two edits: 40 a minute."""
    lease: float = 30.0
    """After which another process may claim the edit."""


class Cards:
    """Cards. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tokens = ClaimTokens()

    async def find(self, card_id: int) -> Card | None:
        """Return one card."""
        async with self._db.transaction() as tx:
            return await self.find_in(tx, card_id)

    async def find_in(self, tx: Transaction, card_id: int) -> Card | None:
        """Return one card."""
        row = (await tx.execute(select(schema.card).where(schema.card.c.id == card_id))).one_or_none()
        return _card(row) if row else None

    async def get_or_create(self, tx: Transaction, account: str, job_id: str, channel: str) -> tuple[Card, bool]:
        """Return the card of a job in a channel, and whether its post has yet to be enqueued.

        This applies to a new card, for one that a digest replaced, and for a deleted one.
        """
        return (await self.get_or_create_all(tx, account, [(job_id, channel)]))[job_id, channel]

    async def get_or_create_all(
        self, tx: Transaction, account: str, keys: Sequence[CardKey]
    ) -> dict[CardKey, tuple[Card, bool]]:
        """Return the cards of jobs in channels, as ``get_or_create`` does for one."""
        if not keys:
            return {}
        found = await self._find_all(tx, account, keys)
        if lacking := [key for key in dict.fromkeys(keys) if key not in found]:
            made = self._db.insert(schema.card).values(account=account).on_conflict_do_nothing()
            values = [{"job_id": job_id, "channel": channel} for job_id, channel in lacking]
            new = [_card(row) for row in await tx.execute(made.returning(schema.card), values)]
            both = found | {(card.job_id, card.channel): card for card in new}
            # Another transaction may have created one at the same moment.
            found = both if len(new) == len(lacking) else await self._find_all(tx, account, keys)
            yet_unknown = {card.id for card in new}
        else:
            yet_unknown = set()
        unposted = [card.id for card in found.values() if card.ts is None and card.id not in yet_unknown]
        pending = await self._with_pending_post(tx, unposted, {channel for _, channel in keys})
        return {key: (card, card.ts is None and card.id not in pending) for key, card in found.items()}

    async def _find_all(self, tx: Transaction, account: str, keys: Sequence[CardKey]) -> dict[CardKey, Card]:
        cards, requested = schema.card.c, set(keys)
        of_jobs = self._db.among(cards.job_id, {job_id for job_id, _ in keys})
        in_channels = self._db.among(cards.channel, {channel for _, channel in keys})
        rows = await tx.execute(select(schema.card).where(cards.account == account, of_jobs, in_channels))
        return {key: _card(row) for row in rows if (key := (row.job_id, row.channel)) in requested}

    async def _with_pending_post(self, tx: Transaction, card_ids: Sequence[int], channels: Collection[str]) -> set[int]:
        """Return the ids of the cards that a pending delivery posts."""
        if not card_ids:
            return set()
        rows, pending = schema.delivery.c, set[int]()
        posts = (rows.message_kind == "card", self._db.among(rows.channel, channels), rows.digest_id.is_(None))
        # One by one: each of these has an index of its few rows, the whole table has none.
        for states in (schema.UNFINISHED, schema.DEAD_LETTERS, (schema.MUTED,)):
            waiting = select(rows.card_id).where(in_states(states), rows.state != "dead", *posts)
            pending |= set(await tx.scalars(waiting))
        return pending & set(card_ids)

    async def ts_of(self, account: str, job_id: str, channel: str) -> str | None:
        """Return the timestamp of a job's card in a channel, None if there is none."""
        cards = schema.card.c
        where = (cards.account == account, cards.job_id == job_id, cards.channel == channel)
        async with self._db.transaction() as tx:
            ts: str | None = await tx.scalar(select(cards.ts).where(*where))
        return ts

    async def record_post(self, tx: Transaction, card_id: int, ts: str | None, *, rendered_generation: int = 0) -> None:
        """Record the timestamp of a card's message and the generation it shows; None if the message was deleted."""
        values = {"ts": ts, "rendered_generation": rendered_generation, "failures": 0, "not_before": 0.0}
        await tx.execute(update(schema.card).where(schema.card.c.id == card_id).values(values))

    async def bump_generation(
        self, tx: Transaction, account: str, *job_ids: str, channel: str | None = None, immediate: bool = False
    ) -> None:
        """Mark the cards of jobs, in one channel or in all, as stale.

        ``immediate`` skips the interval of the card, not the one between any two edits.
        """
        cards = schema.card.c
        mine = update(schema.card).where(cards.account == account, self._db.among(cards.job_id, job_ids))
        if channel is not None:
            mine = mine.where(cards.channel == channel)
        reset = {"edited_at": 0.0} if immediate else {}
        await tx.execute(mine.values(generation=cards.generation + 1, not_before=0.0, **reset))
        tx.wakes(Queue.CARDS)

    async def claim(self, rate_limit: RateLimit) -> Edit | None:
        """Claim the first due edit, of tracked jobs and of finished ones before others; None if none is due.

        An edit whose claim by this process was lost, or that it abandoned, comes first.
        """
        lost = self._tokens.lost()
        with self._tokens.claiming() as token:
            async with self._db.transaction() as tx:
                row = await self._reclaim(tx, token, rate_limit, lost) if lost else None
                row = row or await self._claim_next(tx, token, rate_limit)
        self._tokens.forget(lost)
        return Edit(_card(row), row.ts, row.failures, row.token) if row else None

    async def _reclaim(
        self, tx: Transaction, token: str, rate_limit: RateLimit, lost: Sequence[str]
    ) -> Row[Any] | None:
        """Claim one card of the lost claims again, and release the others."""
        cards = schema.card.c
        ours = cards.token.in_(lost)
        chosen = select(func.min(cards.id)).where(ours, text(schema.STALE)).scalar_subquery()
        renewed = update(schema.card).where(cards.id == chosen, ours)
        renewed = renewed.values(token=token, lease_until=self._db.now() + rate_limit.lease)
        row: Row[Any] | None = (await tx.execute(renewed.returning(schema.card))).one_or_none()
        await tx.execute(update(schema.card).where(ours).values(token=None, lease_until=0.0))
        return row

    def abandon(self, edit: Edit) -> None:
        """Let this process claim an edit again at once: it failed, and a repeated edit is harmless."""
        self._tokens.mark_lost(edit.token)

    async def _claim_next(self, tx: Transaction, token: str, rate_limit: RateLimit) -> Row[Any] | None:
        cards, jobs, tracks, now = schema.card.c, schema.job.c, schema.track.c, self._db.now()
        is_finished = func.lower(jobs.status).in_(FINAL_STATUSES)
        of_card = (tracks.account == cards.account, tracks.job_id == cards.job_id, tracks.channel == cards.channel)
        # A channel that untracks thousands of jobs must not delay the edits of others.
        is_tracked = exists().where(*of_card)
        first = (
            select(cards.id)
            .join(schema.job, and_(jobs.account == cards.account, jobs.id == cards.job_id))
            .where(*_due(now, rate_limit))
            .order_by(is_tracked.desc(), is_finished.desc(), cards.edited_at, cards.id)
            .limit(1)
        )
        card_id = await tx.scalar(first)
        if card_id is None or not await self._acquire_slot(tx, rate_limit):
            return None
        values = {"lease_until": now + rate_limit.lease, "token": token}
        mine = update(schema.card).where(cards.id == card_id, *_due(now, rate_limit))
        row: Row[Any] | None = (await tx.execute(mine.values(values).returning(schema.card))).one_or_none()
        return row

    async def _acquire_slot(self, tx: Transaction, rate_limit: RateLimit) -> bool:
        now = self._db.now()
        slot = self._db.insert(schema.channel).values(id=ALL_CARDS, free_at=now + rate_limit.interval)
        if_free = {
            "set_": {"free_at": slot.excluded.free_at},
            "where": has_passed(schema.channel.c.free_at, now, MAX_PAUSE),
        }
        return (await tx.execute(slot.on_conflict_do_update(index_elements=["id"], **if_free))).rowcount > 0

    async def complete(self, edit: Edit) -> None:
        """Record that a card shows the generation of the claim."""
        async with self._db.transaction() as tx:
            await self._finish(tx, edit, rendered_generation=edit.card.generation, failures=0, edited_at=self._db.now())

    async def fail(self, edit: Edit, *, wait: float, pause_all: bool = False, give_up: bool = False) -> None:
        """Record a failed edit.

        Args:
            edit: the claimed edit.
            wait: seconds until it is retried.
            pause_all: whether no other card is edited until then.
            give_up: whether it is not retried before the next generation.
        """
        rendered = edit.card.generation if give_up else schema.card.c.rendered_generation
        async with self._db.transaction() as tx:
            await self._finish(
                tx, edit, rendered_generation=rendered, failures=edit.failures + 1, not_before=self._db.now() + wait
            )
            if pause_all:
                now = self._db.now()
                until = deadline(schema.channel.c.free_at, now, MAX_PAUSE), now + wait
                later = update(schema.channel).where(schema.channel.c.id == ALL_CARDS)
                await tx.execute(later.values(free_at=latest(*until)))

    async def record_shared_chart(self, card: Card, file: str) -> None:
        """Record which chart was shared in a card's thread: from then on an edit may show it."""
        async with self._db.transaction() as tx:
            await tx.execute(update(schema.card).where(schema.card.c.id == card.id).values(shared_chart=file))

    async def mark_deleted(self, tx: Transaction, edit: Edit) -> bool:
        """Record that a card's message was deleted; return False if another process claimed the edit."""
        return await self._finish(tx, edit, ts=None)

    async def _finish(self, tx: Transaction, edit: Edit, **values: Any) -> bool:
        mine = update(schema.card).where(schema.card.c.id == edit.card.id, schema.card.c.token == edit.token)
        ended = {"token": None, "lease_until": 0.0}
        return (await tx.execute(mine.values(ended | values))).rowcount > 0

    async def seconds_to_next(self, rate_limit: RateLimit) -> float | None:
        """Return the seconds until an edit can be claimed: 0 if one is due, None if no card is stale."""
        cards, now = schema.card.c, self._db.now()
        slot = select(schema.channel.c.free_at).where(schema.channel.c.id == ALL_CARDS).scalar_subquery()
        ready = latest(
            deadline(cards.not_before, now, MAX_WAIT),
            deadline(cards.lease_until, now, MAX_LEASE),
            deadline(cards.edited_at + rate_limit.card_interval, now, rate_limit.card_interval),
            deadline(func.coalesce(slot, 0.0), now, MAX_PAUSE),
        )
        async with self._db.transaction() as tx:
            seconds = await tx.scalar(select(func.min(ready) - now).where(text(schema.STALE)))
        return None if seconds is None else max(0.0, float(seconds))


def _due(now: Any, rate_limit: RateLimit) -> tuple[Any, ...]:
    cards = schema.card.c
    return (
        text(schema.STALE),
        has_passed(cards.not_before, now, MAX_WAIT),
        has_passed(cards.lease_until, now, MAX_LEASE),
        has_passed(cards.edited_at + rate_limit.card_interval, now, rate_limit.card_interval),
    )


def _card(row: Any) -> Card:
    return Card(row.id, row.account, row.job_id, row.channel, row.ts, row.generation, row.shared_chart)
