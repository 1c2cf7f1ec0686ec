"""`subscribe`, `subscriptions` and `unsubscribe`: a channel follows every new job that fits."""

import secrets

from bot.alerts.draw import Outgoing
from bot.alerts.record import Seen
from bot.blocks import Message
from bot.blocks.answers import note
from bot.blocks.lists import job_list
from bot.blocks.parts import mention
from bot.blocks.subscriptions import MOST_ROWS, NONE, subscription_list, which_changes, which_jobs
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.commands.posting import posted
from bot.errors import UserError
from bot.jobs.filters import Filter
from bot.jobs.models import Job
from bot.providers.wire import Reading
from bot.store.tracks import Subscription

MOST_PAGES = 10
"""Pages that are searched for open jobs; a page without one ends the search."""
PAGE = 100


async def subscribe(command: Command, context: Context) -> Reply:
    """Follow every new job here that fits, and the open ones from now on."""
    async with context.turn(command.asker.channel):
        return await _subscribe(command, context)


async def _subscribe(command: Command, context: Context) -> Reply:
    channel, person, wanted = command.asker.channel, command.asker.person, command.filter
    here = await context.store.tracks.subscriptions_of(context.account, channel)
    if any(each.filter == wanted for each in here):
        return Reply(note("This channel is subscribed to that already. `/ftjob subscriptions` shows what it has."))
    if len(here) >= MOST_ROWS:
        raise UserError(
            f"This channel has {MOST_ROWS} subscriptions, the most. `/ftjob subscriptions` lets you end some."
        )
    known = await context.store.jobs.newest(context.account, MOST_PAGES * PAGE)
    readings = await _read_open_jobs(context)
    newest = max((reading.snapshot.created_at or 0.0 for reading in readings), default=0.0)
    jobs = [each.job for each in readings if not each.snapshot.is_final]
    announcement = _announcement(person, wanted, [job for job in jobs if wanted.takes(job)])
    await posted(Outgoing(channel, announcement, key=secrets.token_hex(16)), context)
    subscription = Subscription(context.account, channel, person, newest, wanted)
    await context.recorder.subscribe(subscription, Seen(context.account, readings, known))
    return Reply(note(f"Subscribed. This channel will hear of {which_jobs(wanted)}; told: {which_changes(wanted)}."))


async def _read_open_jobs(context: Context) -> list[Reading]:
    readings: list[Reading] = []
    after = None
    for _ in range(MOST_PAGES):
        page = await context.client.list_jobs(after=after, limit=PAGE)
        readings += page.readings
        after = page.after
        if after is None or all(reading.snapshot.is_final for reading in page.readings):
            break
    return readings


def _announcement(person: str, wanted: Filter, open_jobs: list[Job]) -> Message:
    told = f" Told: {which_changes(wanted)}." if wanted.statuses else ""
    who = f"{mention(person)} subscribed this channel: {which_jobs(wanted)} is announced and followed here.{told}"
    return job_list(
        open_jobs,
        title=f"{who} Open now ({len(open_jobs)})",
        empty=f"{who} No such job is open now.",
    )


async def subscriptions(command: Command, context: Context) -> Reply:
    """Show what this channel is subscribed to."""
    here = await context.store.tracks.subscriptions_of(context.account, command.asker.channel)
    return Reply(subscription_list([(each.id or 0, each.filter, each.person) for each in here]))


async def unsubscribe(command: Command, context: Context) -> Reply:
    """End one subscription or all: new jobs are not announced by it, those that are tracked stay tracked."""
    tracks, channel = context.store.tracks, command.asker.channel
    here = await tracks.subscriptions_of(context.account, channel)
    chosen = _chosen(command, here)
    if command.nth is None and command.subscription is None:
        ended = await tracks.unsubscribe(context.account, channel)
    else:
        ended = sum([await tracks.unsubscribe(context.account, channel, each.id) for each in chosen])
    if not ended:
        return Reply(note("That subscription is over already." if here else NONE))
    what = "; ".join(f"{which_jobs(each.filter)} (told: {which_changes(each.filter)})" for each in chosen)
    text = (
        f"{mention(command.asker.person)} unsubscribed this channel from {what}. "
        "Jobs already tracked stay tracked; `/ftjob untrack all` ends that."
    )
    return Reply(note(text), public=True)


def _chosen(command: Command, here: list[Subscription]) -> list[Subscription]:
    if command.subscription is not None:
        return [each for each in here if each.id == command.subscription]
    if command.nth is None or not here:
        return here
    if command.nth > len(here):
        raise UserError(f"This channel has {len(here)}. `/ftjob subscriptions` shows which is which.")
    return [here[command.nth - 1]]
