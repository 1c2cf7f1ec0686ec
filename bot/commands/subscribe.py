"""`subscribe`: a channel tracks every new job that matches a filter."""

import secrets
from dataclasses import dataclass

from bot.blocks.replies import note_message
from bot.blocks.subscriptions import FAILURES_ONLY, MAX_ROWS, alerts_phrase, matching_jobs, subscribed_message
from bot.commands.accounts import Account, account_names, account_series, gather
from bot.commands.command import Command, Reply, Requester
from bot.commands.filters import read_account, read_filter, written
from bot.commands.post_card import post_card
from bot.commands.services import Services
from bot.commands.usage import Usage, usage_error
from bot.errors import UserError
from bot.jobs.filters import MATCH_ALL, Filter
from bot.jobs.statuses import OPEN
from bot.providers.dialect import Listing
from bot.providers.http.wire import FetchedJob
from bot.slack.messages import OutgoingMessage
from bot.store.channels.subscriptions import Subscription
from bot.tracking.transitions import PollResult

USAGE = Usage(
    "subscribe [status]... [model:name*] [key=value]... [mine] [account:name]",
    "track every new job here; filter by status, model, metadata, or owner",
    "subscribe failed succeeded team=search",
)
EXPECTED = "Use a status, `model:`, `account:`, `key=value`, or `mine`."
MAX_FILTER = 1_500
"""Characters of a filter as it is stored."""
MAX_PAGES = 10
"""Pages that are searched for open jobs; a page without one, whoever's, ends the search."""
MAX_REQUESTS = 50
PAGE = 100


@dataclass(frozen=True)
class SubscribeCommand(Command):
    """`subscribe`."""

    verb = "subscribe"

    filter: Filter = MATCH_ALL


def parse(words: list[str], requester: Requester) -> SubscribeCommand:
    """Read the words after `subscribe`."""
    words, account = read_account(USAGE, words)
    job_filter = read_filter(USAGE, words, requester.person, expected=EXPECTED)
    if len(job_filter.to_json()) > MAX_FILTER:
        raise usage_error(USAGE, "Too many filters. Split this into several subscriptions.")
    return SubscribeCommand(requester, account=account, filter=job_filter)


async def run(command: SubscribeCommand, services: Services, account: Account) -> Reply:
    """Track every new job here that matches, and the open ones from now on."""
    services.accounts.reject_as_metadata(command.filter)
    async with services.channel_locks.of(command.requester.channel):
        new = await _new_accounts(command, services)
        if not new:
            if command.account is None:
                await services.store.channels.subscriptions.extend(command.requester.channel, command.filter)
            said = "This channel already has that subscription. See `/ftjob subscriptions`."
            return Reply(note_message(said))
        return await _subscribe(command, new, services, has_several=account.display_name is not None)


async def _new_accounts(command: SubscribeCommand, services: Services) -> list[Account]:
    """Return the accounts in which the channel does not have this subscription yet."""
    here = await services.store.channels.subscriptions.in_channel(command.requester.channel)
    has = {each.account for each in here if each.filter == command.filter}
    new = [each for each in services.accounts.selected(command.account) if each.name not in has]
    if new and len(here) + len(new) > MAX_ROWS:
        raise UserError(
            f"This channel has {len(here)} subscriptions, and the limit is {MAX_ROWS}. Remove some with `/ftjob subscriptions`."
        )
    return new


async def _subscribe(
    command: SubscribeCommand, accounts: list[Account], services: Services, *, has_several: bool
) -> Reply:
    channel, job_filter = command.requester.channel, command.filter
    started = await _start_all(command, accounts, services)
    jobs = [fetched.job for _, result in started for fetched in result.fetched]
    open_jobs = sum(not job.is_final and job_filter.matches(job) for job in jobs)
    of = f" in {account_series(accounts)}" if has_several else ""
    listed = Filter((OPEN,), job_filter.model, tuple(sorted(job_filter.required_metadata.items())))
    show = f"list {written(listed, command.account)}"
    failures_only = (await services.store.channels.preferences.find(channel)).failures_only
    announcement = subscribed_message(
        command.requester.person, job_filter, of=of, open_jobs=open_jobs, show=show, failures_only=failures_only
    )
    outgoing = OutgoingMessage(channel, announcement, key=secrets.token_hex(16))
    await post_card(outgoing, command.requester, services)
    (subscription, result), *others = started
    await services.recorder.subscribe(subscription, result, *others)
    alerts, also = alerts_phrase(job_filter).capitalize(), " and on those already active" if open_jobs else ""
    if failures_only:
        alerts = f"{FAILURES_ONLY.capitalize()}, so it only gets alerts about failures"
    text = f"Subscribed. I'll post updates here on {matching_jobs(job_filter)}{of}{also}. {alerts}."
    return Reply(note_message(text))


async def _start_all(
    command: SubscribeCommand, accounts: list[Account], services: Services
) -> list[tuple[Subscription, PollResult]]:
    """Return the subscription of each account, and its jobs at the start.

    Raises:
        ProviderError: the one account does not answer.
        UserError: one of several does not; says which.
    """
    gathered = await gather(accounts, lambda account: _start(account, command, services))
    for account, error in gathered.errors:
        if account.display_name is None or command.account:
            raise error
        hint = (
            "No subscription was added. For one account only, run `/ftjob subscribe account:&lt;name&gt;` "
            f"(accounts: {account_names(accounts)})."
        )
        raise UserError(f"{account.error_text(error)} {hint}") from error
    return [started for _, started in gathered.values]


async def _start(account: Account, command: SubscribeCommand, services: Services) -> tuple[Subscription, PollResult]:
    known = await services.store.jobs.states.newest(account.name, MAX_PAGES * PAGE)
    fetched = await _read_open_jobs(account)
    newest = max((each.snapshot.created_at or 0.0 for each in fetched), default=0.0)
    # A creation time in the future would make every later job count as old.
    newest = min(newest, services.now())
    requester = command.requester
    subscription = Subscription(
        account.name, requester.channel, requester.person, newest, command.filter, every_account=command.account is None
    )
    return subscription, PollResult(account.name, fetched, known)


async def _read_open_jobs(account: Account) -> list[FetchedJob]:
    return [each for listing in account.client.listings for each in await _read_open_jobs_of(listing, account)]


async def _read_open_jobs_of(listing: Listing, account: Account) -> list[FetchedJob]:
    fetched: list[FetchedJob] = []
    after, read = None, 0
    for _ in range(MAX_REQUESTS):
        page = await account.client.list_jobs(listing, after=after, limit=PAGE)
        fetched += page.fetched
        after, read = page.after, read + max(1, len(page.raw))
        jobs = [each for each in page.raw if each]
        if after is None or read >= MAX_PAGES * PAGE or (jobs and all(each.is_final for each in jobs)):
            break
    return fetched
