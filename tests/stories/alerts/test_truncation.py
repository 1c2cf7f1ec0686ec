"""What does not fit is never dropped in silence: each place says how much is left, and how to get it."""

import pytest

from bot.blocks.interactive import SHOW_PAGE
from bot.listeners.shortcuts import TRACK_FROM_MESSAGE
from tests.store.seeds import add_jobs, reading, track
from tests.world import World


@pytest.mark.parametrize("count", [6, 12])
async def test_a_shortcut_says_which_jobs_of_a_message_it_did_not_track_and_how_to(world: World, count: int) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(count)]
    async with world.bot() as bot:
        said = world.milo.post("Ours: " + ", ".join(jobs), world.ml)
        answer = await (await world.milo.shortcut(TRACK_FROM_MESSAGE, said)).reply()
        assert len(await bot.store.channels.tracks.in_channel(world.ml.id)) == 5
        assert ("mentions 1 more job (" if count == 6 else "mentions 7 more jobs (") in answer.plain_text
        commands = [
            line for line in answer.plain_text.replace("`", "").splitlines() if line.startswith("/ftjob track ")
        ]
        for command in commands:
            await world.say(command.removeprefix("/ftjob "), by="milo")
        assert {each.track.job_id for each in await bot.store.channels.tracks.in_channel(world.ml.id)} == set(jobs)


async def test_a_shortcut_on_few_jobs_speaks_of_no_others(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(5)]
    async with world.bot():
        said = world.milo.post(" ".join(jobs), world.ml)
        answer = await (await world.milo.shortcut(TRACK_FROM_MESSAGE, said)).reply()
    assert "more job" not in answer.plain_text


async def test_what_a_channel_tracks_is_shown_in_pages_and_home_counts_what_it_leaves_out(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(43)]
    async with world.bot() as bot:
        # Slack takes a card a second in a channel: most tracks are put into the store without one.
        await add_jobs(bot.store, *map(reading, jobs[:40]))
        await track(bot.store, *((world.ml.id, job) for job in jobs[:40]), person=world.milo.id)
        await world.say(f"track {' '.join(jobs[40:])}", by="milo")
        first = await world.say("tracked", by="milo")
        assert "43 jobs tracked here" in first.plain_text
        assert "And 3 more" in first.plain_text
        rest = await world.press(first, SHOW_PAGE, by="milo")
        misused = await world.say("status", by="milo")
        await world.milo.open_home()
        await world.slack.request_log.wait_until(lambda: world.milo.id in world.slack.homes, why="a Home tab")
        home = world.slack.homes[world.milo.id].plain_text

    assert "(showing 41\u2013" in rest.plain_text
    assert SHOW_PAGE not in rest.buttons
    assert {job for job in jobs if job in first.plain_text + rest.plain_text} == set(jobs)
    assert "and 38 more (see `/ftjob tracked`)" in misused.plain_text
    assert "and 33 more (see `/ftjob tracked` in a channel)" in home
    assert "And 33 more: see `/ftjob list active`." in home
