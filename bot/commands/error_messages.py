"""Error messages for people in Slack: what happened, and what to do next."""

from collections.abc import Collection

from bot.blocks.outbox import delivery_error
from bot.blocks.parts import MAX_ID_LENGTH, code_span, counted, safe_text, user_mention
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
from bot.providers.http.refusals import MEANINGS, NO_QUOTA
from bot.slack.errors import MAYBE_POSTED, SHARED_CHANNEL, SHARING_UNKNOWN
from bot.store.actions.confirmations import PendingAction

INVITE_HERE = "I'm not in this channel yet. Type `/invite @ftjob` here, then try again."
INVITE = "I'm not in that channel, or I can't see it. Type `/invite @ftjob` there, then try again."
NO_MEMBER = (
    "I can't post in {where}, and no one can invite me here. Run this in a channel, or run `/ftjob track &lt;id&gt; me` to "
    "get alerts as DMs."
)
UNEXPECTED_ERROR = "Something went wrong. Try again. If it keeps happening, send your ftjob admin the ref below."
STOPPED = (
    "Done. If those alerts were turned on here, they're off now. If you muted them, they'll be back when the mute ends. To turn "
    "everything off, run `/ftjob unsubscribe all` and `/ftjob untrack all`."
)
"""The same whether anything matched: it tells nothing of any job."""
CONTACT_ADMIN = "Ask your ftjob admin"
TRAINING_CLOSED = (
    "OpenAI is shutting down fine-tuning and no longer accepts new jobs from your organization. It stopped accepting them in "
    "May 2026 from organizations that had never fine-tuned, and in July 2026 from those that hadn't used a fine-tuned model in 60 days. "
    "Fine-tuning ends for everyone on January 6, 2027. Existing fine-tuned models keep working until their base model is shut down. "
    "Another account, such as one on Azure, may still accept the job. Ask your ftjob admin to add one."
)

_ACCESS_FIXES = {
    AccessDenialReason.KEY: "It may have been revoked. {ask} to replace it.",
    AccessDenialReason.PERMISSION: "{ask} to check the key's permissions.",
    AccessDenialReason.ACCOUNT: "{ask} to contact the provider.",
    AccessDenialReason.PROJECT: "{ask} to fix it.",
    AccessDenialReason.REGION: "The key is fine. {ask} to run ftjob, or a proxy for it, in a supported region.",
    AccessDenialReason.IP_ADDRESS: "The key is fine. {ask} to have the provider allow the address.",
    AccessDenialReason.INTERMEDIARY: (
        "The key isn't the problem. Try again in a minute. If that doesn't help, ask your ftjob admin to check the network and "
        "proxy."
    ),
}
"""What to do where an API does not let the bot in."""

_DENIALS = {
    DenialReason.READ_ONLY: (
        "ftjob is read-only here (FTJOB_READ_ONLY), so actions like cancel are off. Ask your ftjob admin to change that."
    ),
    DenialReason.EXTERNAL_USER: "Only members of this workspace can use ftjob. Ask one of them for help.",
    DenialReason.GUEST: "Guests can't use ftjob. Ask a full member of this workspace for help.",
    DenialReason.GUEST_READS_ONLY: "Guests can only view jobs. Ask a full member of this workspace for help.",
    DenialReason.NOT_A_PERSON: "Bots can't use ftjob. Run this yourself, signed in as a member of this workspace.",
    DenialReason.SLACK_UNREACHABLE: "I couldn't reach Slack to check who you are, so I did nothing. Try again in a minute.",
    DenialReason.NO_SUCH_PERSON: (
        "Slack doesn't list you as a member of this workspace, and only members can use ftjob. Ask one of them for help."
    ),
    DenialReason.UNREADABLE: "Slack didn't say whether you're a member, so I did nothing. Try again in a minute.",
    DenialReason.SLACK_REFUSES: (
        "Slack won't let me check who you are, so I did nothing. Ask your ftjob admin to run `ftjob check`."
    ),
    DenialReason.STARTING: "I'm still starting up, so I did nothing. Try again in a moment.",
}

TEMPORARY = frozenset(
    {DenialReason.SLACK_UNREACHABLE, DenialReason.UNREADABLE, DenialReason.SLACK_REFUSES, DenialReason.STARTING}
)
"""Refusals that say nothing of the person: another try may be answered."""


def denial(reason: DenialReason, policy: Policy) -> str:
    """Return why somebody may not do this, and who may."""
    if reason in _DENIALS:
        return _DENIALS[reason]
    *others, last = ["a workspace admin or owner", *operator_names(policy.operators)]
    return f"Only operators can do this. Ask {', '.join([*others, f'or {last}']) if others else last}."


def operator_names(operators: Collection[str]) -> list[str]:
    """Return what to call each user and user group that the settings name as operators, safe mrkdwn."""
    people = [user_mention(operator) for operator in sorted(operators) if operator.startswith(("U", "W"))]
    groups = [f"anyone in the user group {code_span(group)}" for group in sorted(operators) if group.startswith("S")]
    return [*people, *groups]


def expired(pending: PendingAction) -> str:
    """Return that a button or form was used already or is too old, and how to get another."""
    confirmation = pending.confirmation
    if confirmation.verb == JobAction.CREATE:
        return "This form was already submitted, or it's more than an hour old. Run `/ftjob create` for a new one."
    again = code_span(f"/ftjob {confirmation.verb} {confirmation.job_id}", MAX_ID_LENGTH + 20)
    return f"This button was already used, or it's more than 10 minutes old. Run {again} again for a new one."


def not_yours(pending: PendingAction | None, *, is_form: bool) -> str:
    """Return that a button or form was never given to this person here; ``pending`` is what it belongs to, if anything."""
    if is_form:
        return "This form isn't yours, so nothing was sent. If you're an admin, owner, or operator, run `/ftjob create` yourself."
    known = pending is not None and pending.confirmation.verb != JobAction.CREATE
    verbs = f"`/ftjob {pending.confirmation.verb}`" if pending and known else "`/ftjob cancel`, `pause`, or `resume`"
    return (
        f"This confirmation isn't yours, so the button did nothing. If you're an admin, owner, or operator, run {verbs} with the "
        "job's ID yourself."
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
            return str(error)
        case NotFound():
            if job_id is None:
                return f"The API endpoint for {project} wasn't found. {CONTACT_ADMIN} to check its URL."
            return (
                f"I couldn't find job {code_span(job_id)} in {project}. Check the ID with `/ftjob list`. The job may belong to "
                "a different project or organization than ftjob's API key."
            )
        case AccessDenied():
            return _access_refused(error)
        case QuotaExceeded():
            return f"{NO_QUOTA}: {_said(error)} {CONTACT_ADMIN} to add credit or raise the spending limit."
        case RateLimited(retry_after=seconds):
            wait = counted(round(seconds), "second")
            return f"The API is rate-limiting ftjob. Your jobs aren't affected. Try again in {wait}."
        case TrainingClosed():
            return TRAINING_CLOSED
        case RequestRejected():
            return f"The API rejected this request: {_said(error)} Check the command and try again."
        case Unreachable() | InvalidResponse():
            return _no_response(error)
        case _:
            return (
                f"The API couldn't complete the request: {_said(error)} Try again in a minute, or ask your ftjob admin."
            )


def _no_response(error: Unreachable | InvalidResponse) -> str:
    if isinstance(error, Unreachable) and error.todo:
        return f"I can't reach the API: {_said(error)} Your jobs aren't affected. {CONTACT_ADMIN} to fix it."
    return f"The API isn't responding properly: {_said(error)} Your jobs aren't affected. Try again in a minute."


def _access_refused(error: AccessDenied) -> str:
    if error.missing_scope is not None:
        return f"ftjob's API key is missing the scope {code_span(error.missing_scope)}. {CONTACT_ADMIN} to add it."
    happened = {**MEANINGS, AccessDenialReason.KEY: "The API rejected ftjob's key"}.get(error.reason)
    said = f"{happened}: {_said(error)}" if happened else _said(error)
    return f"{said} {_ACCESS_FIXES[error.reason].format(ask=CONTACT_ADMIN)}"


def rate_limited(limited: Limited) -> str:
    """Return which limit is reached, and when to go on."""
    rate = f"{limited.limit.most} {{}} per {limited.limit.seconds:g} seconds"
    problem = {
        LimitKind.PERSON: f"You're going a bit fast (limit: {rate.format('commands')}).",
        LimitKind.WORKSPACE: f"Your workspace is sending commands too fast (limit: {rate.format('commands')} across the workspace).",
        LimitKind.OTHERS: f"Too many commands (limit: {rate.format('help, unknown, or denied commands')} across the workspace).",
        LimitKind.ACTIONS: f"Too many action requests, so I ignored this one (limit: {rate.format('of each action')} across the workspace).",
        LimitKind.CONCURRENT: f"I'm busy with {limited.limit.most} other commands.",
    }[limited.kind]
    return f"{problem} Try again in {counted(limited.seconds, 'second')}."


def quota(most: int, account: str | None = None) -> str:
    """Return that no more jobs can be tracked by hand, and what makes room; ``account`` is its name, if there are several."""
    where = f" in account {code_span(account)}" if account else ""
    return (
        f"ftjob is at its limit of {most:,} active jobs tracked with `/ftjob track`{where}, counting all channels. Untrack some with "
        "`/ftjob untrack &lt;id&gt;`, or all in a channel with `/ftjob untrack all`. Jobs tracked by a subscription don't count toward this limit."
    )


def post_failed(
    error: str | None, channel: str = "", requester: Requester | None = None, *, outcome: str = "nothing was saved"
) -> str:
    """Return why a message could not be posted in a channel, and what to do where the asker is.

    Args:
        error: Slack's error; None: Slack did not confirm it.
        channel: where it was to be posted.
        requester: who typed the command, and where.
        outcome: what follows from it, as a clause.
    """
    is_here = requester is not None and requester.channel == channel
    this, here = ("this", "here") if is_here else ("that", "there")
    if error in ("not_in_channel", "channel_not_found"):
        return _not_there(channel, requester.channel_name if requester and is_here else "", is_here=is_here)
    if error == SHARED_CHANNEL:
        return (
            f"{this.capitalize()} channel is shared with another company, so people outside your company would see your job updates. Choose "
            "another one, or ask your ftjob admin to allow it with FTJOB_ALLOW_SHARED_CHANNELS=1."
        )
    if error == SHARING_UNKNOWN:
        return (
            f"I can't tell whether {this} channel is shared with another company, so I won't post {here}. Ask your ftjob admin to "
            "grant the scopes channels:read and groups:read, or to allow such channels with FTJOB_ALLOW_SHARED_CHANNELS=1."
        )
    if error == "is_archived":
        return f"{this.capitalize()} channel is archived, so I can't post {here}. {outcome.capitalize()}. Try another channel."
    if error is None or error in MAYBE_POSTED:
        destination = {"D": f"{this} DM", "U": "your DMs", "W": "your DMs"}.get(channel[:1], f"{this} channel")
        return f"Slack didn't confirm my message, so it may not be {here}. Nothing was saved. Check {destination}, then try again."
    if error == "unreachable":
        return f"Slack isn't responding properly, so {outcome}. Try again in a minute."
    advice = " ".join(delivery_error(error, channel or "C") or ["Try again."])
    advice = advice.replace(" there", " here").replace(" that ", " this ") if is_here else advice
    return f"Slack rejected my message ({code_span(error)}), so {outcome}. {advice}"


def _not_there(channel: str, name: str, *, is_here: bool) -> str:
    """Return what to do where the bot is no member: nobody can be invited to messages between people."""
    if channel.startswith(("U", "W")):
        return "Slack won't let me DM you, so nothing was saved. Leave off `me` and run this in a channel."
    if channel.startswith("D"):
        return NO_MEMBER.format(where="this DM")
    if name.startswith("mpdm-"):
        return NO_MEMBER.format(where="this group DM")
    return INVITE_HERE if is_here else INVITE


def _said(error: ProviderError) -> str:
    return safe_text(str(error), 300).rstrip(".") + "." if str(error).strip(". ") else "no reason given."
