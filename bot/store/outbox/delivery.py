"""Deliveries: before they are enqueued, and after they are claimed from the outbox."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row

from bot.store.db import schema
from bot.store.jobs.changes import RecordedChange


class MessageKind(StrEnum):
    """The kind of a message, by which it is rendered."""

    CARD = "card"
    CHANGE = "change"
    DIGEST = "digest"
    """Many changes in one message."""
    NOTICE = "notice"
    """About the bot itself, or about an action."""


@dataclass(frozen=True)
class NewDelivery:
    """One message for one channel, before it is enqueued. Fields are columns of the outbox."""

    channel: str
    message_kind: MessageKind
    card_id: int
    """The card to post, or the card in whose thread the change is posted."""


@dataclass(frozen=True)
class Delivery:
    """A claimed row. Times are seconds since the epoch."""

    id: int
    key: str
    """The idempotency key in the message's metadata, by which a lookup finds it in Slack."""
    channel: str
    message_kind: MessageKind
    change_id: int | None
    """The id of its change; None for a digest or a notice."""
    card_id: int | None
    notice: dict[str, Any] | None
    attempts: int
    """The number of attempts, this one included."""
    unconfirmed: bool
    """Whether an earlier attempt may have been posted."""
    last_error: str | None
    """Slack's error code of the previous attempt."""
    thread_ts: str | None
    """The thread of the previous attempt."""
    token: str
    created_at: float
    claimed_at: float
    first_attempt_at: float | None
    """The start of the first attempt; None before it."""
    last_attempt_at: float | None
    failed_lookups: int
    """Failed lookups in a row before this claim: they could not tell whether the message was posted."""
    rate_limited_for: float
    """Seconds from its creation to the end of the last pause that Slack asked of its channel; 0 without one."""


@dataclass(frozen=True)
class Alert:
    """A message about a change, and whether it is muted."""

    recorded: RecordedChange
    delivery: NewDelivery
    muted: bool = False

    def values(self) -> dict[str, Any]:
        """Return the columns of its row."""
        planned = self.delivery
        key = f"{self.recorded.natural_key}|{planned.channel}|{planned.message_kind}|post"
        state = schema.MUTED if self.muted else "pending"
        return {**vars(planned), "change_id": self.recorded.id, "state": state, "key": hashed_key(key)}


Outcome = Literal["sent", "pending", "unconfirmed", "parked", "dead"]


def hashed_key(key: str) -> str:
    """Return the hash of a key: it identifies a message in Slack without exposing its content."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def delivery_of(row: Row[Any], limited_until: float) -> Delivery:
    """Return a claimed row as a delivery; ``limited_until`` is the end of the last pause that Slack asked of its channel."""
    return Delivery(
        id=row.id,
        key=row.key,
        channel=row.channel,
        message_kind=MessageKind(row.message_kind),
        change_id=row.change_id,
        card_id=row.card_id,
        notice=json.loads(row.notice) if row.notice else None,
        attempts=row.attempts,
        unconfirmed=row.unconfirmed,
        last_error=row.error,
        thread_ts=row.thread_ts,
        token=row.token,
        created_at=row.created_at,
        claimed_at=row.claimed_at,
        first_attempt_at=row.first_attempt_at,
        last_attempt_at=row.last_attempt_at,
        failed_lookups=row.failed_lookups,
        rate_limited_for=max(0.0, limited_until - row.created_at),
    )
