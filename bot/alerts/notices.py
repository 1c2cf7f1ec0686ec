"""Notices: what the bot has to say about itself. They leave through the same outbox as alerts.

To ``FTJOB_OPS_CHANNEL`` where that is set; else to the people concerned, in their direct messages, once a day.
"""

from collections.abc import Iterable

import structlog

from bot.blocks.notice import NoticeKind
from bot.store import Store
from bot.store.engine import Transaction
from bot.store.identity import Story

_DAY = 86400.0

log = structlog.get_logger()


class Notices:
    """Owes notices."""

    def __init__(self, store: Store, ops_channel: str | None) -> None:
        self._store = store
        self._ops_channel = ops_channel

    async def tell(
        self,
        tx: Transaction,
        kind: NoticeKind,
        about: str,
        *,
        at: float,
        people: Iterable[str] = (),
        **facts: str | float | None,
    ) -> None:
        """Owe one notice, in the caller's transaction; the same one twice is one.

        Args:
            tx: the transaction of what it is about.
            kind: what it says.
            about: what it is about: an account, a channel.
            at: when that began, seconds since the epoch: two notices of one kind, about one thing and of one moment,
                are the same.
            people: whom it concerns, by user id.
            facts: what ``blocks.notice`` needs to draw it; it holds no secret.
        """
        body = {"kind": kind, "about": about, **facts}
        if self._ops_channel:
            await self._store.outbox.notify(tx, self._ops_channel, body, f"{kind}|{about}|{at}")
            return
        for person in sorted(set(people)):
            await self._store.outbox.notify(tx, person, body, f"{kind}|{about}|day {at // _DAY:.0f}")

    async def tell_of_store(self) -> None:
        """Say at the start what became of the store, then let it be the one that is known here.

        Who only looks at a store, as ``ftjob check`` does, must not call this: the loss would be told to nobody.
        """
        identity = self._store.identity
        match identity.story:
            case Story.LOST:
                log.error("store.lost", new_id=identity.id)
            case Story.REPLACED:
                log.warning("store.replaced", new_id=identity.id)
        async with self._store.db.transaction() as tx:
            if identity.story is Story.LOST:
                await self.tell(tx, NoticeKind.STORE_LOST, "store", at=identity.made_at)
            await self._store.keep_identity(tx)
        self._store.remember_identity()
