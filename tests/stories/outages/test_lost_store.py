"""The database is lost or swapped while the bot is down: it says so, and tells nothing of the past."""

import json
from pathlib import Path

import pytest

from bot.tracking.notices import Notices
from tests.store.seeds import deliveries
from tests.world import World

LOST = "My database was missing or empty"


def told_ops(world: World) -> list[str]:
    return [message.text for message in world.ops.messages]


async def lose(world: World, job: str) -> None:
    """Let a bot run that tells of a job, stop it, and take its database away."""
    async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id):
        await world.say(f"track {job}")
        world.api.change(job, status="running")
        await world.until_delivered(job, "Running")
    for path in world.folder.glob("ftjob.db*"):
        if path.suffix != ".lock":
            path.unlink()


async def test_a_lost_store_is_reported_once_to_the_ops_channel_and_no_job_is_announced(world: World) -> None:
    job = world.api.add_job(status="queued")
    await lose(world, job)
    world.api.change(job, status="succeeded")
    for _ in range(2):
        async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id) as bot:
            await world.until_quiet(bot)

    assert [LOST in text for text in told_ops(world)] == [True]
    assert world.delivered(job) == ["Running"]


async def test_without_an_ops_channel_it_is_only_logged_and_the_bot_goes_on(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    job = world.api.add_job(status="queued")
    await lose(world, job)
    capsys.readouterr()
    async with world.bot() as bot:
        assert await deliveries(bot.store) == []
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded")
        await world.until_delivered(job, "Running", "Succeeded")
    assert capsys.readouterr().out.count("store.lost") == 1
    assert told_ops(world) == []


async def test_a_first_start_says_nothing_of_a_loss(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id) as bot:
            await world.until_quiet(bot)
    assert told_ops(world) == []
    assert "store." not in capsys.readouterr().out


async def test_another_database_in_its_place_is_logged_once(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = world.api.add_job(status="queued")
    async with world.bot():
        pass
    (tmp_path / "ftjob.db").rename(tmp_path / "backup.db")
    await lose(world, job)
    capsys.readouterr()
    (tmp_path / "backup.db").rename(tmp_path / "ftjob.db")
    for _ in range(2):
        async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id):
            pass
    assert capsys.readouterr().out.count("store.replaced") == 1


async def test_reporting_it_twice_enqueues_one_notice(world: World) -> None:
    job = world.api.add_job(status="queued")
    await lose(world, job)
    async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id) as bot:
        await Notices(bot.store, world.ops.id).announce_store_origin()
        enqueued = [json.loads(row.notice)["kind"] for row in await deliveries(bot.store)]
    assert enqueued == ["store_lost"]


OLDER = "My database is missing recent writes"


async def test_a_store_whose_log_was_removed_while_the_bot_was_stopped_is_reported_once_and_nothing_comes_twice(
    world: World,
) -> None:
    before, after = world.api.add_job(status="queued"), world.api.add_job(status="queued")
    async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id):
        await world.say(f"track {before}")
    # Stopped in order: what was in the log is in the file now. The next one is killed.
    async with world.process(FTJOB_OPS_CHANNEL=world.ops.id):
        await world.say(f"track {after}")
        world.api.change(before, status="running")
        await world.until_delivered(before, "Running")
    (world.folder / "ftjob.db-wal").unlink()

    for _ in range(2):
        async with world.process(FTJOB_OPS_CHANNEL=world.ops.id):
            await world.slack.request_log.wait_until(lambda: OLDER in "".join(told_ops(world)), why="the notice")
            assert after in (await world.say(f"track {after}")).plain_text

    assert [OLDER in text for text in told_ops(world)] == [True]
    assert world.delivered(before) == ["Running"]
    assert "".join(world.log).count("store.older") == 1
