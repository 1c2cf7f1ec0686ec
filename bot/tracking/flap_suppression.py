"""Flap damping: a job that changes again and again is told once as that, and summed up when it is quiet or over.

    more than ``MOST_ALERTS`` changes in ``QUIET_FOR`` seconds -> one notice, later changes are held -> a digest

What is held is a mute that nobody set (``store.mutes``): it outlives restarts, and any process ends it.
"""

from collections.abc import Sequence

from bot.blocks.notice import NoticeKind
from bot.jobs.changes import Change, ChangeKind
from bot.store import Store
from bot.store.channels.mutes import EVERY_JOB, QUIET_FOR
from bot.store.db.engine import Transaction
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import RecordedChange

MAX_ALERTS = 6
"""Changes of one job in ``QUIET_FOR`` seconds that are told one by one."""


class FlapSuppression:
    """Decides which alerts are held, in the transaction that owes them."""

    def __init__(self, store: Store, max_alerts: int | None = MAX_ALERTS) -> None:
        """Take what it needs; ``max_alerts`` is None where every change is told."""
        self._store = store
        self._max_alerts = max_alerts

    async def refresh(self, tx: Transaction, account: str, changes: Sequence[RecordedChange]) -> set[str]:
        """Sum up jobs that are over now, wait longer for those that changed; return those that change too often."""
        if self._max_alerts is None:
            return set()
        mutes = self._store.channels.mutes
        over = sorted({each.job_id for each in changes if is_result(each.change)})
        others = sorted({each.job_id for each in changes} - set(over))
        if over:
            await mutes.release_closed(tx, account, over)
        if not others:
            return set()
        await mutes.extend(tx, account, others)
        return await self._store.jobs.changes.flapping(tx, account, others, most=self._max_alerts, seconds=QUIET_FOR)

    async def suppress(
        self,
        tx: Transaction,
        account: str,
        flapping: Sequence[tuple[RecordedChange, Card]],
        muted: set[tuple[str, str]],
    ) -> set[tuple[str, str]]:
        """Hold back what changes too often in places where nobody muted it, and say so once; return what is muted then."""
        places = {
            (card.channel, change.job_id): (change, card)
            for change, card in flapping
            if muted.isdisjoint({(card.channel, change.job_id), (card.channel, EVERY_JOB)})
        }
        begun = await self._store.channels.mutes.damp(tx, account, sorted(places))
        for place in sorted(begun):
            change, card = places[place]
            body = {
                "kind": NoticeKind.FLAPPING,
                "about": change.job_id,
                "account": account,
                "before": change.change.before.status,
                "after": change.change.after.status,
            }
            await self._store.outbox.deliveries.enqueue_notice(
                tx, card.channel, body, f"flapping|{change.id}", card_id=card.id
            )
        return muted | begun


def is_result(change: Change) -> bool:
    """Whether a change is a result, which is told at once whatever went before."""
    return change.kind is ChangeKind.STATUS and change.after.is_final
