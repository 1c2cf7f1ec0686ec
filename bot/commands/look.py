"""`status` and `list`: read jobs and show them."""

from collections.abc import Sequence

from bot.blocks import Message
from bot.blocks.answers import problem
from bot.blocks.job import SHOW, Surroundings, emoji, sentence, status, word
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
    around = Surroundings(
        context.client.job_page(job_id), tracked=track is not None, can_cancel=not context.policy.read_only
    )
    return status(read.answer.job, around, checked_at=read.at, place=context.client.account.place)


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
    """Show the newest jobs, of one state or with some metadata where asked."""
    wanted = command.most or DEFAULT_ROWS
    jobs, more = await _newest(command, context, wanted)
    pairs = ", ".join(f"{plain(key, 64)}={plain(value, 64)}" for key, value in command.metadata)
    kind = ("jobs" if command.only == "all" else f"{command.only} jobs") + (f" with {pairs}" if pairs else "")
    among = f"among the newest {MOST_PAGES * PAGE} of" if more else "in"
    empty = f"No {kind} {among} {context.client.account.place}. `/ftjob list` shows the newest of all."
    if kind == "jobs":
        empty = f"No jobs in {context.client.account.place} yet. A job appears here as soon as it is created."
    return Reply(job_list(jobs, title=f"The newest {kind}", empty=empty, more=more))


async def _newest(command: Command, context: Context, wanted: int) -> tuple[list[Job], bool]:
    jobs: list[Job] = []
    after = None
    for _ in range(MOST_PAGES):
        page = (await context.shared.page(after=after, limit=PAGE, metadata=dict(command.metadata))).answer
        jobs += [reading.job for reading in page.readings if _fits(reading.snapshot.status, command.only)]
        after = page.after
        if len(jobs) >= wanted or after is None:
            break
    return jobs[:wanted], len(jobs) > wanted or after is not None


def _fits(status_word: str, only: str) -> bool:
    phase = phase_of(status_word)
    match only:
        case "all":
            return True
        case "active":
            return phase not in FINAL_PHASES
        case _:
            return phase is Phase(only)
