"""Digests: where many alerts wait for one channel, a few messages tell them all.

A digest is a delivery of its own, with one key and the place in line of the first row that it holds. The rows that it
holds point to it, go out with it and share its end.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema

MOST_WAITING = 20
"""Rows that may wait in a channel, at about one message a second, before they become digests."""
MOST_CHANGES = 25
"""Changes that one digest tells: a line each, and Slack refuses blocks that hold much more than 8,000 characters."""

AFTER_MUTE = json.dumps({"kind": "after_mute"})
"""The notice of a digest that sums up what was muted."""
_AT_ONCE = 1000
"""Rows in one statement: a database takes only so many parameters."""


async def bundle(tx: AsyncConnection, claimed: Row[Any]) -> bool:
    """Turn what waits in the channel of a row that was just claimed into digests, where that is too much.

    Returns whether it was; the claimed row is then held by a digest, too, and the claim is over. A row that may have
    arrived stays alone: it has to be looked up by its own key.
    """
    if claimed.change_id is None or claimed.in_doubt:
        return False
    waiting = await _waiting(tx, claimed)
    if len(waiting) <= MOST_WAITING:
        return False
    for rows in _parts(waiting):
        await hold(tx, rows, place=rows[0].id, created_at=rows[0].created_at)
    return True


async def hold(tx: AsyncConnection, rows: Sequence[Row[Any]], **values: Any) -> None:
    """Let one digest tell these rows of a channel; ``values`` are more of its own."""
    digest = await tx.scalar(
        insert(schema.delivery)
        .values(
            key=hashlib.sha256("|".join(["digest", *(row.key for row in rows)]).encode()).hexdigest()[:32],
            channel=rows[0].channel,
            kind="post",
            picture="digest",
            state="pending",
            attempts=0,
            in_doubt=False,
            not_before=0.0,
            lease_until=0.0,
            **values,
        )
        .returning(schema.delivery.c.id)
    )
    for start in range(0, len(rows), _AT_ONCE):
        some = [row.id for row in rows[start : start + _AT_ONCE]]
        held = update(schema.delivery).where(schema.delivery.c.id.in_(some))
        await tx.execute(held.values(held_by=digest, state="pending", token=None, lease_until=0.0))


async def _waiting(tx: AsyncConnection, claimed: Row[Any]) -> list[Row[Any]]:
    rows = schema.delivery.c
    waits = (rows.state == "pending") | (rows.id == claimed.id)
    tells_change = (rows.change_id.is_not(None), rows.kind == "post", rows.held_by.is_(None))
    of_channel = select(rows.id, rows.key, rows.channel, rows.change_id, rows.created_at).where(
        rows.channel == claimed.channel, waits, rows.in_doubt.is_(False), *tells_change
    )
    return list(await tx.execute(of_channel.order_by(rows.id)))


def _parts(waiting: Iterable[Row[Any]]) -> list[list[Row[Any]]]:
    """Cut rows into digests; a card and the change that made it are told in one line, and stay together."""
    changes = [list(rows) for _, rows in groupby(waiting, key=lambda row: row.change_id)]
    return [
        [row for rows in changes[start : start + MOST_CHANGES] for row in rows]
        for start in range(0, len(changes), MOST_CHANGES)
    ]


async def changes_in(tx: AsyncConnection, digest_id: int) -> list[int]:
    """Return the ids of the changes that a digest tells, in order."""
    rows = schema.delivery.c
    held = await tx.scalars(select(rows.change_id).where(rows.held_by == digest_id).order_by(rows.id))
    return list(dict.fromkeys(held))
