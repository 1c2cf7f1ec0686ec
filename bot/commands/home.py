"""What the Home tab of one person shows."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.blocks.answers import STILL_CHECKING
from bot.blocks.home import Health, Home, Quiet, Row, closed, home
from bot.blocks.parts import Block
from bot.commands.context import Context
from bot.commands.error_messages import PASSES, refusal
from bot.commands.last_known import Listing, newest, remembered
from bot.commands.permissions import Why
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of
from bot.store.channels.mutes import EVERY_JOB, Mute
from bot.store.channels.tracks import Track

MOST_MINE = 10
MOST_RUNNING = 10
MOST_RECENT = 5


async def home_of(
    person: str,
    context: Context,
    look: Callable[[Context], Awaitable[Listing]] = newest,
    *,
    may_follow: bool = True,
) -> Block:
    """Return the Home tab of somebody who may read.

    Args:
        person: whose it is.
        context: the parts to work with.
        look: says what there is in an account.
        may_follow: whether they may track jobs; a guest may not.
    """
    store, places = context.store, context.everywhere()
    mine = await store.tracks.of_person(person, MOST_MINE)
    listings = await asyncio.gather(*map(look, places))
    jobs = sorted(
        ((job, each) for each in listings for job in each.jobs), key=lambda row: row[0].created_at or 0.0, reverse=True
    )
    running = [row for row in jobs if phase_of(row[0].status) is Phase.ACTIVE]
    health = [
        Health(await store.accounts.swept_at(each.there.account), each.trouble, each.there.place) for each in listings
    ]
    silent = {each.there.account: each for each in listings if each.trouble}
    return home(
        Home(
            mine=[_tracked(track, state.status, silent.get(track.account), context) for track, state in mine],
            running=[_row(job, listing) for job, listing in running[:MOST_RUNNING]],
            recent=[_row(job, listing) for job, listing in jobs[:MOST_RECENT]],
            subscribed=sorted({each.channel for each in await store.tracks.subscriptions_by(person)}),
            muted=[_quiet(mute) for mute in await store.mutes.of_person(person)],
            health=health,
            version=context.version,
            may_follow=may_follow,
            more_mine=await store.tracks.count_of_person(person) - len(mine),
            more_running=len(running) - MOST_RUNNING,
            more_recent=len(jobs) - MOST_RECENT,
        )
    )


async def still_checking(there: Context) -> Listing:
    """Return what is known of an account whose API takes long to answer."""
    return await remembered(there, STILL_CHECKING)


def closed_to(why: Why, context: Context) -> Block:
    """Return the Home tab of somebody who may not read, or of whom nothing is known."""
    return closed(refusal(why, context.policy), passes=why in PASSES)


def _row(job: Job, listing: Listing) -> Row:
    there = listing.there
    return Row(job.id, job.status, page=there.client.job_page(job.id), account=there.named, as_of=listing.as_of)


def _tracked(track: Track, status: str, silent: Listing | None, context: Context) -> Row:
    known = context.accounts.get(track.account)
    page = known.client.job_page(track.job_id) if known else None
    account, as_of = context.drawing.named(track.account), silent.as_of if silent else None
    return Row(track.job_id, status, track.channel, page, account, as_of)


def _quiet(mute: Mute) -> Quiet:
    return Quiet(mute.channel, None if mute.job_id == EVERY_JOB else mute.job_id, mute.until)
