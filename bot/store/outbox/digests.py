"""Digests: one message for many pending deliveries of a channel.

A digest is a delivery with a key of its own and the position of its first row. Its rows refer to it by ``digest_id``, are
sent with it and share its final state.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from bot.store.db import schema
from bot.store.db.engine import Transaction

MAX_WAITING = 20
"""Pending rows of a channel, at about one message a second, before they become digests."""
MAX_CHANGES = 25
"""Changes in one digest, a line each: Slack rejects blocks of much more than 8,000 characters."""

AFTER_MUTE = json.dumps({"kind": "after_mute"})
"""The notice of a digest of muted changes."""
AFTER_FLAPPING = json.dumps({"kind": "after_flapping"})
"""The notice of a digest of a flapping job's changes."""
_BATCH = 1000
"""Rows that become digests in one transaction."""
_DIGEST = {
    "kind": "post",
    "message_kind": "digest",
    "state": "pending",
    "attempts": 0,
    "unconfirmed": False,
    "not_before": 0.0,
    "lease_until": 0.0,
}
_HELD = {"state": "pending", "token": None, "lease_until": 0.0}


async def bundle(tx: Transaction, claimed: Row[Any]) -> bool:
    """Turn the pending rows of a claimed row's channel into digests, if there are more than ``MAX_WAITING``.

    Returns whether there were; the claimed row is then in a digest, too, and its claim is over. An unconfirmed row stays
    alone: it has to be looked up by its own key.
    """
    if claimed.change_id is None or claimed.unconfirmed:
        return False
    waiting = await _waiting(tx, claimed)
    if len(waiting) <= MAX_WAITING:
        return False
    parts = _groups(waiting)
    if len(waiting) == _BATCH and len(parts) > 1:
        parts.pop()  # the rest of its changes may be beyond the batch: later claims take them
    await create(tx, parts, lambda rows: {"position": rows[0].id, "created_at": rows[0].created_at})
    return True


async def create(
    tx: Transaction, groups: Sequence[Sequence[Row[Any]]], values: Callable[[Sequence[Row[Any]]], dict[str, Any]]
) -> None:
    """Create one digest for each group of rows, which are of one channel; ``values`` returns the digest's own columns."""
    if not groups:
        return
    made = insert(schema.delivery).values(_DIGEST).returning(schema.delivery.c.key, schema.delivery.c.id)
    values_of = [{"channel": rows[0].channel, "key": _key(rows), **values(rows)} for rows in groups]
    ids = {row.key: row.id for row in await tx.execute(made, values_of)}
    held = update(schema.delivery).where(schema.delivery.c.id == bindparam("row")).values(_HELD)
    await tx.execute(held, [{"row": row.id, "digest_id": ids[_key(rows)]} for rows in groups for row in rows])


def _key(rows: Sequence[Row[Any]]) -> str:
    return hashlib.sha256("|".join(["digest", *(row.key for row in rows)]).encode()).hexdigest()[:32]


async def _waiting(tx: Transaction, claimed: Row[Any]) -> list[Row[Any]]:
    """Return the first rows of a channel that may go into a digest, at most one batch."""
    rows = schema.delivery.c
    waits = (rows.state == "pending") | (rows.id == claimed.id)
    tells_change = (rows.change_id.is_not(None), rows.kind == "post", rows.digest_id.is_(None))
    of_channel = select(rows.id, rows.key, rows.channel, rows.change_id, rows.created_at).where(
        rows.channel == claimed.channel, waits, rows.unconfirmed.is_(False), *tells_change
    )
    return list(await tx.execute(of_channel.order_by(rows.id).limit(_BATCH)))


def _groups(waiting: Iterable[Row[Any]]) -> list[list[Row[Any]]]:
    """Group rows into digests; a card and the change that created it are one line, and stay together."""
    changes = [list(rows) for _, rows in groupby(waiting, key=lambda row: row.change_id)]
    return [
        [row for rows in changes[start : start + MAX_CHANGES] for row in rows]
        for start in range(0, len(changes), MAX_CHANGES)
    ]


async def changes_in(tx: Transaction, digest_id: int) -> list[int]:
    """Return the ids of a digest's changes, in order."""
    rows = schema.delivery.c
    held = await tx.scalars(select(rows.change_id).where(rows.digest_id == digest_id).order_by(rows.id))
    return list(dict.fromkeys(held))
