from dataclasses import replace

from bot.jobs.changes import Change, ChangeKind, State
from bot.store import Store
from tests.store.seeds import ACCOUNT, STARTED, reading

PAUSED = Change(ChangeKind.STATUS, State("running"), State("paused"))


async def test_a_change_has_one_name_whenever_it_is_read(store: Store) -> None:
    body, names = reading("ftjob-a").body, []
    async with store.db.transaction() as tx:
        for version, change in enumerate((STARTED, PAUSED, STARTED), start=2):
            names.append((await store.jobs.changes.write(tx, ACCOUNT, version, change, body)).natural_key)
            last = await store.jobs.changes.last(tx, ACCOUNT, "ftjob-a")
            assert last
            assert last.natural_key == names[-1]

    assert len(set(names)) == 3, "a state that comes twice is told twice"


async def test_what_a_database_missed_does_not_change_the_name_of_what_it_sees(store: Store) -> None:
    body = reading("ftjob-a").body
    async with store.db.transaction() as tx:
        await store.jobs.changes.write(tx, ACCOUNT, 2, PAUSED, body)
        told = await store.jobs.changes.write(tx, ACCOUNT, 3, STARTED, body)
        straight = await store.jobs.changes.write(tx, "other", 2, STARTED, body)

    assert straight.natural_key == replace(told, account="other").natural_key
