"""Deliveries: alerts before they are rows of the outbox, and rows that were claimed from it."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row

from bot.store.db import schema
from bot.store.jobs.changes import RecordedChange


class MessageKind(StrEnum):
    """What is drawn."""

    CARD = "card"
    CHANGE = "change"
    DIGEST = "digest"
    """Many changes in one message."""
    NOTICE = "notice"
    """What the bot says about itself, or about an order."""


@dataclass(frozen=True)
class NewDelivery:
    """One alert for one destination, before it is a row."""

    channel: str
    message_kind: MessageKind
    card_id: int
    """The card that it belongs to: the card itself, or the one in whose thread the change is told."""


@dataclass(frozen=True)
class Delivery:
    """A claimed row. Times are seconds since the epoch."""

    id: int
    key: str
    """What makes it recognisable in Slack; opaque."""
    channel: str
    message_kind: MessageKind
    change_id: int | None
    """The change that it tells; None for a digest or a notice."""
    card_id: int | None
    notice: dict[str, Any] | None
    attempts: int
    """How many there have been, this one included."""
    unconfirmed: bool
    """Whether an earlier attempt may have arrived."""
    last_error: str | None
    """How the attempt before this one failed, in Slack's word."""
    thread_ts: str | None
    """The thread that the attempt before this one went to."""
    token: str
    created_at: float
    claimed_at: float
    first_attempt_at: float | None
    """When the first attempt began, None before it."""
    last_attempt_at: float | None
    failed_lookups: int
    """Look-ups in a row, before this claim, that could not see whether it arrived."""
    rate_limited_for: float
    """For how long after it was owed Slack still kept its channel waiting: seconds, 0 where it did not."""


@dataclass(frozen=True)
class Alert:
    """One alert of a change, and whether a mute covers it."""

    recorded: RecordedChange
    delivery: NewDelivery
    muted: bool = False

    def values(self) -> dict[str, Any]:
        """Return what its row has of its own."""
        planned = self.delivery
        key = f"{self.recorded.natural_key}|{planned.channel}|{planned.message_kind}|post"
        state = schema.MUTED if self.muted else "pending"
        return {**vars(planned), "change_id": self.recorded.id, "state": state, "key": hashed_key(key)}


Outcome = Literal["sent", "pending", "unconfirmed", "parked", "dead"]


def hashed_key(key: str) -> str:
    """Return what makes an alert recognizable in Slack, and tells nothing of it."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def delivery_of(row: Row[Any], limited_until: float) -> Delivery:
    """Return a claimed row; ``limited_until`` is when the last pause of its channel that Slack asked for ends."""
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
