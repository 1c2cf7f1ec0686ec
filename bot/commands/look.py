"""`status` and `list`: read jobs and show them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.blocks import Message
from bot.blocks.answers import problem
from bot.blocks.job import SHOW, emoji, sentence, status, word
from bot.blocks.lists import job_list
from bot.blocks.parts import Block, actions, button, code, date, plain, section, spoken
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.commands.parse import MOST_IDS, WHICH_JOB
from bot.commands.problems import upstream
from bot.commands.usage import misused
from bot.errors import ProviderError
from bot.jobs.models import Job
from bot.jobs.statuses import FINAL_PHASES, Phase, phase_of

DEFAULT_ROWS = 10
_MOST_COUNTS = 8
PAGE = 100
MOST_PAGES = 5
"""Pages that one ``list`` reads at the most while it looks for jobs in a state."""


async def show_status(command: Command, context: Context) -> Reply:
    """Show everything about one job, one row for each of several, or which jobs could be meant where none is named."""
    if not command.job_ids:
        return Reply(await _which_job(command, context))
    if len(command.job_ids) == 1:
        return Reply(await _whole(command.job_ids[0], command, context), replaces=command.replaces)
    rows = [await _row(job_id, context) for job_id in command.job_ids]
    text = spoken("\n".join(said for _, said in rows))
    return Reply(Message(text, [section("\n".join(seen for seen, _ in rows)), _ways_to(command.job_ids)]))


async def _which_job(command: Command, context: Context) -> Message:
    usage = misused(command.verb, WHICH_JOB)
    tracked = (await context.store.tracks.in_channel(command.asker.channel))[:MOST_IDS]
    if not tracked:
        raise usage
    said = problem(str(usage))
    rows = [f"{emoji(state.status)} {word(state.status)} · {code(track.job_id)}" for track, state in tracked]
    ways = _ways_to([track.job_id for track, _ in tracked])
    return Message(said.text, [*said.blocks, section("Tracked here:\n" + "\n".join(rows)), ways])


def _ways_to(job_ids: Sequence[str]) -> Block:
    return actions(
        *(
            button(f"…{job_id[-8:]}", f"{SHOW}:{nth}", job_id, says=f"Show everything about {job_id}")
            for nth, job_id in enumerate(job_ids)
        )
    )


async def _whole(job_id: str, command: Command, context: Context) -> Message:
    read = await context.shared.job(job_id, fresh=command.fresh)
    track = await context.store.tracks.find(context.account, job_id, command.asker.channel)
    job = read.answer.job
    around = context.around(job, tracked=track is not None)
    return status(job, around, checked_at=read.at, place=context.client.account.place)


async def _row(job_id: str, context: Context) -> tuple[str, str]:
    """Return one job as it is seen and as it is said."""
    try:
        job = (await context.shared.job(job_id)).answer.job
    except ProviderError as error:
        problem = f":warning: {upstream(error, place=context.client.account.place, job_id=job_id)}"
        return problem, problem
    model = job.fine_tuned_model or job.model
    named = f" · {code(model)}" if model else ""
    created = f" · {date(job.created_at)}" if job.created_at else ""
    return f"{emoji(job.status)} *{word(job.status)}* · {code(job.id)}{named}{created}", sentence(job)


async def show_list(command: Command, context: Context) -> Reply:
    """Show the newest jobs, of one state, model or with some metadata where asked, and how many there are of each."""
    wanted = command.most or DEFAULT_ROWS
    found = await _newest(command, context, wanted)
    filters = [f"{plain(key, 64)}={plain(value, 64)}" for key, value in command.metadata]
    filters += [f"a model like {plain(command.model)}"] if command.model else []
    kind = ("jobs" if command.only == "all" else f"{command.only} jobs") + (
        f" with {', '.join(filters)}" if filters else ""
    )
    among = f"among the newest {MOST_PAGES * PAGE} of" if found.has_more else "in"
    empty = f"No {kind} {among} {context.client.account.place}. `/ftjob list` shows the newest of all."
    if command.after:
        empty = f"No more {kind} {among} {context.client.account.place}."
    elif kind == "jobs":
        empty = f"No jobs in {context.client.account.place} yet. A job appears here as soon as it is created."
    title = f"The newest {kind}" if command.after is None else f"Older {kind}"
    older = _older(command, wanted, found.jobs[-1].id) if found.has_more and found.jobs else None
    shown = job_list(found.jobs, title=title, empty=empty, counts=_counted(found.seen), older=older)
    return Reply(shown, replaces=command.replaces)


@dataclass(frozen=True)
class _Found:
    jobs: list[Job]
    seen: list[str]
    """The statuses of all jobs that were looked at."""
    has_more: bool


async def _newest(command: Command, context: Context, wanted: int) -> _Found:
    jobs: list[Job] = []
    seen: list[str] = []
    after = command.after
    for _ in range(MOST_PAGES):
        page = (await context.shared.page(after=after, limit=PAGE, metadata=dict(command.metadata))).answer
        seen += [reading.snapshot.status for reading in page.readings]
        fitting = [reading for reading in page.readings if _fits(reading.snapshot.status, command.only)]
        jobs += [job for job in (reading.job for reading in fitting) if _is_named(job, command.model)]
        after = page.after
        if len(jobs) >= wanted or after is None:
            break
    return _Found(jobs[:wanted], seen, len(jobs) > wanted or after is not None)


def _is_named(job: Job, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase((job.model or "").casefold(), pattern.casefold())


def _counted(statuses: Sequence[str]) -> str:
    """Return how many jobs are in each state: "Among 16 jobs: 3 running · 1 failed"."""
    counts = Counter(word(status).lower() for status in statuses).most_common(_MOST_COUNTS)
    return f"Among {len(statuses)} jobs: " + " · ".join(f"{count} {status}" for status, count in counts)


def _older(command: Command, wanted: int, last: str) -> str:
    """Return the command that shows what comes after a list, as it could be typed."""
    pairs = [f"{key}={value}" for key, value in command.metadata]
    model = [f"model:{command.model}"] if command.model else []
    return " ".join(["list", command.only, str(wanted), *model, *pairs, f"after:{last}"])


def _fits(status_word: str, only: str) -> bool:
    phase = phase_of(status_word)
    match only:
        case "all":
            return True
        case "active":
            return phase not in FINAL_PHASES
        case _:
            return phase is Phase(only)
