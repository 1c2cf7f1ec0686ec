"""Flap suppression: a job that changes too often gets one notice, and a digest once it is quiet or finished.

    more than ``MAX_ALERTS`` changes in ``QUIET_FOR`` seconds -> one notice, later alerts are held -> a digest

Alerts are held by a mute that no user set (``store.channels.mutes``): it survives restarts, and any process ends it.
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
"""Changes of one job in ``QUIET_FOR`` seconds, before it counts as flapping."""


class FlapSuppression:
    """Flap suppression, in the transaction that enqueues the alerts."""

    def __init__(self, store: Store, max_alerts: int | None = MAX_ALERTS) -> None:
        """Allow ``max_alerts`` per job; None turns suppression off."""
        self._store = store
        self._max_alerts = max_alerts

    async def refresh(self, tx: Transaction, account: str, changes: Sequence[RecordedChange]) -> set[str]:
        """End the suppression of finished jobs, prolong that of changed ones, and return the ids of flapping jobs."""
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
        """Mute flapping jobs in channels that did not mute them, with one notice each; return all mutes."""
        due = {
            (card.channel, change.job_id): (change, card)
            for change, card in flapping
            if muted.isdisjoint({(card.channel, change.job_id), (card.channel, EVERY_JOB)})
        }
        begun = await self._store.channels.mutes.damp(tx, account, sorted(due))
        names = await self._store.jobs.names.of_jobs(tx, [job_id for _, job_id in begun])
        for key in sorted(begun):
            change, card = due[key]
            body = {
                "kind": NoticeKind.FLAPPING,
                "about": change.job_id,
                "name": names.get(change.job_id),
                "account": account,
            }
            await self._store.outbox.deliveries.enqueue_notice(
                tx, card.channel, body, f"flapping|{change.id}", card_id=card.id
            )
        return muted | begun


def is_result(change: Change) -> bool:
    """Whether a change is a result, which is never held."""
    return change.kind is ChangeKind.STATUS and change.after.is_final
