"""Poll lease of an account: of several processes, the one that holds it polls."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bot.poll.backoff import longest_pause
from bot.store.accounts.leases import AccountLeases, AccountStatus, Lease

LEASE = 30.0
"""Seconds until another process takes over from one that died during a poll."""


class PollLease:
    """Lease of one account, as this process claims, holds and releases it."""

    def __init__(self, leases: AccountLeases, account: str, *, interval: float, seconds: float = LEASE) -> None:
        self._leases = leases
        self._account = account
        self._interval = interval
        self._seconds = seconds
        self._held: Lease | None = None
        """The claimed lease; after a poll, one that could not be released, because the database failed."""

    async def status(self) -> AccountStatus:
        """Return the account's polling status. A lease that is still held from a poll before is released first."""
        await self._release()
        return await self._leases.status(self._account, interval=self._interval)

    @contextlib.asynccontextmanager
    async def claimed(self, *, min_age: float) -> AsyncIterator[Lease | None]:
        """Claim the lease, or yield None if the account is not due: another process polls, or it is in backoff.

        The block ends the lease with the poll's result; a block that fails has none, and the lease is released.

        Args:
            min_age: seconds that must have passed since the last poll began.
        """
        try:
            self._held = await self._leases.claim(
                self._account, lease=self._seconds, min_age=min_age, longest_pause=longest_pause(self._interval)
            )
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await self._leases.release_unconfirmed(self._account)
            raise
        try:
            yield self._held
        except BaseException:  # a bug, no database, or the shutdown
            with contextlib.suppress(Exception):  # the next poll releases it, or it expires
                await self._release()
            raise
        self._held = None

    def standby(self, status: AccountStatus) -> float | None:
        """Return the seconds until the next poll is due if another process polls, or None."""
        return min(status.next_poll_in, max(self._interval, self._seconds)) or None

    async def _release(self) -> None:
        if self._held:
            await self._leases.release(self._held)
            self._held = None
