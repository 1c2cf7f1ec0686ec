"""Notices: what there is to say beside alerts. They leave through the same outbox.

About the bot itself: to ``FTJOB_OPS_CHANNEL`` where that is set; else to the people concerned, in their direct messages,
once a day. About an order: to the threads of its job.
"""

from collections.abc import Iterable

import structlog

from bot.blocks.notice import NoticeKind
from bot.store import Store
from bot.store.actions.confirmations import Question
from bot.store.db.backup import put_back
from bot.store.db.engine import Transaction
from bot.store.db.identity import Story

DAY = 86400.0
"""Seconds; what is told once a day is told once in each of these."""

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
            ops = await self._store.moves.current(tx, self._ops_channel)
            await self._store.outbox.notify(tx, ops, body, f"{kind}|{about}|{at}")
            return
        each = dict.fromkeys(sorted(set(people)))
        await self._store.outbox.notify_all(tx, each, body, f"{kind}|{about}|day {at // DAY:.0f}")

    async def tell_of_order(self, tx: Transaction, order: Question, kind: NoticeKind, key: str, **facts: str) -> None:
        """Owe the threads of a job a line about an order, in the caller's transaction; the same one twice is one.

        Args:
            tx: the transaction of what it tells.
            order: whose order it is, to which job.
            kind: what it says.
            key: the order's own.
            facts: what ``blocks.notice`` needs to draw it.
        """
        tracks = self._store.tracks
        body = {"kind": kind, "about": order.job_id, **facts}
        followers = await tracks.of_job(tx, order.account, order.job_id)
        places = [(order.job_id, track.channel) for track in followers]
        cards = await self._store.cards.of_all(tx, order.account, places)
        await self._store.outbox.notify_all(
            tx, {place[1]: cards[place][0].id for place in places}, body, f"{kind}|{key}"
        )

    async def tell_person(self, tx: Transaction, order: Question, kind: NoticeKind, key: str, **facts: str) -> None:
        """Owe whoever gave an order a line about it, in their direct messages; arguments as of ``tell_of_order``."""
        body = {"kind": kind, "about": order.job_id, **facts}
        await self._store.outbox.notify(tx, order.person, body, f"{kind}|{key}")

    async def check_ops_channel(self) -> None:
        """Log that the setting names an id that the channel has no more; notices go to the one that it has."""
        if self._ops_channel is None:
            return
        async with self._store.db.transaction() as tx:
            new = await self._store.moves.current(tx, self._ops_channel)
        if new != self._ops_channel:
            log.warning("settings.ops_channel_moved", setting="FTJOB_OPS_CHANNEL", old=self._ops_channel, new=new)

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
            case Story.OLDER:
                log.error("store.older", id=identity.id, generation=identity.generation)
        async with self._store.db.transaction() as tx:
            await self._store.keep_identity(tx)
            match identity.story:
                case Story.LOST:
                    await self.tell(tx, NoticeKind.STORE_LOST, "store", at=identity.made_at)
                case Story.REPLACED:
                    await put_back(self._store.db, tx)
                case Story.OLDER:
                    await put_back(self._store.db, tx)
                    await self.tell(tx, NoticeKind.STORE_OLDER, "store", at=identity.generation)
        self._store.remember_identity()
