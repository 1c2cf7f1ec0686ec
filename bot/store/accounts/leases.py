"""Leases of accounts, by which the processes on one database take turns to poll them.

A process claims an account's lease before it polls; the lease of one that died expires. An expired lease under a slow
poll is harmless: two polls read the same, and the compare-and-swap of each job lets one of them record a change. The end
of a poll names its token, so that the slower one cannot end the other's lease.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, literal, or_, select, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import deadline, has_passed
from bot.store.db.tokens import ClaimTokens
from bot.store.jobs.jobs import is_due
from bot.store.outbox.queue import latest

MAX_LEASE = 60.0
"""Seconds: the longest lease."""
MAX_PAUSE = 3600.0
"""Seconds: the longest backoff of an account, unless the caller gives a shorter one."""


@dataclass(frozen=True)
class AccountStatus:
    """The polling status of an account."""

    needs_polling: bool
    """Whether it has a due job or a subscription."""
    failures: int
    """Failed polls in a row, of any process."""
    next_poll_in: float
    """Seconds until the last poll is an interval old and no process holds the lease; 0 if it can be polled now."""


@dataclass(frozen=True)
class Lease:
    """A claimed lease of an account."""

    account: str
    token: str
    failures: int
    """Failed polls in a row before this one."""
    polled_at: float | None
    """When the last complete poll ended."""
    claimed_at: float
    """When it was claimed."""


class AccountLeases:
    """Leases. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tokens = ClaimTokens()

    async def status(self, account: str, *, interval: float) -> AccountStatus:
        """Return the status of an account that is polled every ``interval`` seconds."""
        now, accounts, jobs = self._db.now(), schema.account.c, schema.job.c
        subscribed = exists().where(schema.subscription.c.account == account)
        has_due_job = exists().where(jobs.account == account, *is_due(jobs, now))
        begun = deadline(func.coalesce(accounts.poll_started_at, 0.0) + interval, now, interval)
        free_at = latest(begun, deadline(func.coalesce(accounts.lease_until, 0.0), now, MAX_LEASE))
        requested = select(literal(account).label("name")).subquery()
        found = select(or_(has_due_job, subscribed), func.coalesce(accounts.failures, 0), free_at - now).select_from(
            requested.outerjoin(schema.account, accounts.name == requested.c.name)
        )
        async with self._db.transaction() as tx:
            watched, failures, busy_for = (await tx.execute(found)).one()
        return AccountStatus(bool(watched), failures, max(0.0, busy_for))

    async def claim(
        self, account: str, *, lease: float, min_age: float = 0.0, longest_pause: float = MAX_PAUSE
    ) -> Lease | None:
        """Claim the account for ``lease`` seconds; return None if it is not due.

        It is not due while another process holds its lease, during backoff, and if a poll began less than ``min_age`` seconds
        ago. A backoff counts for at most ``longest_pause`` seconds. A lease that this process took in a transaction whose
        commit was not confirmed is free.
        """
        accounts, lost = schema.account.c, self._tokens.lost(account)
        with self._tokens.claiming(account) as token:
            async with self._db.transaction() as tx:
                now = await self._db.read_clock(tx)
                free = (
                    has_passed(accounts.lease_until, now, lease)
                    & has_passed(accounts.not_before, now, longest_pause)
                    & has_passed(func.coalesce(accounts.poll_started_at, 0.0) + min_age, now, min_age)
                )
                values = {"poll_started_at": now, "lease_until": now + lease, "token": token}
                claimed = await self._upsert(tx, account, values, free | accounts.token.in_(lost))
        self._tokens.forget(lost, account)
        return Lease(account, token, claimed.failures, claimed.polled_at, now) if claimed else None

    async def _upsert(
        self, tx: Transaction, account: str, values: dict[str, Any], free: ColumnElement[bool]
    ) -> Row[Any] | None:
        row = self._db.insert(schema.account).values(name=account, **values)
        claimed = {name: row.excluded[name] for name in values}
        statement = row.on_conflict_do_update(index_elements=["name"], set_=claimed, where=free)
        accounts = schema.account.c
        found: Row[Any] | None = (
            await tx.execute(statement.returning(accounts.failures, accounts.polled_at))
        ).one_or_none()
        return found

    async def release(self, lease: Lease) -> None:
        """Release an account without a result."""
        async with self._db.transaction() as tx:
            await self._finish(tx, lease)

    async def release_unconfirmed(self, account: str) -> None:
        """Release a lease that this process took in a transaction whose commit was not confirmed."""
        accounts, lost = schema.account.c, self._tokens.lost(account)
        if lost:
            mine = update(schema.account).where(accounts.name == account, accounts.token.in_(lost))
            async with self._db.transaction() as tx:
                await tx.execute(mine.values(lease_until=0.0, token=None))
            self._tokens.forget(lost, account)

    async def complete(self, tx: Transaction, lease: Lease) -> bool:
        """Record a complete poll and release the account; return False if the lease was lost."""
        return await self._finish(tx, lease, polled_at=self._db.now(), failures=0)

    async def back_off(self, tx: Transaction, lease: Lease, seconds: float) -> bool:
        """Record a failed poll, back off for some seconds and release the account; return False if the lease was lost."""
        failures = schema.account.c.failures + 1
        return await self._finish(tx, lease, not_before=self._db.now() + seconds, failures=failures)

    async def _finish(self, tx: Transaction, lease: Lease, **values: Any) -> bool:
        accounts = schema.account.c
        mine = update(schema.account).where(accounts.name == lease.account, accounts.token == lease.token)
        return (await tx.execute(mine.values(lease_until=0.0, token=None, **values))).rowcount > 0

    async def reset(self) -> None:
        """End every lease and every backoff. For a store that only this process uses, at its start."""
        async with self._db.transaction() as tx:
            await tx.execute(update(schema.account).values(lease_until=0.0, not_before=0.0))

    async def polled_at(self, account: str) -> float | None:
        """Return when the last complete poll of the account ended, or None."""
        async with self._db.transaction() as tx:
            mine = select(schema.account.c.polled_at).where(schema.account.c.name == account)
            at: float | None = await tx.scalar(mine)
        return at
