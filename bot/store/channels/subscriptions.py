"""Subscriptions: which channels get which new jobs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, delete, select, update

from bot.jobs.filters import MATCH_ALL, Filter
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction


@dataclass(frozen=True)
class Subscription:
    """A channel's subscription to the new jobs of an account that match a filter."""

    account: str
    channel: str
    person: str
    newer_than: float
    """A job created at this time of the provider's clock, or later, is new."""
    filter: Filter = MATCH_ALL
    every_account: bool = field(default=False, compare=False)
    """Whether it is part of a subscription to all accounts, those that are added later among them."""
    id: int | None = field(default=None, compare=False)
    """None before it is inserted."""


class Subscriptions:
    """Subscriptions of channels. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Transaction, subscription: Subscription) -> bool:
        """Insert a subscription; return whether the channel had none with this filter."""
        values = {
            "account": subscription.account,
            "channel": subscription.channel,
            "person": subscription.person,
            "filter": subscription.filter.to_json(),
            "newer_than": subscription.newer_than,
            "every_account": subscription.every_account,
        }
        statement = self._db.insert(schema.subscription).values(values).on_conflict_do_nothing()
        is_new = (await tx.execute(statement)).rowcount > 0
        if subscription.every_account:
            await _mark(tx, subscription.channel, subscription.filter, every_account=True)
        return is_new

    async def extend(self, channel: str, job_filter: Filter) -> None:
        """Let accounts that are added later join a channel's subscriptions with a filter."""
        async with self._db.transaction() as tx:
            await _mark(tx, channel, job_filter, every_account=True)

    async def join(self, accounts: Sequence[str]) -> list[Subscription]:
        """Insert what subscriptions to all accounts lack of ``accounts``, for jobs created from now on; return it."""
        async with self._db.transaction() as tx:
            stored = await _chosen(tx, schema.subscription.c.every_account, by=(schema.subscription.c.id,))
            now = math.floor(await self._db.read_clock(tx))  # APIs tell whole seconds
            whole: dict[tuple[str, Filter], list[Subscription]] = {}
            for each in stored:
                whole.setdefault((each.channel, each.filter), []).append(each)
            joined = [
                replace(parts[0], account=account, newer_than=float(now), id=None)
                for parts in whole.values()
                for account in accounts
                if account not in {part.account for part in parts}
            ]
            return [each for each in joined if await self.add(tx, each)]

    async def remove(self, channel: str, subscription_id: int | None = None) -> int:
        """Delete one subscription of a channel, or all, of any account; return their number.

        Those to other accounts that belonged to it are kept, and get no accounts that are added later.
        """
        subscriptions = schema.subscription.c
        chosen = [subscriptions.channel == channel]
        if subscription_id is not None:
            chosen.append(subscriptions.id == subscription_id)
        async with self._db.transaction() as tx:
            for each in await _chosen(tx, and_(*chosen), by=(subscriptions.id,)):
                await _mark(tx, each.channel, each.filter, every_account=False)
            return (await tx.execute(delete(schema.subscription).where(*chosen))).rowcount

    async def of_account(self, tx: Transaction, account: str) -> list[Subscription]:
        """Return the subscriptions of an account."""
        subscriptions = schema.subscription.c
        return await _chosen(tx, subscriptions.account == account, by=(subscriptions.channel, subscriptions.id))

    async def in_channel(self, channel: str) -> list[Subscription]:
        """Return the subscriptions of a channel, of any account, oldest first."""
        subscriptions = schema.subscription.c
        async with self._db.transaction() as tx:
            return await _chosen(tx, subscriptions.channel == channel, by=(subscriptions.id,))

    async def by_person(self, person: str) -> list[Subscription]:
        """Return the subscriptions that a person set, oldest first."""
        subscriptions = schema.subscription.c
        async with self._db.transaction() as tx:
            return await _chosen(tx, subscriptions.person == person, by=(subscriptions.id,))


async def _mark(tx: Transaction, channel: str, job_filter: Filter, *, every_account: bool) -> None:
    """Mark a channel's subscriptions with a filter, in each account, as parts of one to all accounts, or as none."""
    subscriptions = schema.subscription.c
    same = (subscriptions.channel == channel, subscriptions.filter == job_filter.to_json())
    await tx.execute(update(schema.subscription).where(*same).values(every_account=every_account))


async def _chosen(tx: Transaction, which: Any, *, by: Sequence[Any]) -> list[Subscription]:
    rows = await tx.execute(select(schema.subscription).where(which).order_by(*by))
    return [_subscription(row) for row in rows]


def _subscription(row: Any) -> Subscription:
    job_filter = Filter.from_json(row.filter)
    return Subscription(row.account, row.channel, row.person, row.newer_than, job_filter, row.every_account, row.id)
