"""What the Home tab of one person shows."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.blocks.answers import STILL_CHECKING
from bot.blocks.home import AccountHealth, Home, HomeMute, HomeRow, HomeRows, home_denied, home_view
from bot.blocks.parts import Block
from bot.commands.context import Context
from bot.commands.error_messages import TEMPORARY, denial
from bot.commands.last_known import Listing, from_store, latest
from bot.commands.permissions import DenialReason
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
    look: Callable[[Context], Awaitable[Listing]] = latest,
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
    store, places = context.store, context.all_accounts()
    mine = await store.channels.tracks.of_person(person, MOST_MINE)
    listings = await asyncio.gather(*map(look, places))
    jobs = sorted(
        ((job, each) for each in listings for job in each.jobs), key=lambda row: row[0].created_at or 0.0, reverse=True
    )
    running = [row for row in jobs if phase_of(row[0].status) is Phase.ACTIVE]
    health = [
        AccountHealth(await store.accounts.leases.polled_at(each.there.account), each.error, each.there.label)
        for each in listings
    ]
    silent = {each.there.account: each for each in listings if each.error}
    tracked = [_tracked(track, state.status, silent.get(track.account), context) for track, state in mine]
    return home_view(
        Home(
            tracked=HomeRows(tracked, await store.channels.tracks.count_of_person(person) - len(tracked)),
            running=HomeRows([_row(*each) for each in running[:MOST_RUNNING]], len(running) - MOST_RUNNING),
            recent=HomeRows([_row(*each) for each in jobs[:MOST_RECENT]], len(jobs) - MOST_RECENT),
            subscribed=sorted({each.channel for each in await store.channels.tracks.subscriptions_by(person)}),
            muted=[_muted(mute) for mute in await store.channels.mutes.of_person(person)],
            health=health,
            version=context.version,
            may_track=may_follow,
        )
    )


async def still_checking(there: Context) -> Listing:
    """Return what is known of an account whose API takes long to answer."""
    return await from_store(there, STILL_CHECKING)


def denied_home(why: DenialReason, context: Context) -> Block:
    """Return the Home tab of somebody who may not read, or of whom nothing is known."""
    return home_denied(denial(why, context.policy), is_temporary=why in TEMPORARY)


def _row(job: Job, listing: Listing) -> HomeRow:
    there = listing.there
    return HomeRow(
        job.id, job.status, page_url=there.client.job_page(job.id), account=there.display_name, as_of=listing.as_of
    )


def _tracked(track: Track, status: str, silent: Listing | None, context: Context) -> HomeRow:
    known = context.accounts.get(track.account)
    page = known.client.job_page(track.job_id) if known else None
    account, as_of = context.drawing.display_name(track.account), silent.as_of if silent else None
    return HomeRow(track.job_id, status, track.channel, page, account, as_of)


def _muted(mute: Mute) -> HomeMute:
    return HomeMute(mute.channel, None if mute.job_id == EVERY_JOB else mute.job_id, mute.until)
