import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from bot.store import Store
from bot.store.actions.confirmations import LEASE, LIFETIME, RESUBMIT_COOLDOWN, Confirmation
from bot.store.db import schema
from tests.store.clocks import StoreClock
from tests.store.seeds import rows

CANCEL = Confirmation("cancel", "default", "ftjob-a", "U1", "C1", "T1", "running")


async def _answer(store: Store, key: str) -> bool:
    async with store.db.transaction() as tx:
        await store.db.advisory_lock(tx)
        return await store.actions.confirmations.confirm(tx, key, status="running")


async def _end(store: Store, key: str, *, done: bool, said: str = "Said.") -> bool:
    async with store.db.transaction() as tx:
        return await store.actions.confirmations.complete(tx, key, accepted=done, result_text=said)


async def _rival(store: Store, question: Confirmation = CANCEL) -> str | None:
    async with store.db.transaction() as tx:
        found = await store.actions.confirmations.conflicting(tx, question)
    return found.key if found else None


async def test_a_confirmation_is_found_by_its_key_as_it_was_requested(store: Store) -> None:
    asked = await store.actions.confirmations.find(await store.actions.confirmations.create(CANCEL))

    assert asked is not None
    assert asked.confirmation == CANCEL
    assert (asked.expired, asked.confirmed_at, asked.completed, asked.result_text) == (False, None, False, None)
    assert await store.actions.confirmations.find("no-such-key") is None


async def test_a_confirmation_of_a_version_that_kept_no_team_has_none(store: Store) -> None:
    key = await store.actions.confirmations.create(CANCEL)
    async with store.db.transaction() as tx:
        await tx.execute(update(schema.confirmation).values(team=None, status=None))

    asked = await store.actions.confirmations.find(key)

    assert asked is not None
    assert asked.confirmation == replace(CANCEL, team="", status=None)


async def test_a_confirmation_is_answered_once(store: Store) -> None:
    key = await store.actions.confirmations.create(CANCEL)

    answers = await asyncio.gather(*(_answer(store, key) for _ in range(10)))

    assert sorted(answers) == [False] * 9 + [True]
    assert not await _answer(store, "no-such-key")


async def test_a_confirmation_expires(store: Store, time: StoreClock) -> None:
    in_time, too_late = (
        await store.actions.confirmations.create(CANCEL),
        await store.actions.confirmations.create(replace(CANCEL, job_id="ftjob-b")),
    )

    await time.advance(store, LIFETIME - 5)
    assert await _answer(store, in_time)
    await time.advance(store, 10)
    assert not await _answer(store, too_late)
    assert (await store.actions.confirmations.find(too_late)).expired  # type: ignore[union-attr]


async def test_a_confirmation_expires_the_moment_its_time_is_over(store: Store, time: StoreClock) -> None:
    key = await store.actions.confirmations.create(CANCEL)

    await time.advance(store, LIFETIME)

    assert (await store.actions.confirmations.find(key)).expired  # type: ignore[union-attr]
    assert not await _answer(store, key)


async def test_a_superseded_confirmation_cannot_be_answered(store: Store) -> None:
    key = await store.actions.confirmations.create(CANCEL)

    assert await store.actions.confirmations.supersede(key, result_text="It is over.")
    assert not await store.actions.confirmations.supersede(key, result_text="Again.")

    assert not await _answer(store, key)
    found = await store.actions.confirmations.find(key)
    assert found is not None
    assert (found.completed, found.result_text) == (True, "It is over.")


async def test_an_action_under_way_cannot_be_superseded(store: Store) -> None:
    key = await store.actions.confirmations.create(CANCEL)
    assert await _answer(store, key)

    assert not await store.actions.confirmations.supersede(key, result_text="It is over.")

    assert await _rival(store) == key


async def test_a_job_has_one_action_under_way(store: Store) -> None:
    mine, other = (
        await store.actions.confirmations.create(CANCEL),
        await store.actions.confirmations.create(replace(CANCEL, person="U2")),
    )
    elsewhere = replace(CANCEL, job_id="ftjob-b")

    assert await _rival(store) is None
    assert await _answer(store, mine)
    assert await _rival(store) == mine
    assert await _rival(store, elsewhere) is None
    assert await _rival(store, replace(CANCEL, account="another")) is None
    assert await _rival(store, replace(CANCEL, verb="pause", person="U2", channel="C2")) == mine
    with pytest.raises(IntegrityError):
        await _answer(store, other)


async def test_an_action_that_the_api_accepted_is_not_submitted_again_for_a_minute(
    store: Store, time: StoreClock
) -> None:
    key = await store.actions.confirmations.create(CANCEL)
    await _answer(store, key)
    assert await _end(store, key, done=True)
    assert not await _end(store, key, done=True), "it ends once"

    await time.advance(store, RESUBMIT_COOLDOWN - 5)
    assert await _rival(store) == key
    assert await _rival(store, replace(CANCEL, verb="pause")) is None
    await time.advance(store, 10)
    assert await _rival(store) is None


@pytest.mark.parametrize("verbs", [("pause", "resume"), ("resume", "pause"), ("pause", "resume", "pause")])
async def test_only_the_last_action_that_the_api_accepted_is_not_submitted_again(
    store: Store, time: StoreClock, verbs: tuple[str, ...]
) -> None:
    for verb in verbs:
        await time.advance(store, 1)
        last = await store.actions.confirmations.create(replace(CANCEL, verb=verb))
        assert await _answer(store, last)
        assert await _end(store, last, done=True)

    assert await _rival(store, replace(CANCEL, verb=verbs[-1])) == last
    assert await _rival(store, replace(CANCEL, verb=verbs[-2])) is None


async def test_an_action_may_be_submitted_again_the_moment_its_delay_is_over(store: Store, time: StoreClock) -> None:
    key = await store.actions.confirmations.create(CANCEL)
    await _answer(store, key)
    await _end(store, key, done=True)

    await time.advance(store, RESUBMIT_COOLDOWN)

    assert await _rival(store) is None


async def test_the_latest_action_for_a_job_is_the_conflicting_one(store: Store, time: StoreClock) -> None:
    keys = [await store.actions.confirmations.create(CANCEL) for _ in range(3)]
    for key in (keys[1], keys[2], keys[0]):
        await _answer(store, key)
        await _end(store, key, done=True, said=f"{key} is done.")
        await time.advance(store, 1)

    async with store.db.transaction() as tx:
        conflicting = await store.actions.confirmations.conflicting(tx, CANCEL)
    assert conflicting is not None
    assert (conflicting.key, conflicting.completed, conflicting.result_text) == (keys[0], True, f"{keys[0]} is done.")
    assert conflicting.confirmed_at is not None


async def test_an_action_that_the_api_did_not_accept_may_be_submitted_again_at_once(store: Store) -> None:
    key = await store.actions.confirmations.create(CANCEL)
    await _answer(store, key)
    await _end(store, key, done=False)

    assert await _rival(store) is None


async def test_an_action_is_abandoned_when_its_lease_is_over_or_released(store: Store, time: StoreClock) -> None:
    keys = [await store.actions.confirmations.create(replace(CANCEL, job_id=f"ftjob-{nth}")) for nth in range(4)]
    for key in keys[:3]:
        await _answer(store, key)
    await _end(store, keys[0], done=True)

    assert await store.actions.confirmations.abandoned() == []
    await store.actions.confirmations.release(keys[1])
    ((left, age),) = await store.actions.confirmations.abandoned()
    assert left.key == keys[1]
    assert age < LEASE

    await time.advance(store, LEASE + 1)
    assert {asked.key: round(age) for asked, age in await store.actions.confirmations.abandoned()} == {
        keys[1]: LEASE + 1,
        keys[2]: LEASE + 1,
    }


async def test_the_oldest_action_that_nobody_works_on_comes_first(store: Store, time: StoreClock) -> None:
    first, second = [
        await store.actions.confirmations.create(replace(CANCEL, job_id=f"ftjob-{nth}")) for nth in range(2)
    ]
    await _answer(store, second)
    await time.advance(store, 10)
    await _answer(store, first)
    await time.advance(store, LEASE)

    assert [(asked.key, asked.expired) for asked, _ in await store.actions.confirmations.abandoned()] == [
        (second, False),
        (first, False),
    ]
    await time.advance(store, LIFETIME - LEASE - 10)
    assert [asked.expired for asked, _ in await store.actions.confirmations.abandoned()] == [True, True]


async def test_at_the_start_of_the_only_process_every_action_under_way_is_abandoned(store: Store) -> None:
    key = await store.actions.confirmations.create(CANCEL)
    await _answer(store, key)
    await store.actions.confirmations.create(CANCEL)

    await store.actions.confirmations.end_leases()

    assert [asked.key for asked, _ in await store.actions.confirmations.abandoned()] == [key]


async def test_every_confirmation_has_a_key_of_its_own_that_cannot_be_guessed(store: Store) -> None:
    keys = {await store.actions.confirmations.create(CANCEL) for _ in range(20)}

    assert len(keys) == 20
    assert all(len(key) >= 24 for key in keys)
    assert {row.confirmed_at for row in await rows(store, schema.confirmation)} == {None}
