"""The Home tab of one person."""

from bot.blocks.home import AccountHealth, Home, HomeMute, HomeRow, HomeRows, home_denied, home_view
from bot.blocks.parts import Block
from bot.blocks.replies import STILL_CHECKING
from bot.commands.about import VERSION
from bot.commands.accounts import Account
from bot.commands.error_messages import TEMPORARY, denial
from bot.commands.last_known import Listing, Read, from_store, latest, listings
from bot.commands.permissions import DenialReason, Policy
from bot.commands.services import Services
from bot.jobs.models import Job, display_name
from bot.jobs.statuses import Phase, phase_of
from bot.store.channels.mutes import EVERY_JOB, Mute
from bot.store.channels.tracks import TrackedJob

MAX_TRACKED = 10
MAX_RUNNING = 10
MAX_RECENT = 5


async def home_of(person: str, services: Services, read: Read = latest, *, can_track: bool = True) -> Block:
    """Return the Home tab of somebody who may read.

    Args:
        person: the id of the user whose it is.
        services: the services to work with.
        read: reads the newest jobs of an account.
        can_track: whether they may track jobs; a guest may not.
    """
    store = services.store
    tracked = await store.channels.tracks.of_person(person, MAX_TRACKED)
    read_accounts = await listings(services, read)
    jobs = sorted(
        ((job, each) for each in read_accounts for job in each.jobs),
        key=lambda row: row[0].created_at or 0.0,
        reverse=True,
    )
    running = [row for row in jobs if phase_of(row[0].status) is Phase.ACTIVE]
    silent = {each.account.name: each for each in read_accounts if each.error}
    rows = [_tracked(each, silent.get(each.track.account), services) for each in tracked]
    return home_view(
        Home(
            tracked=HomeRows(rows, await store.channels.tracks.count_of_person(person) - len(rows)),
            running=HomeRows([_row(*each) for each in running[:MAX_RUNNING]], len(running) - MAX_RUNNING),
            recent=HomeRows([_row(*each) for each in jobs[:MAX_RECENT]], len(jobs) - MAX_RECENT),
            subscribed=sorted({each.channel for each in await store.channels.tracks.subscriptions_by(person)}),
            muted=[_muted(mute) for mute in await store.channels.mutes.of_person(person)],
            health=[await _health(each, services) for each in read_accounts],
            version=VERSION,
            may_track=can_track,
        )
    )


async def still_checking(account: Account, services: Services) -> Listing:
    """Return what is known of an account whose API takes long to answer."""
    return await from_store(account, services, STILL_CHECKING)


def denied_home(reason: DenialReason, policy: Policy) -> Block:
    """Return the Home tab of somebody who may not read, or of whom nothing is known."""
    return home_denied(denial(reason, policy), is_temporary=reason in TEMPORARY)


async def _health(listing: Listing, services: Services) -> AccountHealth:
    polled_at = await services.store.accounts.leases.polled_at(listing.account.name)
    return AccountHealth(polled_at, listing.error, listing.account.label)


def _row(job: Job, listing: Listing) -> HomeRow:
    account = listing.account
    page = account.client.job_page(job.id)
    return HomeRow(
        job.id, job.status, display_name(job), page_url=page, account=account.display_name, as_of=listing.as_of
    )


def _tracked(job: TrackedJob, silent: Listing | None, services: Services) -> HomeRow:
    track = job.track
    account = services.accounts.find(track.account)
    page = account.client.job_page(track.job_id) if account else None
    account_name = services.render_context.display_name(track.account)
    as_of = silent.as_of if silent else None
    return HomeRow(track.job_id, job.state.status, job.display_name, track.channel, page, account_name, as_of)


def _muted(mute: Mute) -> HomeMute:
    return HomeMute(mute.channel, None if mute.job_id == EVERY_JOB else mute.job_id, mute.until)
