"""`subscribe` and `unsubscribe`: a channel follows every new job."""

import secrets

from bot.alerts.draw import Outgoing
from bot.alerts.record import Seen
from bot.blocks import Message
from bot.blocks.answers import note
from bot.blocks.lists import job_list
from bot.blocks.parts import mention
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.commands.posting import posted
from bot.providers.wire import Reading
from bot.store.tracks import Subscription

MOST_PAGES = 10
"""Pages that are searched for open jobs; a page without one ends the search."""
PAGE = 100


async def subscribe(command: Command, context: Context) -> Reply:
    """Follow every new job here, and the open ones from now on."""
    async with context.turn(command.asker.channel):
        return await _subscribe(command, context)


async def _subscribe(command: Command, context: Context) -> Reply:
    channel, person = command.asker.channel, command.asker.person
    subscriptions = await context.store.tracks.subscriptions(context.account)
    if any(subscription.channel == channel for subscription in subscriptions):
        return Reply(note("This channel is subscribed already. `/ftjob unsubscribe` ends it."))
    known = await context.store.jobs.newest(context.account, MOST_PAGES * PAGE)
    readings = await _read_open_jobs(context)
    newest = max((reading.snapshot.created_at or 0.0 for reading in readings), default=0.0)
    await posted(Outgoing(channel, _announcement(person, readings), key=secrets.token_hex(16)), context)
    subscription = Subscription(context.account, channel, person, newest)
    await context.recorder.subscribe(subscription, Seen(context.account, readings, known))
    return Reply(note("Subscribed. This channel will hear of every new job, and of each of its changes."))


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


def _announcement(person: str, readings: list[Reading]) -> Message:
    open_jobs = [reading.job for reading in readings if not reading.snapshot.is_final]
    who = f"{mention(person)} subscribed this channel: every new fine-tuning job is announced and followed here."
    return job_list(
        open_jobs,
        title=f"{who} Open now ({len(open_jobs)})",
        empty=f"{who} No job is open now.",
    )


async def unsubscribe(command: Command, context: Context) -> Reply:
    """Announce no new jobs any more; those that are tracked stay tracked."""
    if not await context.store.tracks.unsubscribe(context.account, command.asker.channel):
        return Reply(note("This channel is not subscribed. `/ftjob subscribe` starts it."))
    text = (
        f"{mention(command.asker.person)} unsubscribed this channel: new jobs are not announced any more. "
        "Jobs already tracked stay tracked; `/ftjob untrack all` ends that."
    )
    return Reply(note(text), public=True)
