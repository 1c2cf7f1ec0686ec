import asyncio
from dataclasses import asdict, replace

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from bot.jobs.actions import Decision
from bot.store import Store
from bot.store.actions.audit import AuditEntry
from bot.store.db import schema

DENIED = AuditEntry("U1", "T1", "C1", "command", "cancel", Decision.DENIED, "default", "ftjob-a", reason="guest")
DONE = replace(
    DENIED, decision=Decision.DONE, reason=None, status_before="running", status_after="cancelled", request_id="req_1"
)


async def _write(store: Store, *entries: AuditEntry) -> None:
    for entry in entries:
        async with store.db.transaction() as tx:
            await store.actions.audit.write(tx, entry)


async def _spoil(store: Store, statement: str) -> None:
    """Change the audit as somebody does who owns the database and takes its guard away first."""
    async with store.db.transaction() as tx:
        guards = ["audit_keeps_rows", "audit_keeps_words"] if store.db.is_sqlite else ["audit_keeps_rows ON audit"]
        for guard in guards:
            await tx.execute(text(f"DROP TRIGGER {guard}"))
        await tx.execute(text(statement))


async def test_rows_are_read_as_they_were_written_newest_first(store: Store) -> None:
    await _write(store, DENIED, DONE)

    newest = await store.actions.audit.newest(10)

    assert [row.entry for row in newest] == [DONE, DENIED]
    assert newest[0].entry.decision is Decision.DONE
    assert [row.entry for row in await store.actions.audit.newest(1)] == [DONE]
    assert newest[0].at >= newest[1].at
    assert [row.entry async for row in store.actions.audit.all()] == [DENIED, DONE]
    assert await store.actions.audit.first_broken() is None


async def test_what_an_older_version_wrote_is_as_it_was_written(store: Store) -> None:
    words = "denied tampered wrong failed shown asked stale duplicate ordered done over refused unsent unknown"
    digests = [
        "d2434dbe8ff9652c5e85c545319c40b01a3962bc872670d97ed78483e89d61bb",
        "5465f80c38acbae560dc4ac9edf5e85b5842c28b03e4d731985f2077b772c65c",
    ]
    rows = [{**asdict(DENIED), "at": 1.5, "row_hash": digests[0]}, {**asdict(DONE), "at": 2.5, "row_hash": digests[1]}]
    async with store.db.transaction() as tx:
        await tx.execute(insert(schema.audit), rows)

    assert await store.actions.audit.first_broken() is None
    assert set(words.split()) <= set(map(str, Decision))


async def test_a_long_audit_is_read_to_its_end(store: Store) -> None:
    row = {**asdict(DENIED), "decision": "denied", "at": 1.0, "row_hash": "x"}
    async with store.db.transaction() as tx:
        await tx.execute(insert(schema.audit), [row] * 2001)

    assert [row.id async for row in store.actions.audit.all()] == list(range(1, 2002))


async def test_writers_at_the_same_moment_make_one_chain(store: Store) -> None:
    await asyncio.gather(*(_write(store, replace(DENIED, reason=str(nth))) for nth in range(20)))

    assert len({row.entry.reason async for row in store.actions.audit.all()}) == 20
    assert await store.actions.audit.first_broken() is None


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET person = 'U2'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1"]
)
async def test_the_database_itself_keeps_rows_as_they_are(store: Store, statement: str) -> None:
    await _write(store, DENIED, DONE)

    with pytest.raises(DBAPIError, match="audit rows stay"):
        async with store.db.transaction() as tx:
            await tx.execute(text(statement))

    assert [row.entry async for row in store.actions.audit.all()] == [DENIED, DONE]


async def test_no_row_takes_the_place_of_another(store: Store) -> None:
    await _write(store, DENIED, DONE)
    columns = "at, person, team, channel, door, verb, decision, digest"
    forged = f"INTO audit (id, {columns}) SELECT 1, {columns} FROM audit WHERE id = 2"  # noqa: S608 - columns of ours

    with pytest.raises(DBAPIError):
        async with store.db.transaction() as tx:
            await tx.execute(text(f"INSERT {'OR REPLACE ' if store.db.is_sqlite else ''}{forged}"))

    assert [row.entry async for row in store.actions.audit.all()] == [DENIED, DONE]


@pytest.mark.parametrize("column", ["person", "team", "channel", "source", "verb", "job_id", "reason", "status_after"])
async def test_a_row_that_was_changed_is_named(store: Store, column: str) -> None:
    await _write(store, DENIED, DONE, DENIED)

    await _spoil(store, f"UPDATE audit SET {column} = 'X' WHERE id = 2")  # noqa: S608 - columns of ours

    assert await store.actions.audit.first_broken() == 2


async def test_a_row_that_was_taken_out_is_missed_by_the_next_one(store: Store) -> None:
    await _write(store, DENIED, DONE, DENIED)

    await _spoil(store, "DELETE FROM audit WHERE id = 2")

    assert await store.actions.audit.first_broken() == 3
