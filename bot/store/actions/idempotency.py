"""Idempotency keys of requests from outside: a repeated request has no second effect, whichever process gets it."""

import hashlib

from sqlalchemy import delete, update

from bot.store.db import schema
from bot.store.db.engine import Database

RETENTION = 80 * 3600.0
"""Seconds for which a key is stored: OpenAI repeats a webhook for three days, Slack an event within the hour."""


class IdempotencyKeys:
    """Idempotency keys."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def claim(self, key: str) -> bool:
        """Claim a key; return False if it was claimed before.

        Args:
            key: what its sender calls it: an interaction's ``trigger_id``, an event's ``event_id``, a ``webhook-id``.
        """
        now = self._db.now()
        # Hashed: the id of an interaction opens dialogs for some seconds.
        row = {"key": hashlib.sha256(key.encode()).hexdigest(), "claimed_at": now}
        async with self._db.transaction() as tx:
            await tx.execute(
                delete(schema.idempotency_key).where(schema.idempotency_key.c.claimed_at < now - RETENTION)
            )
            # A key from before the clock was set back counts as claimed now, or it would be stored forever.
            await tx.execute(
                update(schema.idempotency_key).where(schema.idempotency_key.c.claimed_at > now).values(claimed_at=now)
            )
            added = await tx.execute(self._db.insert(schema.idempotency_key).values(**row).on_conflict_do_nothing())
            return added.rowcount > 0
