"""Notices: what there is to say beside alerts. They leave through the same outbox.

About the bot itself: to ``FTJOB_OPS_CHANNEL`` where that is set; else to the people concerned, in their direct messages,
once a day. About an order: to the threads of its job.
"""

from collections.abc import Iterable

import structlog

from bot.blocks.notice import NoticeKind
from bot.store import Store
from bot.store.actions.confirmations import Confirmation
from bot.store.db.backup import mark_restored
from bot.store.db.engine import Transaction
from bot.store.db.identity import StoreOrigin

DAY = 86400.0
"""Seconds; what is told once a day is told once in each of these."""

log = structlog.get_logger()


class Notices:
    """Owes notices."""

    def __init__(self, store: Store, ops_channel: str | None) -> None:
        self._store = store
        self._ops_channel = ops_channel

    async def enqueue(
        self,
        tx: Transaction,
        kind: NoticeKind,
        about: str,
        *,
        began_at: float,
        people: Iterable[str] = (),
        **facts: str | float | None,
    ) -> None:
        """Owe one notice, in the caller's transaction; the same one twice is one.

        Args:
            tx: the transaction of what it is about.
            kind: what it says.
            about: what it is about: an account, a channel.
            began_at: when that began, seconds since the epoch: two notices of one kind, about one thing and of one moment,
                are the same.
            people: whom it concerns, by user id.
            facts: what ``blocks.notice`` needs to draw it; it holds no secret.
        """
        body = {"kind": kind, "about": about, **facts}
        if self._ops_channel:
            ops = await self._store.channels.moves.current(tx, self._ops_channel)
            await self._store.outbox.deliveries.enqueue_notice(tx, ops, body, f"{kind}|{about}|{began_at}")
            return
        each = dict.fromkeys(sorted(set(people)))
        await self._store.outbox.deliveries.enqueue_notices(tx, each, body, f"{kind}|{about}|day {began_at // DAY:.0f}")

    async def enqueue_for_action(
        self, tx: Transaction, action: Confirmation, kind: NoticeKind, key: str, **facts: str
    ) -> None:
        """Owe the threads of a job a line about an order, in the caller's transaction; the same one twice is one.

        Args:
            tx: the transaction of what it tells.
            action: whose order it is, to which job.
            kind: what it says.
            key: the order's own.
            facts: what ``blocks.notice`` needs to draw it.
        """
        tracks = self._store.channels.tracks
        body = {"kind": kind, "about": action.job_id, **facts}
        tracks_of_job = await tracks.of_job(tx, action.account, action.job_id)
        places = [(action.job_id, track.channel) for track in tracks_of_job]
        cards = await self._store.jobs.cards.get_or_create_all(tx, action.account, places)
        await self._store.outbox.deliveries.enqueue_notices(
            tx, {place[1]: cards[place][0].id for place in places}, body, f"{kind}|{key}"
        )

    async def enqueue_for_requester(
        self, tx: Transaction, action: Confirmation, kind: NoticeKind, key: str, **facts: str
    ) -> None:
        """Owe whoever gave an order a line about it, in their direct messages; arguments as of ``enqueue_for_action``."""
        body = {"kind": kind, "about": action.job_id, **facts}
        await self._store.outbox.deliveries.enqueue_notice(tx, action.person, body, f"{kind}|{key}")

    async def check_ops_channel(self) -> None:
        """Log that the setting names an id that the channel has no more; notices go to the one that it has."""
        if self._ops_channel is None:
            return
        async with self._store.db.transaction() as tx:
            new = await self._store.channels.moves.current(tx, self._ops_channel)
        if new != self._ops_channel:
            log.warning("settings.ops_channel_moved", setting="FTJOB_OPS_CHANNEL", old=self._ops_channel, new=new)

    async def announce_store_origin(self) -> None:
        """Say at the start what became of the store, then let it be the one that is known here.

        Who only looks at a store, as ``ftjob check`` does, must not call this: the loss would be told to nobody.
        """
        identity = self._store.identity
        match identity.origin:
            case StoreOrigin.LOST:
                log.error("store.lost", new_id=identity.id)
            case StoreOrigin.REPLACED:
                log.warning("store.replaced", new_id=identity.id)
            case StoreOrigin.OLDER:
                log.error("store.older", id=identity.id, generation=identity.write_count)
        async with self._store.db.transaction() as tx:
            await self._store.save_identity(tx)
            match identity.origin:
                case StoreOrigin.LOST:
                    await self.enqueue(tx, NoticeKind.STORE_LOST, "store", began_at=identity.created_at)
                case StoreOrigin.REPLACED:
                    await mark_restored(self._store.db, tx)
                case StoreOrigin.OLDER:
                    await mark_restored(self._store.db, tx)
                    await self.enqueue(tx, NoticeKind.STORE_OLDER, "store", began_at=identity.write_count)
        self._store.remember_identity()
