"""A backup that is put back loses nothing and doubles nothing, although it knows nothing of what was told since."""

import shutil
from pathlib import Path

import pytest

from bot.sandbox.faults import Fault
from bot.store.db import schema
from tests.cli.test_main import second
from tests.store.seeds import rows
from tests.world import World

LIST = "GET /fine_tuning/jobs"
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


@pytest.mark.parametrize("is_said", [True, False])
async def test_what_was_posted_after_a_backup_is_not_posted_again_and_what_was_not_is(
    world: World, *, is_said: bool
) -> None:
    told, untold, new = (world.api.add_job(status=status) for status in ("running", "running", "queued"))
    backup = world.folder / "backup.db"
    async with world.process():
        await world.say(f"track {told} {untold}")
        await world.say("subscribe")
        code, said = await second(world, "db", "backup", str(backup))
        assert code == 0, said
        world.api.change(told, status="paused")
        await world.until_delivered(told, "Paused")
        world.api.change(told, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(told, "Paused", "Succeeded")
        later = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(lambda: world.messages_about(later), why="the card of a new job")
    world.api.change(untold, status="failed")
    restored(world, backup)

    if is_said:  # else the bot sees by itself that the database is older than it was
        code, said = await second(world, "db", "restored")
        assert code == 0, said
    async with world.bot() as bot:
        await world.until_delivered(untold, "Failed")
        world.api.change(later, status="running")
        await world.until_delivered(later, "Running")
        await world.until_quiet(bot)

    assert world.delivered(told) == ["Paused", "Succeeded"]
    assert len([message for message in world.messages_about(later) if message.buttons]) == 1, "one card"
    assert len([message for message in world.messages_about(new) if message.buttons]) <= 1
    assert (backup.stat().st_mode & 0o777) == 0o600


async def test_what_was_still_pending_when_the_copy_was_made_is_not_posted_again(world: World) -> None:
    first, behind = world.api.add_job(status="running"), world.api.add_job(status="running")
    backup = world.folder / "backup.db"
    async with world.process():
        await world.say(f"track {first} {behind}")
        world.slack.faults.always("chat.postMessage", Fault("answer", status=500))
        for job in (first, behind):
            world.api.change(job, status="failed")
        await world.slack.request_log.wait_until(lambda: lookups_failing(world), why="an attempt that did not work")
        await world.api.request_log.wait_until(
            lambda: len(world.api.request_log.for_endpoint(f"{LIST}/{{id}}/events")) == 2, why="both are seen"
        )
        code, said = await second(world, "db", "backup", str(backup))
        assert code == 0, said
        world.slack.faults.clear()
        for job in (first, behind):
            await world.until_delivered(job, "Failed", seconds=300)
    restored(world, backup)
    await second(world, "db", "restored")
    async with world.bot() as bot:
        await world.until_quiet(bot)

    assert (world.delivered(first), world.delivered(behind)) == (["Failed"], ["Failed"])


def lookups_failing(world: World) -> bool:
    return any(entry.status >= 500 for entry in world.slack.request_log.for_endpoint("chat.postMessage"))


async def test_what_was_posted_in_a_thread_after_a_backup_is_not_posted_again(world: World) -> None:
    job, later = world.api.add_job(status="queued"), world.api.add_job(status="queued")
    backup = world.folder / "backup.db"
    async with world.process():
        await world.say(f"track {job} {later}")
        await second(world, "db", "backup", str(backup))
        world.api.change(job, status="running")
        await world.until_delivered(job, "Running")
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Running", "Paused")
        world.api.change(job, status="running")
        await world.until_delivered(job, "Running", "Paused", "Running")
    restored(world, backup)
    await second(world, "db", "restored")
    async with world.bot() as bot:
        await world.until_quiet(bot)
        assert world.delivered(job) == ["Running", "Paused", "Running"]
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Running", "Paused", "Running", "Paused")


async def test_what_the_first_poll_did_not_find_is_sent_without_a_lookup(world: World) -> None:
    job = world.api.add_job(status="queued")
    async with world.process():
        await world.say(f"track {job}")
        await second(world, "db", "backup", str(world.folder / "backup.db"))
    restored(world, world.folder / "backup.db")
    await second(world, "db", "restored")
    async with world.bot():
        world.api.change(job, status="running")
        await world.until_delivered(job, "Running")
        looked = lookups(world)
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Running", "Paused")
        assert lookups(world) == looked


async def test_a_backup_is_never_written_over_another_file(world: World) -> None:
    async with world.process():
        (world.folder / "precious").write_text("keep")
        code, said = await second(world, "db", "backup", str(world.folder / "precious"))

    assert code == 1
    assert "already exists. Choose another file name" in said
    assert (world.folder / "precious").read_text() == "keep"


async def test_a_server_is_backed_up_by_its_own_means(world: World, postgres_url: str) -> None:
    code, said = await second(world, "db", "backup", "x.db", DATABASE_URL=postgres_url)
    assert code == 1
    assert "pg_dump" in said


async def test_nothing_is_unconfirmed_where_nothing_was_restored(world: World) -> None:
    job = world.api.add_job(status="queued")
    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.api.change(job, status="running")
        await world.until_delivered(job, "Running")
        unconfirmed = [row.unconfirmed for row in await rows(bot.store, schema.delivery)]

    assert unconfirmed == [False]
    assert lookups(world) == 0


def lookups(world: World) -> int:
    return len(
        [
            entry
            for entry in world.slack.request_log
            if entry.endpoint in ("conversations.history", "conversations.replies")
        ]
    )


def restored(world: World, backup: Path) -> None:
    """Put a backup in the place of the database, as docs/deploy.md says."""
    for end in ("", "-wal", "-shm"):
        (world.folder / f"ftjob.db{end}").unlink(missing_ok=True)
    shutil.copy(backup, world.folder / "ftjob.db")
