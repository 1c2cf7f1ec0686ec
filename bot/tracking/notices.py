"""Notices: messages that are not alerts, through the same outbox.

About the bot itself: to ``FTJOB_OPS_CHANNEL`` if that is set, else to the users concerned, in direct messages, once a
day. About an action: to the threads of its job.
"""

from collections.abc import Iterable, Mapping

import structlog

from bot.blocks.notice import NoticeKind
from bot.store import Store
from bot.store.actions.confirmations import Confirmation
from bot.store.db.engine import Transaction
from bot.store.db.identity import StoreOrigin
from bot.store.sqlite.backup import mark_restored

DAY = 86400.0
"""Seconds; daily notices are sent once per UTC day."""

log = structlog.get_logger()


class Notices:
    """Notices to enqueue, each within the caller's transaction."""

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
        """Enqueue a notice about the bot; duplicates are dropped.

        Args:
            tx: the caller's transaction.
            kind: its kind.
            about: its subject: an account, a channel.
            began_at: when that began, in seconds since the epoch. Notices of the same kind, subject and time are
                duplicates.
            people: ids of the users concerned.
            facts: what ``blocks.notice`` renders; no secrets.
        """
        body = {"kind": kind, "about": about, **facts}
        if self._ops_channel:
            ops = await self._store.channels.moves.current(tx, self._ops_channel)
            await self._store.outbox.deliveries.enqueue_notice(tx, ops, body, f"{kind}|{about}|{began_at}")
            return
        each = dict.fromkeys(sorted(set(people)))
        await self._store.outbox.deliveries.enqueue_notices(tx, each, body, f"{kind}|{about}|day {began_at // DAY:.0f}")

    async def enqueue_for_action(
        self, tx: Transaction, action: Confirmation, kind: NoticeKind, key: str, **facts: str | None
    ) -> None:
        """Enqueue a notice about an action in each thread of its job; duplicates are dropped.

        Args:
            tx: the caller's transaction.
            action: the confirmed action.
            kind: its kind.
            key: key of the action.
            facts: what ``blocks.notice`` renders; the job's name is added, unless it is among them.
        """
        tracks = self._store.channels.tracks
        body = await self._about_job(tx, action.job_id, kind, facts)
        tracks_of_job = await tracks.of_job(tx, action.account, action.job_id)
        keys = [(action.job_id, track.channel) for track in tracks_of_job]
        cards = await self._store.jobs.cards.get_or_create_all(tx, action.account, keys)
        await self._store.outbox.deliveries.enqueue_notices(
            tx, {each[1]: cards[each][0].id for each in keys}, body, f"{kind}|{key}"
        )

    async def enqueue_for_requester(
        self, tx: Transaction, action: Confirmation, kind: NoticeKind, key: str, **facts: str | None
    ) -> None:
        """Enqueue a notice about an action as a direct message to its requester; arguments as of ``enqueue_for_action``."""
        body = await self._about_job(tx, action.job_id, kind, facts)
        await self._store.outbox.deliveries.enqueue_notice(tx, action.person, body, f"{kind}|{key}")

    async def _about_job(
        self, tx: Transaction, job_id: str, kind: NoticeKind, facts: Mapping[str, str | None]
    ) -> dict[str, str | None]:
        names = await self._store.jobs.names.of_jobs(tx, [job_id])
        return {"kind": kind, "about": job_id, "name": names.get(job_id), **facts}

    async def check_ops_channel(self) -> None:
        """Log if the ops channel has a new id; notices go to the new one."""
        if self._ops_channel is None:
            return
        async with self._store.db.transaction() as tx:
            new = await self._store.channels.moves.current(tx, self._ops_channel)
        if new != self._ops_channel:
            log.warning("settings.ops_channel_moved", setting="FTJOB_OPS_CHANNEL", old=self._ops_channel, new=new)

    async def announce_store_origin(self) -> None:
        """Announce at startup that the store was lost, replaced or restored; then save its identity.

        Read-only users of a store, such as ``ftjob check``, must not call this: the loss would not be announced later.
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
