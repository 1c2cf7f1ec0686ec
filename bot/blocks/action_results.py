"""Results of an action: sent, refused, not sent, unconfirmed. Each text is safe mrkdwn."""

from bot.blocks.job import status_label, status_phrase
from bot.blocks.parts import code_span, safe_text
from bot.jobs.actions import JobAction
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of


def job_after_action(action: JobAction, job: Job) -> str:
    """Return the status of a job after an action."""
    if action is JobAction.CREATE:
        return f"{code_span(job.id)} {status_phrase(job.status)}."
    if phase_of(job.status) is Phase.CANCELLED:
        return f"{code_span(job.id)} was canceled."
    if job.is_final:
        return f"{code_span(job.id)} had already finished: it {status_phrase(job.status)}."
    return f"{code_span(job.id)} {status_phrase(job.status)}. If it's tracked, I'll post how it ends."


def action_sent(action: JobAction, job: Job) -> str:
    """Return that the API accepted an action."""
    if action is JobAction.CREATE:
        return f"Created {code_span(job.id)}; it {status_phrase(job.status)}."
    after = job_after_action(action, job)
    return after if job.is_final else f"{action.capitalize()} sent. {after}"


def status_moved_on(displayed_status: str | None, status: str) -> str:
    """Return how a job's status changed between its confirmation and the button; empty if it did not."""
    if displayed_status is None or displayed_status == status:
        return ""
    before, after = status_label(displayed_status).lower(), status_label(status).lower()
    return f"The job changed from {before} to {after} before you confirmed."


def already_submitted(result: str | None) -> str:
    """Return that a form was already submitted, with its result; ``result`` is None while that is unknown."""
    came = f"The result was: {result}" if result else "Its job is being created; see `/ftjob list` in a moment."
    return f"This form was already submitted, so nothing was sent again. {came}"


def action_not_sent(action: JobAction) -> str:
    """Return that an action did not reach the API."""
    unaffected = "" if action is JobAction.CREATE else " The job isn't affected."
    return f"I couldn't reach the API, so nothing was sent.{unaffected} Try again in a minute."


def action_refused(action: JobAction, why: str) -> str:
    """Return the API's refusal; ``why`` is its error, untrusted."""
    return f"The API refused to {action} it: {safe_text(why, 500).rstrip('.')}."


def action_checked(action: JobAction, job: Job) -> str:
    """Return the result of an unconfirmed action, as a later read of the job shows it."""
    return f"The API didn't confirm the {action}, so I checked the job. {job_after_action(action, job)}"


def action_unconfirmed(action: JobAction, job: Job | None) -> str:
    """Return that an action is unconfirmed so far; ``job`` is a read after it, None if that failed, too."""
    if action is JobAction.CREATE:
        return (
            "The API didn't confirm the create, and there's no such job yet. It may still appear. I'll keep checking for a "
            "minute, won't send it again, and let you know. `/ftjob list` shows the latest jobs."
        )
    seen = f"so I checked the job. {job_after_action(action, job)}" if job else "and I couldn't read the job either."
    return (
        f"The API didn't confirm the {action}, {seen} The request may still have arrived. I'll keep watching and let you "
        "know. `/ftjob status` shows the job at any time."
    )


def action_unresolved(action: JobAction, job_id: str, job: Job | None) -> str:
    """Return that the bot stopped waiting for the result of an unconfirmed action."""
    if action is JobAction.CREATE:
        return (
            "I couldn't confirm whether the job was created, and I can't find it. I won't send the request again "
            "automatically. Check `/ftjob list`, and create the job again if it isn't there."
        )
    seen = f"{code_span(job_id)} {status_phrase(job.status)}" if job else "I can't read the job right now"
    return (
        f"I couldn't confirm the {action}, and {seen}. I won't send the request again automatically. Check "
        "`/ftjob status`, and try again if you still need to."
    )
