"""The card of a job in two lines, for channels that want little of each."""

from bot.blocks.job import failure_sentence
from bot.blocks.parts import Block, code_span, section, truncate_markup
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

_LONGEST_LINE = 200


def compact_section(headline: str, progress: str | None, job: Job) -> Block:
    """Draw the headline of a card, and the one thing about its job that counts now.

    Args:
        headline: what the full card begins with, safe mrkdwn.
        progress: how far the job is, safe mrkdwn; its first line is shown.
        job: the job.
    """
    return section(f"{headline}\n{truncate_markup(_second_line(progress, job), _LONGEST_LINE)}".strip())


def _second_line(progress: str | None, job: Job) -> str:
    if phase_of(job.status) is Phase.FAILED and (why := failure_sentence(job.error)):
        return why
    if job.fine_tuned_model:
        return code_span(job.fine_tuned_model)
    return progress.splitlines()[0] if progress else code_span(job.model) if job.model else ""
