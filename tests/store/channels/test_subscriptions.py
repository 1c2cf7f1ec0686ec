"""Subscriptions: one for each filter, channel and account; those to all accounts get the ones that are added later."""

import math

import pytest

from bot.jobs.filters import Filter
from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from tests.store.seeds import ACCOUNT

FAILED = Filter(("failed",))
LATER = "later"


async def test_a_channel_has_a_subscription_for_each_filter_and_ends_them_one_by_one(store: Store) -> None:
    subscriptions = store.channels.subscriptions
    wanted = Filter(("failed",), "gpt-4o*", (("team", "s\u00fc\u00df"),), "U2")
    several = [Subscription(ACCOUNT, "C1", "U1", 1.0), Subscription(ACCOUNT, "C1", "U1", 2.0, wanted)]
    async with store.db.transaction() as tx:
        assert [await subscriptions.add(tx, each) for each in [*several, several[1]]] == [
            True,
            True,
            False,
        ]
        await subscriptions.add(tx, Subscription(ACCOUNT, "C2", "U1", 3.0, wanted))

    first, second = await subscriptions.in_channel("C1")
    assert [first, second] == several
    assert not await subscriptions.remove("C2", first.id), "not another channel's"
    assert await subscriptions.remove("C1", first.id) == 1
    assert await subscriptions.in_channel("C1") == [second]
    assert len(await subscriptions.by_person("U1")) == 2


async def test_a_channel_subscribes_once_to_an_account(store: Store) -> None:
    subscriptions = store.channels.subscriptions
    first = Subscription(ACCOUNT, "C1", "U1", 500.0)
    async with store.db.transaction() as tx:
        assert await subscriptions.add(tx, first)
        assert not await subscriptions.add(tx, Subscription(ACCOUNT, "C1", "U2", 900.0))
        assert await subscriptions.add(tx, Subscription("other", "C1", "U1", 500.0))
        assert await subscriptions.of_account(tx, ACCOUNT) == [first]

    assert [each.account for each in await subscriptions.in_channel("C1")] == [ACCOUNT, "other"]


async def test_subscriptions_end_in_one_channel_only_of_every_account(store: Store) -> None:
    subscriptions = store.channels.subscriptions
    async with store.db.transaction() as tx:
        for account, channel in ((ACCOUNT, "C1"), (ACCOUNT, "C2"), ("other", "C1")):
            await subscriptions.add(tx, Subscription(account, channel, "U1", 1.0))

    assert await subscriptions.remove("C1") == 2
    assert not await subscriptions.remove("C1")

    assert [(each.account, each.channel) for each in await subscriptions.by_person("U1")] == [(ACCOUNT, "C2")]


async def accounts_of(store: Store, channel: str) -> list[tuple[str, Filter]]:
    """Return the account and the filter of each of a channel's subscriptions."""
    return [(each.account, each.filter) for each in await store.channels.subscriptions.in_channel(channel)]


async def test_an_account_that_is_added_joins_subscriptions_to_all_accounts_and_no_others(store: Store) -> None:
    subscriptions = store.channels.subscriptions
    async with store.db.transaction() as tx:
        for account in (ACCOUNT, "other"):
            await subscriptions.add(tx, Subscription(account, "C1", "U1", 1.0, every_account=True))
        await subscriptions.add(tx, Subscription(ACCOUNT, "C1", "U2", 1.0, FAILED))
        now = await store.db.read_clock(tx)

    (joined,) = await subscriptions.join([ACCOUNT, "other", LATER])
    assert (joined.account, joined.channel, joined.person, joined.filter) == (LATER, "C1", "U1", Filter())
    assert joined.newer_than >= math.floor(now), "jobs that were there before are no news"
    assert await subscriptions.join([ACCOUNT, "other", LATER]) == []
    whole = Filter()
    assert await accounts_of(store, "C1") == [(ACCOUNT, whole), ("other", whole), (ACCOUNT, FAILED), (LATER, whole)]


@pytest.mark.parametrize("every_account", [False, True])
async def test_what_one_account_was_taken_from_gets_no_account_later(store: Store, *, every_account: bool) -> None:
    subscriptions = store.channels.subscriptions
    async with store.db.transaction() as tx:
        for account in (ACCOUNT, "other"):
            await subscriptions.add(tx, Subscription(account, "C1", "U1", 1.0, every_account=every_account))
    _, second = await subscriptions.in_channel("C1")
    assert await subscriptions.remove("C1", second.id) == 1

    assert await subscriptions.join([ACCOUNT, "other", LATER]) == []
    assert await accounts_of(store, "C1") == [(ACCOUNT, Filter())]


async def test_a_subscription_to_one_account_may_become_one_to_all(store: Store) -> None:
    subscriptions = store.channels.subscriptions
    async with store.db.transaction() as tx:
        await subscriptions.add(tx, Subscription(ACCOUNT, "C1", "U1", 1.0))
        await subscriptions.add(tx, Subscription("other", "C1", "U2", 1.0, every_account=True))

    assert len(await subscriptions.join([ACCOUNT, "other", LATER])) == 1


async def test_a_subscription_of_each_account_may_become_one_to_all(store: Store) -> None:
    subscriptions = store.channels.subscriptions
    async with store.db.transaction() as tx:
        for account in (ACCOUNT, "other"):
            await subscriptions.add(tx, Subscription(account, "C1", "U1", 1.0))
    await subscriptions.extend("C1", Filter())

    assert [each.account for each in await subscriptions.join([ACCOUNT, "other", LATER])] == [LATER]
