"""Results of an action: sent, refused, not sent, unconfirmed. Each text is safe mrkdwn."""

from bot.blocks.job import status_label, status_phrase
from bot.blocks.parts import code_span, safe_text
from bot.jobs.actions import JobAction
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of


def job_after_action(action: JobAction, job: Job) -> str:
    """Return the status of a job after an action."""
    if action is JobAction.CREATE:
        return f"{code_span(job.id)} {status_phrase(job.status)} now."
    if phase_of(job.status) is Phase.CANCELLED:
        return f"{code_span(job.id)} is cancelled now."
    if job.is_final:
        return f"{code_span(job.id)} had already ended: it {status_phrase(job.status)}."
    return f"{code_span(job.id)} {status_phrase(job.status)} now; if it is tracked, the channel hears how it ends."


def action_sent(action: JobAction, job: Job) -> str:
    """Return that the API accepted an action."""
    sent = "Created" if action is JobAction.CREATE else f"{action.capitalize()} sent"
    return f"{sent}. {job_after_action(action, job)}"


def status_moved_on(displayed_status: str | None, status: str) -> str:
    """Return how a job's status changed between its confirmation and the button; empty if it did not."""
    if displayed_status is None or displayed_status == status:
        return ""
    before, after = status_label(displayed_status).lower(), status_label(status).lower()
    return f"It was {before} when I asked and {after} when you confirmed."


def already_submitted(result: str | None) -> str:
    """Return that a form was already submitted, with its result; ``result`` is None while that is unknown."""
    came = f"What came of it then: {result}" if result else "Its job is being created; `/ftjob list` shows it soon."
    return f"This form was submitted already, so nothing was sent again. {came}"


def action_not_sent(action: JobAction) -> str:
    """Return that an action did not reach the API."""
    job_continues = "" if action is JobAction.CREATE else " The job goes on."
    return f"The API could not be reached, so nothing was sent.{job_continues} Please try again in a minute."


def action_refused(action: JobAction, why: str) -> str:
    """Return the API's refusal; ``why`` is its error, untrusted."""
    return f"The API refused to {action} it: {safe_text(why, 500).rstrip('.')}."


def action_checked(action: JobAction, job: Job) -> str:
    """Return the result of an unconfirmed action, as a later read of the job shows it."""
    return f"The API did not say what became of the {action}, so I looked at the job: {job_after_action(action, job)}"


def action_unconfirmed(action: JobAction, job: Job | None) -> str:
    """Return that an action is unconfirmed so far; ``job`` is a read after it, None if that failed, too."""
    if action is JobAction.CREATE:
        return (
            "The API did not say what became of it, and no such job is there yet. It may still come; I keep looking for a "
            "minute, never send it twice, and tell you. `/ftjob list` shows the newest jobs at any time."
        )
    seen = (
        f"so I looked at the job: {job_after_action(action, job)}" if job else f"neither to the {action} nor to a look."
    )
    return (
        f"The API did not say what became of the {action}, {seen} It may have arrived; I keep watching and "
        "tell you. `/ftjob status` shows the job at any time."
    )


def action_unresolved(action: JobAction, job_id: str, job: Job | None) -> str:
    """Return that the bot stopped waiting for the result of an unconfirmed action."""
    if action is JobAction.CREATE:
        return (
            "Nobody learned what became of the create, and no job of this request can be seen. It is not sent again by "
            "itself: look with `/ftjob list`, and create it anew if it is not there."
        )
    seen = f"{code_span(job_id)} {status_phrase(job.status)} still" if job else "the job cannot be read at present"
    return (
        f"Nobody learned what became of the {action}, and {seen}. It is not sent again by itself: look with "
        f"`/ftjob status` and give the order anew if it is still wanted."
    )
