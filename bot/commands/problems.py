"""What to tell a person when something did not work: what happened, and what to do next."""

from bot.access import Policy, Why
from bot.blocks.parts import code, mention, plain
from bot.errors import (
    AccessRefused,
    BrokenAnswer,
    NotFound,
    ProviderError,
    RateLimited,
    RequestRefused,
    Unreachable,
)

INVITE = "I am not in that channel, or cannot see it. Type `/invite @ftjob` there, then run this again."
STRANGE = "Something went wrong here that I did not expect. Your job is not affected. Please try again."
STALE = "This button is out of date. Run `/ftjob cancel` with the job's id again to get a new one."

_REFUSALS = {
    Why.READ_ONLY: "Cancelling is switched off here (FTJOB_READ_ONLY).",
    Why.STRANGER: "I answer only members of this workspace.",
    Why.GUEST: "Guests of this workspace may not use me. Ask a member of your channel.",
    Why.NOT_A_PERSON: "I answer only people.",
    Why.SLACK_UNREACHABLE: "I could not ask Slack who you are, so I did nothing. Please try again in a minute.",
}


def refusal(why: Why, policy: Policy) -> str:
    """Return why somebody may not do this, and who may."""
    if why in _REFUSALS:
        return _REFUSALS[why]
    named = [mention(operator) for operator in sorted(policy.operators) if operator[0] in "UW"]
    named += [f"the user group {code(group)}" for group in sorted(policy.operators) if group[0] == "S"]
    others = f", and {', '.join(named)}" if named else ""
    return f"You may not do this. Admins and owners of this workspace may{others}."


def upstream(error: ProviderError, *, place: str, job_id: str | None = None) -> str:
    """Return what a fine-tuning API's refusal means for the person who asked; ``place`` names the project."""
    match error:
        case NotFound():
            what = f"No fine-tuning job {code(job_id)}" if job_id else "Nothing"
            return (
                f"{what} in {place}. Check the id with `/ftjob list`; it may also belong to another project "
                "or organisation than this bot's API key."
            )
        case AccessRefused(missing_scope=str(scope)):
            return f"The API key of this bot lacks the scope {code(scope)}. Ask who runs this bot to add it."
        case AccessRefused():
            return (
                f"The API refused this bot's key: {_said(error)} It may have been revoked. "
                "Ask who runs this bot to put in a new one."
            )
        case RateLimited(retry_after=seconds):
            return f"The API asks for a pause of {seconds:.0f} s. Your job is not affected; try again then."
        case RequestRefused():
            return f"The API refused this: {_said(error)}"
        case Unreachable() | BrokenAnswer():
            return (
                f"The API did not give a usable answer: {_said(error)} Your job is not affected; try again in a minute."
            )
        case _:
            return f"The API did not do this: {_said(error)}"


def unposted(error: str | None) -> str:
    """Return why a card could not be posted, and what to do."""
    if error in ("not_in_channel", "channel_not_found"):
        return INVITE
    if error == "is_archived":
        return "That channel is archived, so I cannot tell anything there. Nothing was stored."
    return f"Slack did not take my message ({code(error or 'no answer')}), so nothing was stored. Please try again."


def _said(error: ProviderError) -> str:
    return plain(str(error), 300).rstrip(".") + "."
