"""Circuit breaker of an account: stores an outage once and announces it once, across restarts and processes."""

import random

from bot.blocks.notice import NoticeKind
from bot.errors import ProviderError
from bot.poll.backoff import account_backoff
from bot.providers.http.refusals import summary
from bot.runtime.clock import Clock
from bot.store import Store
from bot.store.accounts.leases import Lease
from bot.store.accounts.outages import account_key
from bot.store.db.engine import Transaction
from bot.tracking.notices import Notices

NOTIFY_AFTER = 300.0
"""Seconds of an outage before people are notified: most are over by then."""


class CircuitBreaker:
    """Circuit breaker of one account. While it is open, the account is only polled after each pause."""

    def __init__(self, store: Store, notices: Notices, account: str, *, interval: float, clock: Clock) -> None:
        self._store = store
        self._notices = notices
        self._account = account
        self._outage_key = account_key(account)
        self._interval = interval
        self._clock = clock
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether the last poll failed, whichever process made it; as of this process's last try."""
        return self._is_open

    def observe(self, failures: int) -> None:
        """Take the number of polls that failed in a row, in any process."""
        self._is_open = failures > 0

    async def record_failure(self, lease: Lease, error: ProviderError) -> None:
        """Record a failed poll: open the circuit, and pause the account in every process.

        If the lease was lost meanwhile, the poll of its new holder counts instead.
        """
        self.observe(lease.failures + 1)
        pause = account_backoff(error, lease.failures + 1, self._interval, random.random())  # noqa: S311 - spreads processes
        async with self._store.db.transaction() as tx:
            if not await self._store.accounts.leases.back_off(tx, lease, pause):
                return
            await self._store.accounts.outages.begin(tx, self._outage_key, summary(error))
            await self._notify(tx)

    async def notify_if_due(self) -> None:
        """Notify people of an outage that has lasted, while the account is paused."""
        async with self._store.db.transaction() as tx:
            await self._notify(tx)

    async def record_success(self, lease: Lease, tx: Transaction) -> None:
        """Record a complete poll in the transaction of what was read, and end the outage if there was one.

        The circuit counts as closed once that is committed and observed.
        """
        if await self._store.accounts.leases.complete(tx, lease) and lease.failures:
            await self._end_outage(tx)

    async def _end_outage(self, tx: Transaction) -> None:
        """End the outage, and notify those who were notified of it."""
        outage = await self._store.accounts.outages.end(tx, self._outage_key)
        if outage and outage.notified:
            people = await self._store.channels.tracks.people(tx, self._account)
            until = max(outage.since, self._clock())
            facts = {"since": outage.since, "until": until}
            await self._notices.enqueue(
                tx, NoticeKind.ACCOUNT_RECOVERED, self._account, began_at=outage.since, people=people, **facts
            )

    async def _notify(self, tx: Transaction) -> None:
        outage = await self._store.accounts.outages.claim_notification(tx, self._outage_key, after=NOTIFY_AFTER)
        if outage is None:
            return
        people = await self._store.channels.tracks.people(tx, self._account)
        facts: dict[str, str | float | None] = {"since": outage.since, "error": outage.error.removesuffix(".")}
        await self._notices.enqueue(
            tx, NoticeKind.ACCOUNT_FAILING, self._account, began_at=outage.since, people=people, **facts
        )
