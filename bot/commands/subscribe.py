"""`subscribe`, `subscriptions` and `unsubscribe`: a channel follows every new job that fits."""

import asyncio
import secrets
from collections.abc import Sequence

from bot.blocks import Message
from bot.blocks.answers import note_message
from bot.blocks.job_list import job_list
from bot.blocks.parts import code_span, user_mention
from bot.blocks.subscriptions import MAX_ROWS, NO_SUBSCRIPTIONS, matching_changes, matching_jobs, subscription_list
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context, account_names
from bot.commands.filters import written
from bot.commands.post_card import post_card
from bot.errors import ProviderError, UserError
from bot.jobs.filters import MATCH_ALL, Filter
from bot.jobs.models import Job
from bot.jobs.statuses import ANY_STATUS
from bot.providers.wire import FetchedJob
from bot.slack.messages import OutgoingMessage
from bot.store.channels.tracks import Subscription
from bot.tracking.transitions import PollResult

MOST_PAGES = 10
"""Pages that are searched for open jobs; a page without one, whoever's, ends the search."""
MOST_REQUESTS = 50
PAGE = 100


async def subscribe(command: Command, context: Context) -> Reply:
    """Follow every new job here that fits, and the open ones from now on."""
    async with context.channel_lock(command.requester.channel):
        return await _subscribe(command, context)


async def _subscribe(command: Command, context: Context) -> Reply:
    channel, person, wanted = command.requester.channel, command.requester.person, command.filter
    here = await context.store.channels.tracks.subscriptions_of(channel)
    has = {each.account for each in here if each.filter == wanted}
    new = [each for each in context.selected_accounts(command.account) if each.account not in has]
    if not new:
        return Reply(
            note_message("This channel is subscribed to that already. `/ftjob subscriptions` shows what it has.")
        )
    if len(here) + len(new) > MAX_ROWS:
        raise UserError(
            f"This channel has {len(here)} subscriptions, and {MAX_ROWS} are the most. `/ftjob subscriptions` lets you "
            "end some."
        )
    begun = await asyncio.gather(*(_begun(each, command) for each in new))
    jobs = [(each.job, there.account) for there, (_, seen) in zip(new, begun, strict=True) for each in seen.fetched]
    fitting = [(job, name) for job, name in jobs if not job.is_final and wanted.matches(job)]
    of = f" of {account_names(new)}" if context.display_name else ""
    announcement = _announcement(
        person, wanted, of, fitting if context.display_name else [(job, "") for job, _ in fitting]
    )
    await post_card(OutgoingMessage(channel, announcement, key=secrets.token_hex(16)), command.requester, context)
    (subscription, seen), *others = begun
    await context.recorder.subscribe(subscription, seen, *others)
    told = f"told: {matching_changes(wanted)}."
    return Reply(note_message(f"Subscribed. This channel will hear of {matching_jobs(wanted)}{of}; {told}"))


async def _begun(there: Context, command: Command) -> tuple[Subscription, PollResult]:
    """Return the subscription of one account, and what there is at its beginning.

    Raises:
        UserError: the account does not answer; says which.
    """
    known = await there.store.jobs.states.newest(there.account, MOST_PAGES * PAGE)
    try:
        readings = await _read_open_jobs(there)
    except ProviderError as error:
        if there.display_name is None or command.account:
            raise
        hint = f"Nothing was subscribed; {code_span('/ftjob subscribe account:')} and a name takes one account alone."
        raise UserError(f"{there.error_text(error)} {hint}") from error
    newest = max((reading.snapshot.created_at or 0.0 for reading in readings), default=0.0)
    # A creation time that is still to come would let every later job count as old.
    newest = min(newest, there.clock())
    asker = command.requester
    subscription = Subscription(there.account, asker.channel, asker.person, newest, command.filter)
    return subscription, PollResult(there.account, readings, known)


async def _read_open_jobs(context: Context) -> list[FetchedJob]:
    readings: list[FetchedJob] = []
    after, looked_at = None, 0
    for _ in range(MOST_REQUESTS):
        page = await context.client.list_jobs(after=after, limit=PAGE)
        readings += page.fetched
        after, looked_at = page.after, looked_at + max(1, len(page.raw))
        jobs = [each for each in page.raw if each]
        if after is None or looked_at >= MOST_PAGES * PAGE or (jobs and all(each.is_final for each in jobs)):
            break
    return readings


def _announcement(person: str, wanted: Filter, of: str, open_jobs: Sequence[tuple[Job, str]]) -> Message:
    told = f" Told: {matching_changes(wanted)}." if wanted.statuses else ""
    who = f"{user_mention(person)} subscribed this channel: {matching_jobs(wanted)}{of} is announced and followed here.{told}"
    return job_list(
        [job for job, _ in open_jobs],
        title=f"{who} Open now ({len(open_jobs)})",
        empty=f"{who} No such job is open now.",
        accounts=[name for _, name in open_jobs],
    )


async def subscriptions(command: Command, context: Context) -> Reply:
    """Show what this channel is subscribed to."""
    return Reply(_listed(await context.store.channels.tracks.subscriptions_of(command.requester.channel), context))


def _listed(here: Sequence[Subscription], context: Context, head: str = "") -> Message:
    rows = [(each.id or 0, each.filter, each.person, context.drawing.display_name(each.account)) for each in here]
    return subscription_list(rows, head=head)


async def unsubscribe(command: Command, context: Context) -> Reply:
    """End one subscription or all: new jobs are not announced by it, those that are tracked stay tracked."""
    tracks, channel = context.store.channels.tracks, command.requester.channel
    here = await tracks.subscriptions_of(channel)
    if not here:
        return Reply(note_message(NO_SUBSCRIPTIONS))
    chosen = _chosen(command, here)
    if not chosen and command.subscription is None:
        return Reply(_listed(here, context, _which_one(command)))
    if not sum([await tracks.unsubscribe(channel, each.id) for each in chosen]):
        return Reply(note_message("That subscription is over already."))
    what = "; ".join(f"{_which(each, context)} (told: {matching_changes(each.filter)})" for each in chosen)
    text = (
        f"{user_mention(command.requester.person)} unsubscribed this channel from {what}. "
        "Jobs already tracked stay tracked; `/ftjob untrack all` ends that."
    )
    return Reply(note_message(text), public=True)


def _which(subscription: Subscription, context: Context) -> str:
    account = context.drawing.display_name(subscription.account)
    return matching_jobs(subscription.filter) + (f" of account {code_span(account)}" if account else "")


def names_none(command: Command) -> bool:
    """Whether somebody who unsubscribes did not say from what."""
    is_one = command.nth is not None or command.subscription is not None
    is_some = command.everything or command.account is not None or command.filter != MATCH_ALL
    return command.verb is Verb.UNSUBSCRIBE and not is_one and not is_some


def _which_one(command: Command) -> str:
    if names_none(command):
        return "Which one shall end?"
    return f"None here waits for {code_span(written(command.filter, command.account) or ANY_STATUS)}."


def _chosen(command: Command, here: list[Subscription]) -> list[Subscription]:
    """Return the subscriptions that a command means: where it says nothing, the one that there is, in all its accounts."""
    if command.subscription is not None:
        return [each for each in here if each.id == command.subscription]
    if command.nth is not None:
        if command.nth > len(here):
            raise UserError(f"This channel has {len(here)}. `/ftjob subscriptions` shows which is which.")
        return [here[command.nth - 1]]
    if names_none(command):
        return here if len({each.filter for each in here}) == 1 else []
    of_account = [each for each in here if command.account in (None, each.account)]
    return [each for each in of_account if command.everything or each.filter == command.filter]
