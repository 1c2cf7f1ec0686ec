"""What can be seen after a simulation: the bot's committed rows, and what is in Slack."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from bot.sandbox.slack.messages import ChannelMessage, texts_in
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import BOT
from bot.store.db.schema import UNFINISHED
from tests.simulation.checker import Alert, Card, Posted, Recorded
from tests.simulation.plan import State

ALERTS = """
    SELECT delivery.key, delivery.channel, change.job_id, change.version, change.kind, change.new_status,
           change.new_model, delivery.message_kind, delivery.state, holder.key
    FROM delivery LEFT JOIN change ON change.id = delivery.change_id
    LEFT JOIN delivery AS holder ON holder.id = delivery.digest_id
    WHERE delivery.change_id IS NOT NULL ORDER BY delivery.id
"""

CHANGES = "SELECT job_id, version, kind, new_status, new_model FROM change ORDER BY id"
STATES = "SELECT id, status, fine_tuned_model FROM job"
CARDS = "SELECT job_id, channel, ts FROM card WHERE ts IS NOT NULL ORDER BY id"
STALE = "SELECT count(*) FROM card WHERE generation > rendered_generation AND ts IS NOT NULL"
PENDING = f"SELECT count(*) FROM delivery WHERE state IN {UNFINISHED}"  # noqa: S608 - our own words


def changes(store: sqlite3.Connection) -> Sequence[Recorded]:
    """Return every change that the bot committed, in order."""
    return [recorded_of(row) for row in store.execute(CHANGES)]


def recorded_of(row: Sequence[Any]) -> Recorded:
    """Return one row of ``CHANGES``."""
    job, version, kind, status, model = row
    return Recorded(job, version, kind, (status, model))


def alerts(store: sqlite3.Connection) -> Sequence[Alert]:
    """Return every alert that the bot enqueued, in order."""
    return [alert_of(row) for row in store.execute(ALERTS)]


def alert_of(row: Sequence[Any]) -> Alert:
    """Return one row of ``ALERTS``."""
    key, channel, job, version, kind, status, model, message_kind, state, holder = row
    return Alert(key, channel, Recorded(job, version, kind, (status, model)), message_kind, state, holder)


def states(store: sqlite3.Connection) -> dict[str, State]:
    """Return the state of each job as the bot knows it."""
    return {job: (status, model) for job, status, model in store.execute(STATES)}


def pending(store: sqlite3.Connection) -> int:
    """Return how many rows of the outbox are unfinished."""
    return int(store.execute(PENDING).fetchone()[0])


def messages(slack: Slack) -> Iterator[ChannelMessage]:
    """Yield everything that is in Slack, channel by channel, in order."""
    for channel in slack.workspace.channels.values():
        yield from channel.messages


def cards(store: sqlite3.Connection) -> Sequence[Card]:
    """Return the cards and their positions."""
    return [Card(job, channel, float(ts)) for job, channel, ts in store.execute(CARDS)]


def stale(store: sqlite3.Connection) -> int:
    """Return how many cards have yet to be edited."""
    return int(store.execute(STALE).fetchone()[0])


def _seen(message: ChannelMessage) -> str:
    return "\n".join(texts_in(message.blocks)) or message.text


def _told(message: ChannelMessage) -> str:
    """Return what people see of a message, and the text of its notification, which names the job in a thread, too."""
    return f"{_seen(message)}\n{message.text}"


def posted(slack: Slack) -> Sequence[Posted]:
    """Return every message as the checker wants it."""
    return [
        Posted(
            channel=message.channel,
            ts=float(message.ts),
            key=str(((message.metadata or {}).get("event_payload") or {}).get("k", "")),
            is_ours=message.bot_id == BOT,
            text=_told(message.earlier_versions[0] if message.earlier_versions else message),
            now=_seen(message),
        )
        for message in messages(slack)
    ]
