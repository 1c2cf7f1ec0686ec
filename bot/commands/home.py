"""The Home tab of one person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.blocks.card import CardState
from bot.blocks.home import AccountHealth, Following, Home, HomeMute, UndeliveredMessages, home_denied, home_view
from bot.blocks.home_jobs import HomeJob
from bot.blocks.job import owner_of
from bot.blocks.models import FineTunedModel
from bot.blocks.parts import Block
from bot.blocks.replies import STILL_CHECKING
from bot.commands.about import VERSION
from bot.commands.accounts import Account, gather
from bot.commands.error_messages import TEMPORARY, denial
from bot.commands.last_known import NEWEST, Listing, Read, from_store, latest, listings
from bot.commands.models import by_shutdown, fine_tuned_models
from bot.commands.permissions import DenialReason, Policy
from bot.commands.services import Services
from bot.delivery.render import card_state
from bot.jobs.models import Job
from bot.store.channels.mutes import EVERY_JOB
from bot.store.channels.tracks import TrackedJob
from bot.store.jobs.snapshots import JobSnapshot

_MAX_STALLED = 100


@dataclass(frozen=True)
class Viewer:
    """The user whose Home tab it is."""

    id: str
    can_track: bool
    """Whether they can track jobs; guests can't."""
    is_operator: bool
    """Whether the undelivered messages of every channel concern them, not only where they track jobs or subscribed."""


async def home_of(viewer: Viewer, services: Services, read: Read = latest) -> Block:
    """Return the Home tab of somebody who may read; ``read`` reads the newest jobs of an account.

    The number of queries depends on the number of accounts, not on that of jobs.
    """
    tracked = await services.store.channels.tracks.of_person(viewer.id, NEWEST)
    read_accounts = await listings(services, read)
    following = await _following(viewer, tracked, services)
    channels = None if viewer.is_operator else {*following.subscribed, *(channel for _, channel in following.tracked)}
    dead_letters = await services.store.outbox.dead_letters.by_channel(channels)
    return home_view(
        Home(
            jobs=await _jobs(viewer, read_accounts, tracked, services),
            undelivered=[UndeliveredMessages(each.channel, each.error, each.count) for each in dead_letters],
            models=await _models(read_accounts),
            following=following,
            health=[await _health(each, services) for each in read_accounts],
            version=VERSION,
            now=services.now(),
        )
    )


async def still_checking(account: Account, services: Services) -> Listing:
    """Return what is known of an account whose API takes long to answer."""
    return await from_store(account, services, STILL_CHECKING)


def denied_home(reason: DenialReason, policy: Policy) -> Block:
    """Return the Home tab of somebody who may not read, or of whom nothing is known."""
    return home_denied(denial(reason, policy), is_temporary=reason in TEMPORARY)


async def _jobs(
    viewer: Viewer, read_accounts: Sequence[Listing], tracked: Sequence[TrackedJob], services: Services
) -> list[HomeJob]:
    """Return the newest jobs of each account, and the older ones that are stalled or that the viewer tracks."""
    store, accounts = services.store.jobs, {each.account.name: each for each in read_accounts}
    jobs = {(name, job.id): job for name, listing in accounts.items() for job in listing.jobs}
    stalled = [(each.account, each.id) for each in await store.states.stalled(_MAX_STALLED)]
    by_hand = {(each.track.account, each.track.job_id) for each in tracked}
    older = {key for key in (*stalled, *by_hand) if key[0] in accounts} - jobs.keys()
    # A finished job that was read just now has nothing to add.
    incomplete = {key for key, job in jobs.items() if accounts[key[0]].error or not job.is_final}
    snapshots = await store.snapshots.of_jobs(incomplete | older)
    jobs |= {key: snapshots[key].job for key in older if key in snapshots and not snapshots[key].is_missing}
    shown = {key: _home_job(job, snapshots.get(key), accounts[key[0]], services) for key, job in jobs.items()}
    return [replace(each, is_own=key in by_hand or owner_of(each.job) == viewer.id) for key, each in shown.items()]


def _home_job(job: Job, snapshot: JobSnapshot | None, listing: Listing, services: Services) -> HomeJob:
    """Return a job with what the store knows beside it, and instead of it where its account cannot be read."""
    account, now = listing.account, services.now()
    known = snapshot if snapshot and snapshot.job.status == job.status else None
    job = known.job if known and listing.error else job
    links = services.render_context.job_links(account.name, job, tracked=False)
    return HomeJob(job, links, card_state(known, now) if known else CardState(now), as_of=listing.as_of)


async def _models(read_accounts: Sequence[Listing]) -> list[FineTunedModel]:
    """Return the fine-tuned models of the accounts that can be read and list them, nearest shutdown first."""
    accounts = [each.account for each in read_accounts if each.error is None]
    gathered = await gather(accounts, lambda account: fine_tuned_models(account, account_name=account.display_name))
    return by_shutdown(model for _, models in gathered.values for model in models)


async def _following(viewer: Viewer, tracked: Sequence[TrackedJob], services: Services) -> Following:
    tracks = services.store.channels.tracks
    return Following(
        tracked=[(each.display_name, each.track.channel) for each in tracked],
        tracked_count=await tracks.count_of_person(viewer.id),
        subscribed=sorted({each.channel for each in await services.store.channels.subscriptions.by_person(viewer.id)}),
        muted=await _mutes(viewer.id, services),
        may_track=viewer.can_track,
    )


async def _health(listing: Listing, services: Services) -> AccountHealth:
    polled_at = await services.store.accounts.leases.polled_at(listing.account.name)
    return AccountHealth(polled_at, listing.error, listing.account.label)


async def _mutes(person: str, services: Services) -> list[HomeMute]:
    mutes = await services.store.channels.mutes.of_person(person)
    names = await services.store.jobs.names.of([mute.job_id for mute in mutes])
    return [
        HomeMute(each.channel, None if each.job_id == EVERY_JOB else each.job_id, each.until, names.get(each.job_id))
        for each in mutes
    ]
