"""Leases of accounts: one process polls an account at a time, none while it backs off."""

import asyncio

import pytest

from bot.store import Store
from bot.store.accounts.leases import Lease
from bot.store.channels.subscriptions import Subscription
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, add_jobs, reading, several_stores, track

LEASE = 30.0
INTERVAL = 30.0


async def _claim(store: Store, *, older_than: float = 0.0, account: str = ACCOUNT) -> Lease:
    lease = await store.accounts.leases.claim(account, lease=LEASE, min_age=older_than)
    assert lease is not None
    return lease


async def _is_free(store: Store, *, older_than: float = 0.0) -> bool:
    """Return whether the account can be claimed, and claim it."""
    return await store.accounts.leases.claim(ACCOUNT, lease=LEASE, min_age=older_than) is not None


async def _record_poll(store: Store, lease: Lease) -> bool:
    async with store.db.transaction() as tx:
        return await store.accounts.leases.complete(tx, lease)


async def _failed(store: Store, lease: Lease, seconds: float) -> bool:
    async with store.db.transaction() as tx:
        return await store.accounts.leases.back_off(tx, lease, seconds)


async def test_an_account_is_leased_by_one_process_until_it_releases_it(store: Store) -> None:
    lease = await _claim(store)
    assert not await _is_free(store)

    await store.accounts.leases.release(lease)

    assert await _is_free(store)


async def test_a_lease_of_a_dead_process_runs_out(store: Store, time: StoreClock) -> None:
    await _claim(store)
    await time.advance(store, LEASE - 1)
    assert not await _is_free(store)

    await time.advance(store, 1.5)

    assert await _is_free(store)


async def test_accounts_do_not_block_each_other(store: Store) -> None:
    await _claim(store)

    await _claim(store, account="other")


async def test_an_account_that_was_polled_a_moment_ago_is_not_polled_again(store: Store, time: StoreClock) -> None:
    await _record_poll(store, await _claim(store))
    await time.advance(store, 20)

    assert not await _is_free(store, older_than=27)
    await time.advance(store, 8)
    assert await _is_free(store, older_than=27)


async def test_what_counts_is_when_a_poll_began_and_not_how_long_it_took(store: Store, time: StoreClock) -> None:
    lease = await _claim(store)
    await time.advance(store, 20)
    await _record_poll(store, lease)
    await time.advance(store, 8)

    assert await _is_free(store, older_than=27)


async def test_a_good_poll_is_remembered_and_ends_the_row_of_failures(store: Store, time: StoreClock) -> None:
    assert await store.accounts.leases.polled_at(ACCOUNT) is None
    await _failed(store, await _claim(store), 0)
    lease = await _claim(store)
    assert (lease.failures, lease.polled_at) == (1, None)

    assert await _record_poll(store, lease)
    await time.advance(store, 300)

    at = await store.accounts.leases.polled_at(ACCOUNT)
    assert at is not None
    assert time.now() - at == time.approx(300)
    assert await store.accounts.leases.polled_at("other") is None
    again = await _claim(store)
    assert (again.failures, again.polled_at) == (0, at)


async def test_an_account_that_is_left_alone_is_left_alone_by_everybody(
    store: Store, database_url: str, time: StoreClock
) -> None:
    await _failed(store, await _claim(store), 60)
    await time.advance(store, 58)
    async with several_stores(store, database_url, time) as stores:
        assert not any([await _is_free(each) for each in stores])
        await time.advance(store, 2.5)
        assert [await _is_free(each) for each in stores].count(True) == 1


async def test_failures_add_up_over_processes(store: Store, database_url: str, time: StoreClock) -> None:
    async with several_stores(store, database_url, time) as stores:
        for nth, each in enumerate(stores):
            lease = await _claim(each)
            assert lease.failures == nth
            assert await _failed(each, lease, 0)


@pytest.mark.parametrize("ends", ["swept", "failed", "released"])
async def test_who_lost_the_lease_changes_nothing(store: Store, time: StoreClock, ends: str) -> None:
    slow = await _claim(store)
    await time.advance(store, LEASE + 1)
    await _claim(store)

    match ends:
        case "swept":
            assert not await _record_poll(store, slow)
        case "failed":
            assert not await _failed(store, slow, 3600)
        case _:
            await store.accounts.leases.release(slow)

    assert not await _is_free(store), "the other process still has it"
    assert await store.accounts.leases.polled_at(ACCOUNT) is None
    assert (await store.accounts.leases.status(ACCOUNT, interval=INTERVAL)).failures == 0


async def test_of_many_that_want_an_account_at_once_one_gets_it(
    store: Store, database_url: str, time: StoreClock
) -> None:
    async with several_stores(store, database_url, time, size=8) as stores:
        for _ in range(10):
            claims = [each.accounts.leases.claim(ACCOUNT, lease=LEASE) for each in stores]
            (lease,) = [lease for lease in await asyncio.gather(*claims) if lease]
            await store.accounts.leases.release(lease)


async def test_a_clock_that_was_set_back_locks_nobody_out(store: Store, time: StoreClock) -> None:
    await _failed(store, await _claim(store), 300)
    await time.advance(store, -2 * 3600)

    assert await _is_free(store, older_than=27)
    await time.advance(store, -3600)
    assert await _is_free(store, older_than=27)


async def test_the_only_process_starts_afresh(store: Store) -> None:
    await _claim(store)
    await _failed(store, await _claim(store, account="other"), 900)

    await store.accounts.leases.reset()

    assert await _is_free(store)
    assert (await _claim(store, account="other")).failures == 1


async def test_the_status_of_an_account(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a"), reading("ftjob-b"))

    async def standing() -> tuple[bool, int]:
        found = await store.accounts.leases.status(ACCOUNT, interval=INTERVAL)
        return found.needs_polling, found.failures

    assert await standing() == (False, 0)
    await track(store, ("C1", "ftjob-a"))
    assert await standing() == (True, 0)
    async with store.db.transaction() as tx:
        await store.jobs.states.close(tx, ACCOUNT, ["ftjob-a"])
    assert await standing() == (False, 0)
    async with store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, "C1", "U1", 0))
    assert await standing() == (True, 0)
    await _failed(store, await _claim(store), 0)
    assert await standing() == (True, 1)


async def test_how_long_another_poll_is_in_the_way(store: Store, time: StoreClock) -> None:
    async def busy_for() -> float:
        return (await store.accounts.leases.status(ACCOUNT, interval=INTERVAL)).next_poll_in

    assert await busy_for() == 0
    lease = await store.accounts.leases.claim(ACCOUNT, lease=50)
    assert lease is not None
    assert await busy_for() == time.approx(50)
    await time.advance(store, 10)
    await _record_poll(store, lease)
    assert await busy_for() == time.approx(20)
    await time.advance(store, 25)
    assert await busy_for() == 0
