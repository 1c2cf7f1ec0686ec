"""Error messages for people in Slack: what happened, and what to do next."""

from bot.blocks.outbox import delivery_error
from bot.blocks.parts import MAX_ID_LENGTH, code_span, safe_text, user_mention
from bot.commands.command import Requester
from bot.commands.permissions import DenialReason, Policy
from bot.commands.rate_limit import Limited, LimitKind
from bot.errors import (
    AccessDenialReason,
    AccessDenied,
    InvalidResponse,
    NotFound,
    NotSupported,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    TrainingClosed,
    Unreachable,
)
from bot.jobs.actions import JobAction
from bot.providers.refusals import MEANINGS, NO_QUOTA
from bot.slack.errors import SHARED_CHANNEL, SHARING_UNKNOWN
from bot.store.actions.confirmations import PendingAction

INVITE = "I am not in that channel, or cannot see it. Type `/invite @ftjob` there, then run this again."
NO_MEMBER = (
    "I can't post in {where}, and nobody can invite me there. Type `/ftjob track` with the job's id and `me` to hear of it "
    "in your direct messages, or run this in a channel."
)
UNEXPECTED_ERROR = (
    "Something went wrong here that I did not expect. Please try again; if it happens again, give whoever runs this "
    "bot the ref below."
)
STOPPED = "Done. What you named isn't sent to you here anymore, or, if you muted it, not until the mute ends."
CONTACT_ADMIN = "Ask whoever runs this bot"
TRAINING_CLOSED = (
    "OpenAI is closing fine-tuning and takes no new jobs from your organisation: since May 2026 from those that had never "
    "fine-tuned, since July 2026 from those whose fine-tuned models were not used for 60 days, and from 6 January 2027 from "
    "all. Jobs and models that are there stay until their base model is shut down. Another account, such as one of "
    "Azure, may still take the job: ask whoever runs this bot to add it (docs/accounts.md)."
)

_ACCESS_FIXES = {
    AccessDenialReason.KEY: "It may have been revoked. {ask} to put in a new one.",
    AccessDenialReason.PERMISSION: "{ask} to check what the key may do.",
    AccessDenialReason.ACCOUNT: "{ask} to take it up with the provider.",
    AccessDenialReason.PROJECT: "{ask} to correct it.",
    AccessDenialReason.REGION: "My key is fine. {ask} to run me, or a proxy for me, somewhere else.",
    AccessDenialReason.IP_ADDRESS: "My key is fine. {ask} to allow the address with the provider.",
    AccessDenialReason.INTERMEDIARY: "My key is not the problem. {ask} to check the network and its proxy, or try again in a minute.",
}
"""What to do where an API does not let the bot in."""

_DENIALS = {
    DenialReason.READ_ONLY: "Orders such as cancel are switched off here (FTJOB_READ_ONLY). Ask whoever runs this bot to switch it on.",
    DenialReason.EXTERNAL_USER: "I answer only members of this workspace. Ask one of them.",
    DenialReason.GUEST: "Guests of this workspace may not use me. Ask a member of your channel.",
    DenialReason.GUEST_READS_ONLY: "Guests of this workspace can only look things up here. Ask a member of your channel to do this.",
    DenialReason.NOT_A_PERSON: "I answer only people. Ask me yourself, signed in as a member of this workspace.",
    DenialReason.SLACK_UNREACHABLE: "I could not ask Slack who you are, so I did nothing. Please try again in a minute.",
    DenialReason.NO_SUCH_PERSON: (
        "Slack doesn't show you to me as a member of this workspace, and I answer only members. Ask one of them."
    ),
    DenialReason.UNREADABLE: "Slack didn't tell me whether you are a member, so I did nothing. Please try again in a minute.",
    DenialReason.SLACK_REFUSES: (
        "Slack doesn't let me ask who you are, so I did nothing. Ask whoever runs this bot to run `ftjob check`."
    ),
    DenialReason.STARTING: "I'm still starting, so I did nothing. Please try again in a moment.",
}

TEMPORARY = frozenset(
    {DenialReason.SLACK_UNREACHABLE, DenialReason.UNREADABLE, DenialReason.SLACK_REFUSES, DenialReason.STARTING}
)
"""Refusals that say nothing of the person: another try may be answered."""


def denial(reason: DenialReason, policy: Policy) -> str:
    """Return why somebody may not do this, and who may."""
    if reason in _DENIALS:
        return _DENIALS[reason]
    operators = [user_mention(operator) for operator in sorted(policy.operators) if operator.startswith(("U", "W"))]
    operators += [f"the user group {code_span(group)}" for group in sorted(policy.operators) if group.startswith("S")]
    others = f", and so may {', '.join(operators)}" if operators else ""
    return f"You may not do this. Admins and owners of this workspace may{others}: ask one of them."


def expired(pending: PendingAction) -> str:
    """Return that a button or form was used already or is too old, and how to get another."""
    confirmation = pending.confirmation
    if confirmation.verb == JobAction.CREATE:
        return "This form was submitted already, or is older than an hour. Run `/ftjob create` for a new one."
    again = code_span(f"/ftjob {confirmation.verb} {confirmation.job_id}", MAX_ID_LENGTH + 20)
    return f"This button was used already, or is older than 10 minutes. Run {again} again to get a new one."


def not_yours(pending: PendingAction | None, *, is_form: bool) -> str:
    """Return that a button or form was never given to this person here; ``pending`` is what it belongs to, if anything."""
    if is_form:
        return (
            "You may not submit this form: I never opened it for you here, so nothing was sent. Run `/ftjob create` "
            "yourself; admins, owners and the operators of this bot may."
        )
    known = pending is not None and pending.confirmation.verb != JobAction.CREATE
    verbs = f"`/ftjob {pending.confirmation.verb}`" if pending and known else "`/ftjob cancel`, `pause` or `resume`"
    return (
        f"You may not press this button: I never put that question to you here. Run {verbs} with the job's id "
        "yourself; admins, owners and the operators of this bot may."
    )


def provider_error(error: ProviderError, *, project: str, job_id: str | None = None, account: str | None = None) -> str:
    """Return what a fine-tuning API's refusal means for the person who asked.

    Args:
        error: how it refused.
        project: what to call the project, safe mrkdwn.
        job_id: the job that it was asked about.
        account: the name of the account, where there are several.
    """
    said = _upstream(error, project=project, job_id=job_id)
    return said if account is None or isinstance(error, NotFound) else f"Account {code_span(account)}: {said}"


def _upstream(error: ProviderError, *, project: str, job_id: str | None) -> str:
    match error:
        case NotSupported():
            return f"{error} Ask the provider's own page or client for it."
        case NotFound():
            if job_id is None:
                return f"The API does not know what I asked it for in {project}. {CONTACT_ADMIN} to check its address."
            return (
                f"No fine-tuning job {code_span(job_id)} in {project}. Check the id with `/ftjob list`; it may also belong to another project "
                "or organisation than this bot's API key."
            )
        case AccessDenied():
            return _access_refused(error)
        case QuotaExceeded():
            return f"{NO_QUOTA}: {_said(error)} {CONTACT_ADMIN} to check its billing."
        case RateLimited(retry_after=seconds):
            return f"The API asks for a pause of {seconds:.0f} s. Your job is not affected; try again after that."
        case TrainingClosed():
            return TRAINING_CLOSED
        case RequestRejected():
            return f"The API refused this: {_said(error)} Correct what you asked for, then run it again."
        case Unreachable() | InvalidResponse():
            return _no_response(error)
        case _:
            return f"The API did not do this: {_said(error)} {CONTACT_ADMIN}, or try again in a minute."


def _no_response(error: Unreachable | InvalidResponse) -> str:
    if isinstance(error, Unreachable) and error.todo:
        return f"I can't reach the API: {_said(error)} Your job is not affected. {CONTACT_ADMIN} to look at it."
    return f"The API did not give a usable answer: {_said(error)} Your job is not affected; try again in a minute."


def _access_refused(error: AccessDenied) -> str:
    if error.missing_scope is not None:
        return f"The API key of this bot lacks the scope {code_span(error.missing_scope)}. {CONTACT_ADMIN} to add it."
    happened = {**MEANINGS, AccessDenialReason.KEY: "The API refused this bot's key"}.get(error.reason)
    said = f"{happened}: {_said(error)}" if happened else _said(error)
    return f"{said} {_ACCESS_FIXES[error.reason].format(ask=CONTACT_ADMIN)}"


def rate_limited(limited: Limited) -> str:
    """Return which limit is reached, and when to go on."""
    most, seconds = limited.limit.most, f"{limited.limit.seconds:g} s"
    limit = {
        LimitKind.PERSON: f"I take {most} commands in {seconds} from one person",
        LimitKind.WORKSPACE: f"I take {most} commands in {seconds} from everybody together",
        LimitKind.OTHERS: f"I take {most} commands in {seconds} that I refuse, that I do not know, or that ask for help",
        LimitKind.ACTIONS: f"I take {most} orders in {seconds} from everybody together, and this one was not sent",
        LimitKind.CONCURRENT: f"I am busy with {most} commands",
    }[limited.kind]
    return f"Slow down, please: {limit}. Please try again in {limited.seconds} s."


def quota(most: int) -> str:
    """Return that no more jobs can be tracked by hand, and what makes room."""
    return (
        f"{most:,} jobs that are not over yet are tracked here and in other channels by `/ftjob track`, and that is the "
        "most. Run `/ftjob untrack` for some, or `untrack all`, then try again; `/ftjob subscribe` is not limited."
    )


def post_failed(error: str | None, channel: str = "", requester: Requester | None = None) -> str:
    """Return why a card could not be posted in a channel, and what to do where the asker is."""
    name = requester.channel_name if requester and requester.channel == channel else ""
    if error in ("not_in_channel", "channel_not_found"):
        return _not_there(channel, name)
    if error == SHARED_CHANNEL:
        return (
            "That channel is shared with another company, whose people would read all that I say of your jobs. Choose "
            "another one; whoever runs this bot can allow it with FTJOB_ALLOW_SHARED_CHANNELS=1."
        )
    if error == SHARING_UNKNOWN:
        return (
            "I may not see whether that channel is shared with another company, so I stay out of it. Whoever runs this bot "
            "can grant the scopes channels:read and groups:read, or allow such channels with FTJOB_ALLOW_SHARED_CHANNELS=1."
        )
    if error == "is_archived":
        return "That channel is archived, so I cannot tell anything there. Nothing was stored. Try another channel."
    why, fix = delivery_error(error, channel or "C") or ("", "Please try again.")
    return f"Slack did not take my message ({code_span(error or 'no answer')}), so nothing was stored. {why} {fix}".replace(
        "  ", " "
    )


def _not_there(channel: str, name: str) -> str:
    """Return what to do where the bot is no member: nobody can be invited to messages between people."""
    if channel.startswith(("U", "W")):
        return "Slack doesn't let me write to you in direct messages, so nothing was stored. Run this in a channel, without `me`."
    if channel.startswith("D"):
        return NO_MEMBER.format(where="your direct messages with somebody else")
    if name.startswith("mpdm-"):
        return NO_MEMBER.format(where="a group message")
    return INVITE


def _said(error: ProviderError) -> str:
    return safe_text(str(error), 300).rstrip(".") + "." if str(error).strip(". ") else "it gave no reason."
