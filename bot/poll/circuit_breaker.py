"""Circuit breaker of an account: stores an outage once and announces it once, across restarts and processes."""

from bot.blocks.notice import NoticeKind
from bot.errors import ProviderError
from bot.providers.refusals import summary
from bot.store import Store
from bot.store.accounts.leases import Lease
from bot.store.accounts.outages import account_key
from bot.store.db.engine import Clock, Transaction
from bot.tracking.notices import Notices

NOTIFY_AFTER = 300.0
"""Seconds of an outage before people are notified: most are over by then."""


class CircuitBreaker:
    """Circuit breaker of one account. While it is open, the account is only polled after each pause."""

    def __init__(
        self,
        store: Store,
        notices: Notices,
        account: str,
        *,
        clock: Clock,
        notify_after: float = NOTIFY_AFTER,
    ) -> None:
        self._store = store
        self._notices = notices
        self._account = account
        self._outage_key = account_key(account)
        self._clock = clock
        self._notify_after = notify_after

    async def opened(self, lease: Lease, error: ProviderError, pause: float) -> None:
        """Record a failed poll, and pause the account for ``pause`` seconds in every process.

        If the lease was lost meanwhile, the poll of its new holder counts instead.
        """
        async with self._store.db.transaction() as tx:
            if not await self._store.accounts.leases.back_off(tx, lease, pause):
                return
            await self._store.accounts.outages.begin(tx, self._outage_key, summary(error))
            await self._notify(tx)

    async def notify_if_due(self) -> None:
        """Notify people of an outage that has lasted, while the account is paused."""
        async with self._store.db.transaction() as tx:
            await self._notify(tx)

    async def closed(self, tx: Transaction) -> None:
        """End the outage, in the transaction of what was read, and notify those who were told of it."""
        outage = await self._store.accounts.outages.end(tx, self._outage_key)
        if outage and outage.notified:
            people = await self._store.channels.tracks.people(tx, self._account)
            until = max(outage.since, self._clock())
            facts = {"since": outage.since, "until": until}
            await self._notices.enqueue(
                tx, NoticeKind.ACCOUNT_RECOVERED, self._account, began_at=outage.since, people=people, **facts
            )

    async def _notify(self, tx: Transaction) -> None:
        outage = await self._store.accounts.outages.claim_notification(tx, self._outage_key, after=self._notify_after)
        if outage is None:
            return
        people = await self._store.channels.tracks.people(tx, self._account)
        facts: dict[str, str | float | None] = {"since": outage.since, "error": outage.error.removesuffix(".")}
        await self._notices.enqueue(
            tx, NoticeKind.ACCOUNT_FAILING, self._account, began_at=outage.since, people=people, **facts
        )
