"""`status` and its *Details* button: one job in full, or one row for each of several."""

import asyncio
from dataclasses import dataclass, replace

from bot.blocks import Message
from bot.blocks.choices import Choice
from bot.blocks.details import details_view
from bot.blocks.job import job_line, job_sentence, status_label
from bot.blocks.job_list import job_list, show_buttons
from bot.blocks.parts import code_span, counted, fallback_text, format_date, safe_text, section
from bot.blocks.replies import problem_message
from bot.blocks.status import status_message
from bot.commands.accounts import Account
from bot.commands.arguments import MAX_IDS, WHICH_JOB, could_be_name, echo, job_ids
from bot.commands.command import Command, Reply, Requester
from bot.commands.jobs_by_name import MAX_FOUND, find_by_name
from bot.commands.last_known import job_state, of_job, outage_notes
from bot.commands.services import Services
from bot.commands.tokenizer import as_typed
from bot.commands.usage import Usage, usage_error
from bot.errors import NotFound, ProviderError, UserError
from bot.jobs.ids import is_job_id, parse_job_id
from bot.jobs.models import Job, display_name, job_name

USAGE = Usage("status <id or name>...", "show job details (a name, or up to five IDs)", "status ftjob-abc123")


@dataclass(frozen=True)
class StatusCommand(Command):
    """`status`; without an id it offers the jobs that the channel tracks."""

    verb = "status"

    words: tuple[str, ...] = ()
    """What was typed, unless all of it has the shape of an OpenAI job ID: the name of a job, or other IDs."""
    fresh: bool = False
    """Whether the job is read now, as *Refresh* says: a cached answer could contradict an alert."""


@dataclass(frozen=True)
class DetailsCommand(Command):
    """The *Details* button."""

    verb = "details"


def parse(words: list[str], requester: Requester) -> StatusCommand:
    """Read the words after `status`: whether they are a name only the store and the APIs know."""
    if not words:
        return StatusCommand(requester)
    try:
        ids = job_ids(USAGE, words)
    except UserError:
        if any(map(parse_job_id, words)) or not could_be_name(words):
            raise
        ids = ()
    return (
        StatusCommand(requester, ids)
        if ids and all(map(is_job_id, ids))
        else StatusCommand(requester, words=tuple(words))
    )


async def run(command: StatusCommand, services: Services, account: Account) -> Reply:
    """Show one job in full, one row for each of several, or the channel's jobs to choose from."""
    if command.words:
        return await _run_for_name(command, services)
    if not command.job_ids:
        return Reply(await _which_job(command.requester, services))
    if len(command.job_ids) == 1:
        return Reply(await _whole(command.job_ids[0], command, services, account), replaces=command.replaces)
    rows = await asyncio.gather(*(_row(job_id, command.account, services) for job_id in command.job_ids))
    text = fallback_text("\n".join(row.fallback for row in rows))
    buttons = show_buttons([row.choice for row in rows])
    return Reply(Message(text, [section("\n".join(row.markup for row in rows)), buttons]))


async def _run_for_name(command: StatusCommand, services: Services) -> Reply:
    """Show the job of this name, a list of several, or else what the words mean as IDs."""
    if ids := await _known_ids(command, services):
        return await _run_for_ids(command, ids, services)
    name = " ".join(map(as_typed, command.words))
    found = await find_by_name(name, services.accounts.selected(command.account), services)
    if len(found.jobs) == 1:
        account, job = found.jobs[0]
        return await run(replace(command, job_ids=(job.id,), words=()), services, account)
    if found.jobs:
        accounts = [account.display_name or "" for account, _ in found.jobs]
        jobs = [job for _, job in found.jobs]
        count = f"The latest {MAX_FOUND} jobs" if len(jobs) == MAX_FOUND else counted(len(jobs), "job")
        title = f"{count} with names matching {echo(name)}"
        return Reply(job_list(jobs, title=title, empty="", accounts=accounts, notes=found.errors))
    try:
        ids = await services.accounts.full_ids(job_ids(USAGE, list(command.words)))
    except UserError as error:
        problem = f"I couldn't find a job named {echo(name)}, and it isn't a job ID."
        raise usage_error(USAGE, " ".join([problem, *found.errors])) from error
    return await _run_for_ids(command, ids, services)


async def _known_ids(command: StatusCommand, services: Services) -> tuple[str, ...]:
    """Return what was typed as IDs, if all of them are of jobs that were seen."""
    try:
        ids = job_ids(USAGE, list(command.words))
    except UserError:
        return ()
    return ids if all([await services.store.jobs.states.accounts_of(each) for each in ids]) else ()


async def _run_for_ids(command: StatusCommand, ids: tuple[str, ...], services: Services) -> Reply:
    account = services.accounts.default
    if len(ids) == 1:
        account = await services.accounts.with_job(ids[0], command.account)
    try:
        return await run(replace(command, job_ids=ids, words=()), services, account)
    except ProviderError as error:
        raise UserError(await _problem(error, ids[0], services, account)) from error


async def run_details(command: DetailsCommand, services: Services, account: Account) -> Reply:
    """Show everything about a job in the modal that was opened; where there is none, as `status` does."""
    read = await account.reads.job(command.job_ids[0])
    reply = await run(StatusCommand(command.requester, command.job_ids), services, account)
    job = read.value.job
    links = services.render_context.job_links(account.name, job, tracked=False)
    return replace(reply, view=details_view(job, links, checked_at=read.at))


async def _which_job(requester: Requester, services: Services) -> Message:
    usage = usage_error(USAGE, WHICH_JOB)
    here = await services.store.channels.tracks.in_channel(requester.channel)
    if not here:
        raise usage
    tracked, hidden = here[:MAX_IDS], len(here) - MAX_IDS
    problem = problem_message(str(usage))
    rows = [job_line(each.display_name, each.state.status) for each in tracked]
    rows += await outage_notes([each.track.account for each in tracked], services)
    name_of = services.render_context.display_name
    choices = [
        Choice(each.track.job_id, each.name, status_label(each.state.status), name_of(each.track.account))
        for each in tracked
    ]
    rows += [f"and {hidden} more (see `/ftjob tracked`)"] if hidden > 0 else []
    return Message(problem.text, [*problem.blocks, section("Tracked here:\n" + "\n".join(rows)), show_buttons(choices)])


async def _whole(job_id: str, command: StatusCommand, services: Services, account: Account) -> Message:
    read = await account.reads.job(job_id, fresh=command.fresh)
    track = await services.store.channels.tracks.find(account.name, job_id, command.requester.channel)
    job = read.value.job
    links = services.render_context.job_links(account.name, job, tracked=track is not None)
    state = await job_state(job, account, services, at=read.at)
    return status_message(job, links, state, account_note="" if links.account else account.label)


@dataclass(frozen=True)
class _Row:
    """One job of several, or why it cannot be shown."""

    markup: str
    fallback: str
    choice: Choice


async def _row(job_id: str, account_name: str | None, services: Services) -> _Row:
    account = services.accounts.default
    try:
        account = await services.accounts.with_job(job_id, account_name)
        job = (await account.reads.job(job_id)).value.job
    except UserError as error:
        return _Row(f":warning: {error}", f":warning: {error}", Choice(job_id, None))
    except ProviderError as error:
        said = f":warning: {await _problem(error, job_id, services, account)}"
        return _Row(said, said, Choice(job_id, None))
    name = safe_text(account.display_name) if account.display_name else None
    fallback = f"In account {name}: {job_sentence(job)}" if name else job_sentence(job)
    return _Row(
        _markup(job, name), fallback, Choice(job.id, job_name(job), status_label(job.status), account.display_name)
    )


async def _problem(error: ProviderError, job_id: str, services: Services, account: Account) -> str:
    """Return why a job can't be read, and what is known of it all the same."""
    said = account.error_text(error, job_id)
    return said if isinstance(error, NotFound) else f"{said} {await of_job(job_id, account, services)}".rstrip()


def _markup(job: Job, account: str | None) -> str:
    model = job.fine_tuned_model or job.model
    facts = [code_span(job.id)]
    facts += [code_span(model)] if model else []
    facts += [format_date(job.created_at)] if job.created_at else []
    facts += [account] if account else []
    return " · ".join([job_line(display_name(job), job.status), *facts])
