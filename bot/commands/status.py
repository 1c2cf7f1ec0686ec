"""`status` and `list`: read jobs and show them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks import Message
from bot.blocks.answers import problem_message
from bot.blocks.choices import Choice
from bot.blocks.job import job_sentence, status_emoji, status_label
from bot.blocks.job_list import job_list, show_buttons
from bot.blocks.last_known import unreadable_message
from bot.blocks.parts import code_span, escape, fallback_text, format_date, safe_text, section
from bot.blocks.status import status_message
from bot.blocks.subscriptions import listed_jobs_phrase
from bot.commands.accounts import resolve_account
from bot.commands.command import Command, Reply
from bot.commands.context import Context, account_names
from bot.commands.filters import written
from bot.commands.last_known import of_job, of_list, outage_notes
from bot.commands.parse import MOST_IDS, WHICH_JOB
from bot.commands.usage import usage_error
from bot.errors import NotFound, ProviderError, UserError
from bot.jobs.changes import State
from bot.jobs.filters import matches_status
from bot.jobs.models import Job, job_name, model_suffix
from bot.jobs.statuses import ANY_STATUS
from bot.store.channels.tracks import Track

DEFAULT_ROWS = 10
_MOST_COUNTS = 8
PAGE = 100
MOST_PAGES = 5
"""Pages that one ``list`` reads at the most while it looks for jobs in a state; where they are small because jobs are
large, more of them."""
MOST_REQUESTS = 25


async def show_status(command: Command, context: Context) -> Reply:
    """Show everything about one job, one row for each of several, or which jobs could be meant where none is named."""
    if not command.job_ids:
        return Reply(await _which_job(command, context))
    if len(command.job_ids) == 1:
        return Reply(await _whole(command.job_ids[0], command, context), replaces=command.replaces)
    rows = await asyncio.gather(*(_row(job_id, context) for job_id in command.job_ids))
    text = fallback_text("\n".join(row.said for row in rows))
    return Reply(
        Message(text, [section("\n".join(row.seen for row in rows)), show_buttons([row.choice for row in rows])])
    )


async def _which_job(command: Command, context: Context) -> Message:
    usage = usage_error(command.verb, WHICH_JOB)
    here = await context.store.channels.tracks.in_channel(command.requester.channel)
    if not here:
        raise usage
    tracked, hidden = here[:MOST_IDS], len(here) - MOST_IDS
    said = problem_message(str(usage))
    rows = [
        f"{status_emoji(state.status)} {status_label(state.status)} · {code_span(track.job_id)}"
        for track, state in tracked
    ]
    rows += await outage_notes([track.account for track, _ in tracked], context)
    ways = show_buttons([await _choice(track, state, context) for track, state in tracked])
    rows += [f"and {hidden} more: `/ftjob tracked` shows them"] if hidden > 0 else []
    return Message(said.text, [*said.blocks, section("Tracked here:\n" + "\n".join(rows)), ways])


async def _choice(track: Track, state: State, context: Context) -> Choice:
    known = await context.store.jobs.snapshots.find(track.account, track.job_id)
    name = job_name(known.job) if known else model_suffix(state.fine_tuned_model)
    return Choice(track.job_id, name, status_label(state.status))


async def _whole(job_id: str, command: Command, context: Context) -> Message:
    read = await context.reads.job(job_id, fresh=command.fresh)
    track = await context.store.channels.tracks.find(context.account, job_id, command.requester.channel)
    job = read.value.job
    around = context.around(job, tracked=track is not None)
    return status_message(job, around, checked_at=read.at, account_note=context.label)


@dataclass(frozen=True)
class _Row:
    """One job of several, or why it cannot be shown."""

    seen: str
    said: str
    choice: Choice


async def _row(job_id: str, context: Context) -> _Row:
    try:
        context = await resolve_account(job_id, context)
        job = (await context.reads.job(job_id)).value.job
    except UserError as error:
        return _Row(f":warning: {error}", f":warning: {error}", Choice(job_id, None))
    except ProviderError as error:
        why = f":warning: {context.error_text(error, job_id)}"
        said = f"{why} {await of_job(job_id, context)}".rstrip() if not isinstance(error, NotFound) else why
        return _Row(said, said, Choice(job_id, None))
    model = job.fine_tuned_model or job.model
    named = f" · {code_span(model)}" if model else ""
    created = f" · {format_date(job.created_at)}" if job.created_at else ""
    whose = f" · {safe_text(context.display_name)}" if context.display_name else ""
    said = (
        f"In account {safe_text(context.display_name)}: {job_sentence(job)}"
        if context.display_name
        else job_sentence(job)
    )
    seen = f"{status_emoji(job.status)} *{status_label(job.status)}* · {code_span(job.id)}{named}{created}{whose}"
    return _Row(seen, said, Choice(job.id, job_name(job), status_label(job.status)))


async def show_list(command: Command, context: Context) -> Reply:
    """Show the newest jobs, of one state, model or with some metadata where asked, and how many there are of each."""
    wanted = command.limit or DEFAULT_ROWS
    places = context.selected_accounts(command.account)
    is_one = len(places) == 1
    if is_one:
        found, silent = [await _newest(command, places[0], wanted)], []
    else:
        looks = await asyncio.gather(*(_look(each, command, wanted) for each in places))
        found = [each for each in looks if isinstance(each, _Found)]
        silent = [each for each in looks if isinstance(each, str)]
        if not found:
            return Reply(unreadable_message(silent), replaces=command.replaces)
        places = [each for each, look in zip(places, looks, strict=True) if isinstance(look, _Found)]
    rows = sorted((row for each in found for row in each.rows), key=_created, reverse=True)[:wanted]
    place = places[0].label if len(places) == 1 else f"the accounts {account_names(places)}"
    has_more = any(each.has_more for each in found)
    title, empty = _titled(command, place, among=max((len(each.seen) for each in found), default=0) if has_more else 0)
    shown = job_list(
        [job for job, _ in rows],
        title=title,
        empty=empty,
        counts=_counted([status for each in found for status in each.seen]),
        older=_older(command, wanted, rows[-1][0].id) if rows and is_one and found[0].can_go_on else None,
        accounts=[account or "" for _, account in rows],
        notes=[*silent, *([] if is_one else _paging_hint(places, has_more=has_more))],
    )
    return Reply(shown, replaces=command.replaces)


@dataclass(frozen=True)
class _Found:
    rows: list[tuple[Job, str | None]]
    """Jobs, each with its account where there are several."""
    seen: list[str]
    """The statuses of all jobs that were looked at."""
    has_more: bool
    can_go_on: bool
    """Whether older ones can be asked for by the id of the last one."""


def _created(row: tuple[Job, str | None]) -> float:
    return row[0].created_at or 0.0


def _titled(command: Command, place: str, *, among: int) -> tuple[str, str]:
    """Return the title of a list, and what to say where it is empty; ``among`` how many it was looked for, 0 for all."""
    kind = listed_jobs_phrase(command.filter)
    where = f"among the newest {among} of" if among else "in"
    if command.after:
        return f"Older {kind}", f"No more {kind} {where} {place}."
    if kind == "jobs":
        return f"The newest {kind}", f"No jobs in {place} yet. A job appears here as soon as it is created."
    return f"The newest {kind}", f"No {kind} {where} {place}. `/ftjob list` shows the newest of all."


def _paging_hint(places: Sequence[Context], *, has_more: bool) -> list[str]:
    if not has_more:
        return []
    return [f"Older ones: `/ftjob list account:` and one of {account_names(places)}"]


async def _look(there: Context, command: Command, wanted: int) -> _Found | str:
    """Return what one of several accounts has, or why it says nothing: that must not hide the others."""
    try:
        return await _newest(command, there, wanted)
    except ProviderError as error:
        return f":warning: {there.error_text(error)} {await of_list(command, there)}".rstrip()


async def _newest(command: Command, context: Context, wanted: int) -> _Found:
    jobs: list[Job] = []
    seen: list[str] = []
    fits, after, by_id, looked_at = command.filter, command.after, True, 0
    for _ in range(MOST_REQUESTS):
        page = (await context.reads.page(after=after, limit=PAGE, metadata=fits.required_metadata)).value
        seen += [reading.snapshot.status for reading in page.fetched]
        fitting = [reading for reading in page.fetched if matches_status(reading.snapshot.status, fits.statuses)]
        # Not every API looks at the pairs that it is asked for.
        jobs += [job for job in (reading.job for reading in fitting) if fits.matches(job)]
        after = page.after
        # Whoever's jobs a page holds: what is left out of the readings has a place in the list, too.
        by_id = by_id and (after is None or after in {each.id for each in page.raw if each} | set(page.unreadable))
        looked_at += max(1, len(page.raw))
        if len(jobs) >= wanted or after is None or looked_at >= MOST_PAGES * PAGE:
            break
    has_more = len(jobs) > wanted or after is not None
    return _Found([(job, context.display_name) for job in jobs[:wanted]], seen, has_more, has_more and by_id)


def _counted(statuses: Sequence[str]) -> str:
    """Return how many jobs are in each state: "Among 16 jobs: 3 running · 1 failed"."""
    counts = Counter(status_label(status).lower() for status in statuses).most_common(_MOST_COUNTS)
    others = len(statuses) - sum(count for _, count in counts)
    shown = [f"{count} {status}" for status, count in counts] + ([f"{others} in other states"] if others else [])
    return f"Among {len(statuses)} jobs: " + " · ".join(shown)


def _older(command: Command, wanted: int, last: str) -> str:
    """Return the command that shows what comes after a list, as Slack would send it."""
    fitting = written(command.filter, command.account) or ANY_STATUS
    return escape(f"list {fitting} {wanted} after:{last}")
