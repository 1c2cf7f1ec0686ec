"""`status` and its *Details* button: one job in full, or one row for each of several."""

import asyncio
from dataclasses import dataclass, replace

from bot.blocks import Message
from bot.blocks.choices import Choice
from bot.blocks.details import details_view
from bot.blocks.job import job_sentence, status_emoji, status_label
from bot.blocks.job_list import show_buttons
from bot.blocks.parts import code_span, fallback_text, format_date, safe_text, section
from bot.blocks.replies import problem_message
from bot.blocks.status import status_message
from bot.commands.accounts import Account
from bot.commands.arguments import MAX_IDS, WHICH_JOB, job_ids
from bot.commands.command import Command, Reply, Requester
from bot.commands.last_known import of_job, outage_notes
from bot.commands.services import Services
from bot.commands.usage import Usage, usage_error
from bot.errors import NotFound, ProviderError, UserError
from bot.jobs.changes import State
from bot.jobs.models import Job, job_name, model_suffix
from bot.store.channels.tracks import Track

USAGE = Usage("status <id>...", "show everything about a job, or a line for each of up to five", "status ftjob-abc123")


@dataclass(frozen=True)
class StatusCommand(Command):
    """`status`; without an id it offers the jobs that the channel tracks."""

    verb = "status"

    fresh: bool = False
    """Whether the job is read now, as *Refresh* says: a cached answer could contradict an alert."""


@dataclass(frozen=True)
class DetailsCommand(Command):
    """The *Details* button."""

    verb = "details"


def parse(words: list[str], requester: Requester) -> StatusCommand:
    """Read the words after `status`."""
    return StatusCommand(requester, job_ids(USAGE, words) if words else ())


async def run(command: StatusCommand, services: Services, account: Account) -> Reply:
    """Show one job in full, one row for each of several, or the channel's jobs to choose from."""
    if not command.job_ids:
        return Reply(await _which_job(command.requester, services))
    if len(command.job_ids) == 1:
        return Reply(await _whole(command.job_ids[0], command, services, account), replaces=command.replaces)
    rows = await asyncio.gather(*(_row(job_id, services, account) for job_id in command.job_ids))
    text = fallback_text("\n".join(row.fallback for row in rows))
    buttons = show_buttons([row.choice for row in rows])
    return Reply(Message(text, [section("\n".join(row.markup for row in rows)), buttons]))


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
    rows = [
        f"{status_emoji(state.status)} {status_label(state.status)} · {code_span(track.job_id)}"
        for track, state in tracked
    ]
    rows += await outage_notes([track.account for track, _ in tracked], services)
    buttons = show_buttons([await _choice(track, state, services) for track, state in tracked])
    rows += [f"and {hidden} more: `/ftjob tracked` shows them"] if hidden > 0 else []
    return Message(problem.text, [*problem.blocks, section("Tracked here:\n" + "\n".join(rows)), buttons])


async def _choice(track: Track, state: State, services: Services) -> Choice:
    snapshot = await services.store.jobs.snapshots.find(track.account, track.job_id)
    name = job_name(snapshot.job) if snapshot else model_suffix(state.fine_tuned_model)
    return Choice(track.job_id, name, status_label(state.status))


async def _whole(job_id: str, command: StatusCommand, services: Services, account: Account) -> Message:
    read = await account.reads.job(job_id, fresh=command.fresh)
    track = await services.store.channels.tracks.find(account.name, job_id, command.requester.channel)
    job = read.value.job
    links = services.render_context.job_links(account.name, job, tracked=track is not None)
    return status_message(job, links, checked_at=read.at, account_note=account.label)


@dataclass(frozen=True)
class _Row:
    """One job of several, or why it cannot be shown."""

    markup: str
    fallback: str
    choice: Choice


async def _row(job_id: str, services: Services, account: Account) -> _Row:
    try:
        account = await services.accounts.with_job(job_id)
        job = (await account.reads.job(job_id)).value.job
    except UserError as error:
        return _Row(f":warning: {error}", f":warning: {error}", Choice(job_id, None))
    except ProviderError as error:
        said = f":warning: {account.error_text(error, job_id)}"
        if not isinstance(error, NotFound):
            said = f"{said} {await of_job(job_id, account, services)}".rstrip()
        return _Row(said, said, Choice(job_id, None))
    name = safe_text(account.display_name) if account.display_name else None
    fallback = f"In account {name}: {job_sentence(job)}" if name else job_sentence(job)
    return _Row(_markup(job, name), fallback, Choice(job.id, job_name(job), status_label(job.status)))


def _markup(job: Job, account: str | None) -> str:
    model = job.fine_tuned_model or job.model
    facts = [code_span(job.id)]
    facts += [code_span(model)] if model else []
    facts += [format_date(job.created_at)] if job.created_at else []
    facts += [account] if account else []
    return f"{status_emoji(job.status)} *{status_label(job.status)}* · {' · '.join(facts)}"
