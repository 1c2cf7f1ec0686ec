"""`cancel`, `pause` and `resume`: each asks for a confirmation first; `confirm` executes the action."""

from dataclasses import dataclass

from bot.blocks.action_confirmation import action_confirmation
from bot.blocks.job import job_reference, status_phrase
from bot.blocks.parts import format_date
from bot.blocks.replies import note_message
from bot.commands.accounts import Account
from bot.commands.arguments import one_job_id
from bot.commands.command import Command, Reply, Requester
from bot.commands.last_known import job_state
from bot.commands.services import Services
from bot.commands.usage import Usage, usage_error
from bot.errors import UserError
from bot.jobs.actions import ACTION_WORDING, Applicability, Decision, JobAction, applicability
from bot.jobs.models import Job
from bot.store.actions.confirmations import Confirmation

CANCEL = Usage("cancel <id>", "cancel a job (asks for confirmation; operators only)", "cancel ftjob-abc123")
PAUSE = Usage("pause <id>", "pause a running job (asks for confirmation; operators only)", "pause ftjob-abc123")
RESUME = Usage("resume <id>", "resume a paused job (asks for confirmation; operators only)", "resume ftjob-abc123")

NOT_APPLICABLE = {
    Applicability.TOO_EARLY: Decision.EARLY,
    Applicability.ALREADY: Decision.ALREADY,
    Applicability.TOO_LATE: Decision.FINISHED,
}
"""What the audit records of an action that does not apply to its job."""


@dataclass(frozen=True)
class ActionCommand(Command):
    """An action on one job; its verb is the action."""


@dataclass(frozen=True)
class CancelCommand(ActionCommand):
    """`cancel`."""

    verb = JobAction.CANCEL.value


@dataclass(frozen=True)
class PauseCommand(ActionCommand):
    """`pause`."""

    verb = JobAction.PAUSE.value


@dataclass(frozen=True)
class ResumeCommand(ActionCommand):
    """`resume`."""

    verb = JobAction.RESUME.value


def parse_cancel(words: list[str], requester: Requester) -> CancelCommand:
    """Read the words after `cancel`."""
    return CancelCommand(requester, _job_id(CANCEL, words))


def parse_pause(words: list[str], requester: Requester) -> PauseCommand:
    """Read the words after `pause`."""
    return PauseCommand(requester, _job_id(PAUSE, words))


def parse_resume(words: list[str], requester: Requester) -> ResumeCommand:
    """Read the words after `resume`."""
    return ResumeCommand(requester, _job_id(RESUME, words))


def _job_id(usage: Usage, words: list[str]) -> tuple[str, ...]:
    otherwise = "Name one job at a time, because each needs its own confirmation."
    if words and words[0].casefold() in ("all", "*"):
        raise usage_error(usage, otherwise)
    return one_job_id(usage, words, otherwise=otherwise)


async def run(command: ActionCommand, services: Services, account: Account) -> Reply:
    """Show what is at stake, with the one button that confirms the action."""
    action = JobAction(command.verb)
    if action not in account.client.actions:
        done = ACTION_WORDING[action].done
        raise UserError(f"Jobs in {account.label} can't be {done}. The provider doesn't support it.")
    job = (await account.client.retrieve(command.job_ids[0])).job
    if (found := applicability(action, job.status)) is not Applicability.APPLICABLE:
        text = not_applicable_text(action, job)
        return Reply(note_message(text), decision=NOT_APPLICABLE[found], reason=status_reason(job))
    return await request_confirmation(action, job, command.requester, services, account)


async def request_confirmation(
    action: JobAction,
    job: Job,
    requester: Requester,
    services: Services,
    account: Account,
    *,
    reconfirm_reason: str = "",
) -> Reply:
    """Store a pending action and ask its requester to confirm it; ``reconfirm_reason`` says why they are asked again."""
    where = (requester.person, requester.channel, requester.team)
    key = await services.store.actions.confirmations.create(
        Confirmation(action, account.name, job.id, *where, job.status)
    )
    links = services.render_context.job_links(account.name, job, tracked=False)
    state = await job_state(job, account, services, at=services.now())
    message = action_confirmation(action, job, links, state, key=key, reconfirm_reason=reconfirm_reason)
    again = bool(reconfirm_reason)
    return Reply(message, replaces=again, decision=Decision.EXPIRED if again else Decision.PROMPTED)


def status_reason(job: Job) -> str:
    """Return why an action does not apply, for the audit."""
    return f"the job {status_phrase(job.status)}"


def not_applicable_text(action: JobAction, job: Job) -> str:
    """Return why an action does not apply, safe mrkdwn."""
    if job.is_final:
        finished = f" ({format_date(job.finished_at)})" if job.finished_at else ""
        return (
            f"Nothing to {action}. {job_reference(job)} has already finished: it {status_phrase(job.status)}{finished}."
        )
    words = ACTION_WORDING[action]
    return (
        f"Nothing to {action}. {job_reference(job)} {status_phrase(job.status)}, and only {words.target_jobs} jobs can be "
        f"{words.done}."
    )
