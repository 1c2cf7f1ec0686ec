"""Results of an action: sent, refused, not sent, unconfirmed. Each text is safe mrkdwn."""

from bot.blocks.job import job_reference, status_label, status_phrase
from bot.blocks.parts import safe_text
from bot.jobs.actions import JobAction
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of


def job_after_action(action: JobAction, job: Job) -> str:
    """Return the status of a job after an action."""
    if action is JobAction.CREATE:
        return f"{job_reference(job)} {status_phrase(job.status)}."
    if phase_of(job.status) is Phase.CANCELLED:
        return f"{job_reference(job)} was canceled."
    if job.is_final:
        return f"{job_reference(job)} had already finished: it {status_phrase(job.status)}."
    return f"{job_reference(job)} {status_phrase(job.status)}. If it's tracked, I'll post the result."


def action_sent(action: JobAction, job: Job) -> str:
    """Return that the API accepted an action."""
    if action is JobAction.CREATE:
        return f"Created {job_reference(job)}. It {status_phrase(job.status)}."
    after = job_after_action(action, job)
    return after if job.is_final else f"{action.capitalize()} request sent. {after}"


def status_moved_on(displayed_status: str | None, status: str) -> str:
    """Return how a job's status changed between its confirmation and the button; empty if it did not."""
    if displayed_status is None or displayed_status == status:
        return ""
    before, after = status_label(displayed_status).lower(), status_label(status).lower()
    return f"The job changed from {before} to {after} before you confirmed."


def already_submitted(result: str | None) -> str:
    """Return that a form was already submitted, with its result; ``result`` is None while that is unknown."""
    came = f"The result was: {result}" if result else "The job is being created. Check `/ftjob list` in a moment."
    return f"This form was already submitted, so nothing was sent again. {came}"


def action_not_sent(action: JobAction) -> str:
    """Return that an action did not reach the API."""
    unaffected = "" if action is JobAction.CREATE else " The job isn't affected."
    return f"I couldn't reach the API, so nothing was sent.{unaffected} Try again in a minute."


def action_refused(action: JobAction, why: str) -> str:
    """Return the API's refusal; ``why`` is its error, untrusted."""
    return f"The API rejected the {action} request: {safe_text(why, 500).rstrip('.')}."


def action_checked(action: JobAction, job: Job) -> str:
    """Return the result of an unconfirmed action, as a later read of the job shows it."""
    return f"The API didn't confirm the {action} request, so I checked the job. {job_after_action(action, job)}"


def action_unconfirmed(action: JobAction, job: Job | None) -> str:
    """Return that an action is unconfirmed so far; ``job`` is a read after it, None if that failed, too."""
    if action is JobAction.CREATE:
        return (
            "The API didn't confirm that the job was created, and I can't find it yet. It may still appear. I won't "
            "send the request again. I'll keep checking for a minute and let you know either way. `/ftjob list` shows the latest jobs."
        )
    seen = (
        f"so I checked the job: {job_reference(job)} {status_phrase(job.status)}."
        if job
        else "and I couldn't read the job either."
    )
    return (
        f"The API didn't confirm the {action} request, {seen} The request may still go through, so I'll keep checking for a "
        "minute and let you know. To check on the job, run `/ftjob status &lt;id&gt;`."
    )


def action_unresolved(action: JobAction, job: Job | None) -> str:
    """Return that the bot stopped waiting for the result of an unconfirmed action."""
    if action is JobAction.CREATE:
        return (
            "I couldn't confirm whether the job was created, and I can't find it. I won't send the request again "
            "automatically. Check `/ftjob list`, and create the job again if it isn't there."
        )
    seen = f"{job_reference(job)} {status_phrase(job.status)}." if job else "I can't read the job right now."
    return (
        f"I couldn't confirm that the {action} request went through. {seen} I won't send the request again automatically. Check "
        "`/ftjob status &lt;id&gt;`, and try again if you still need to."
    )
