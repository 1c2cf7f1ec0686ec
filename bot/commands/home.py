"""What the Home tab of one person shows."""

import asyncio

from bot.access import Policy, Why
from bot.blocks.home import Health, Home, Quiet, Row, closed, home, stranger
from bot.blocks.parts import Block
from bot.commands.context import Context
from bot.commands.problems import PASSES, refusal
from bot.errors import ProviderError
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of
from bot.store.mutes import EVERY_JOB, Mute
from bot.store.tracks import Track

NEWEST = 100
MOST_MINE = 10
MOST_RUNNING = 10
MOST_RECENT = 5


async def home_of(person: str, context: Context) -> Block:
    """Return the Home tab of somebody who may read."""
    store, places = context.store, context.everywhere()
    mine = await store.tracks.of_person(person, MOST_MINE)
    looks = await asyncio.gather(*map(_look, places))
    jobs = sorted((row for found, _ in looks for row in found), key=lambda row: row[0].created_at or 0.0, reverse=True)
    running = [row for row in jobs if phase_of(row[0].status) is Phase.ACTIVE]
    health = [
        Health(await store.accounts.swept_at(there.account), problem, there.place)
        for there, (_, problem) in zip(places, looks, strict=True)
    ]
    return home(
        Home(
            mine=[_tracked(track, state.status, context) for track, state in mine],
            running=[_row(job, there) for job, there in running[:MOST_RUNNING]],
            recent=[_row(job, there) for job, there in jobs[:MOST_RECENT]],
            subscribed=sorted({each.channel for each in await store.tracks.subscriptions_by(person)}),
            muted=[_quiet(mute) for mute in await store.mutes.of_person(person)],
            health=health,
            version=context.version,
        )
    )


def closed_to(why: Why) -> Block:
    """Return the Home tab of somebody who may not read, or of whom nothing is known."""
    return closed(refusal(why, Policy())) if why in PASSES else stranger()


async def _look(there: Context) -> tuple[list[tuple[Job, Context]], str | None]:
    """Return the newest jobs of an account, or the name of the error that keeps them away."""
    try:
        page = (await there.shared.page(after=None, limit=NEWEST, metadata={})).answer
    except ProviderError as error:
        return [], type(error).__name__
    return [(reading.job, there) for reading in page.readings], None


def _row(job: Job, there: Context) -> Row:
    return Row(job.id, job.status, page=there.client.job_page(job.id), account=there.named)


def _tracked(track: Track, status: str, context: Context) -> Row:
    known = context.accounts.get(track.account)
    page = known.client.job_page(track.job_id) if known else None
    return Row(track.job_id, status, track.channel, page, context.drawing.named(track.account))


def _quiet(mute: Mute) -> Quiet:
    return Quiet(mute.channel, None if mute.job_id == EVERY_JOB else mute.job_id, mute.until)
