"""The compact card of a job: two lines, for channels with ``size compact``."""

from bot.blocks.job import failure_sentence
from bot.blocks.parts import Block, code_span, section, truncate_markup
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

_MAX_LINE_LENGTH = 200


def compact_section(headline: str, progress: str | None, job: Job) -> Block:
    """Return a card's headline, and below it the failure, the model or the progress of its job.

    Args:
        headline: first line of the full card, safe mrkdwn.
        progress: progress of a running job, safe mrkdwn; only its first line is used.
        job: the job.
    """
    return section(f"{headline}\n{truncate_markup(_second_line(progress, job), _MAX_LINE_LENGTH)}".strip())


def _second_line(progress: str | None, job: Job) -> str:
    if phase_of(job.status) is Phase.FAILED and (why := failure_sentence(job.error)):
        return why
    if job.fine_tuned_model:
        return code_span(job.fine_tuned_model)
    return progress.splitlines()[0] if progress else code_span(job.model) if job.model else ""
