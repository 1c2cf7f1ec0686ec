"""Parts that all messages about one job share: status emoji and label, sentence, values, failure and buttons."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Block,
    actions,
    button,
    code_span,
    format_date,
    format_duration,
    format_utc,
    safe_text,
    section,
    user_mention,
)
from bot.jobs.actions import JobAction
from bot.jobs.models import Job, JobError
from bot.jobs.prices import cost_of
from bot.jobs.statuses import Phase, phase_of

REFRESH = "ftjob_refresh"
SHOW = "ftjob_show"
"""Shows one job of a list: unlike a refresh, the reply never replaces the message with the button."""
TRACK = "ftjob_track"
UNTRACK = "ftjob_untrack"
CANCEL = "ftjob_cancel"
PAUSE = "ftjob_pause"
RESUME = "ftjob_resume"
DETAILS = "ftjob_details"
OPEN_PAGE = "ftjob_open_page"

_EMOJI_OF_STATUS = {"validating_files": ":mag:", "queued": ":hourglass_flowing_sand:"}
_EMOJI_OF_PHASE = {
    Phase.WAITING: ":hourglass_flowing_sand:",
    Phase.ACTIVE: ":gear:",
    Phase.HELD: ":double_vertical_bar:",
    Phase.SUCCEEDED: ":white_check_mark:",
    Phase.FAILED: ":x:",
    Phase.CANCELLED: ":no_entry_sign:",
    Phase.UNKNOWN: ":grey_question:",
}
_FINAL_PHRASES = {Phase.SUCCEEDED: "succeeded", Phase.FAILED: "failed", Phase.CANCELLED: "was cancelled"}
_ADJECTIVES = frozenset("queued paused pending created scheduled".split())
_CENT = 0.01
_MAX_WORD_LENGTH = 40
_MAX_REASON_LENGTH = 300


@dataclass(frozen=True)
class JobLinks:
    """What a message about a job needs beside the job: its page, account and price, and the actions to offer."""

    page_url: str | None
    """URL of the provider's page for it; None if unknown."""
    tracked: bool = False
    """Whether the channel that gets the message tracks it."""
    actions: frozenset[JobAction] = frozenset(JobAction)
    """Actions to offer."""
    price: float | None = None
    """US dollars per million trained tokens of its model, if configured."""
    account: str | None = None
    """Name of its account, if there are several."""
    model_hint: str | None = None
    """What its provider requires before a new model can be called, safe mrkdwn."""


def status_emoji(status: str) -> str:
    """Return the emoji of a status; always show it next to the status label."""
    return _EMOJI_OF_STATUS.get(status) or _EMOJI_OF_PHASE[phase_of(status)]


def status_label(status: str) -> str:
    """Return a status for display: "Validating files"."""
    return safe_text(status.replace("_", " "), _MAX_WORD_LENGTH).capitalize() or "Unknown"


def status_phrase(status: str) -> str:
    """Return a status as the predicate of a sentence about a job: "is running", "succeeded", "was cancelled"."""
    label, phrase = status_label(status).lower(), _FINAL_PHRASES.get(phase_of(status))
    if phrase:
        return phrase if label in ("canceled", phrase.split()[-1]) else f"{phrase} ({label})"
    is_adjective = label.split()[0].endswith("ing") or label in _ADJECTIVES
    return f"is {label}" if is_adjective else f"has the status \u201c{label}\u201d"


def job_sentence(job: Job) -> str:
    """Return a job in a sentence or two, for notifications and screen readers."""
    duration = job.duration()
    after = f" after {format_duration(duration)}" if duration is not None else ""
    model = f" ({safe_text(job.model)})" if job.model else ""
    created = f", created {format_utc(job.created_at)}" if job.created_at else ""
    sentence = f"Fine-tuning job {safe_text(job.id)} {status_phrase(job.status)}{after}{model}{created}."
    if job.fine_tuned_model:
        return f"{sentence} The fine-tuned model is {safe_text(job.fine_tuned_model)}"
    error = failure_sentence(job.error) if phase_of(job.status) is Phase.FAILED else None
    return f"{sentence} Error: {error}" if error else sentence


def failure_sentence(error: JobError | None, reason: str | None = None) -> str | None:
    """Return the reason of a failure as one sentence of safe text; None if it is unknown."""
    parts = [part for part in (error.code, error.message) if part] if error else []
    text = safe_text(": ".join(parts) or reason or "", _MAX_REASON_LENGTH).rstrip(".")
    return f"{text}." if text else None


def failure_text(error: JobError | None, reason: str | None = None) -> str | None:
    """Return the provider's error of a failed job, untrusted; None if there is none. ``reason`` comes from the job's log."""
    if error is None:
        return reason
    lines = {"code": error.code, "message": error.message, "param": error.param}
    return "\n".join(f"{label}: {value}" for label, value in lines.items() if value) or reason


def job_headline(job: Job) -> Block:
    """Return the headline of a job: its status and its ID."""
    return section(f"{status_emoji(job.status)} *{status_label(job.status)}* · {code_span(job.id)}")


def job_line(job_id: str, status: str) -> str:
    """Return a job's status and ID for a row of a list, safe mrkdwn."""
    return f"{status_emoji(status)} {status_label(status)} · {code_span(job_id, MAX_ID_LENGTH)}"


def job_buttons(job: Job, links: JobLinks) -> Block:
    """Return the buttons for a job."""
    track = ("Untrack", UNTRACK) if links.tracked else ("Track", TRACK)
    buttons = [
        button("Refresh", REFRESH, job.id, accessibility_label=f"Show the present state of {job.id}"),
        button(*track, job.id, accessibility_label=f"{track[0]} {job.id} in this channel"),
    ]
    if JobAction.RESUME in links.actions and phase_of(job.status) is Phase.HELD:
        buttons.append(button("Resume…", RESUME, job.id, accessibility_label=f"Ask whether to resume {job.id}"))
    if JobAction.CANCEL in links.actions and not job.is_final:
        label = f"Ask whether to cancel {job.id}"
        buttons.append(button("Cancel…", CANCEL, job.id, style="danger", accessibility_label=label))
    buttons.append(button("Details", DETAILS, job.id, accessibility_label=f"Show all that is known of {job.id}"))
    return actions(*buttons, *([page_button(job.id, links.page_url)] if links.page_url else []))


def page_button(job_id: str, url: str) -> Block:
    """Return the button that opens the provider's page for a job."""
    return button("Open page", OPEN_PAGE, job_id, url=url, accessibility_label=f"Open the page of {job_id}")


def key_facts(job: Job, links: JobLinks) -> Iterator[tuple[str, str]]:
    """Yield the most important properties of a job, as labels and safe values."""
    if links.account:
        yield "Account", code_span(links.account)
    if job.model:
        yield "Model", code_span(job.model)
    if job.fine_tuned_model:
        yield "Fine-tuned model", code_span(job.fine_tuned_model)
    if job.created_at:
        yield "Created", format_date(job.created_at)
    if job.finished_at:
        duration = job.duration()
        took = f" (took {format_duration(duration)})" if duration is not None else ""
        yield "Finished", f"{format_date(job.finished_at)}{took}"
    if job.trained_tokens is not None:
        yield "Trained tokens", tokens_and_cost(job.trained_tokens, links.price)
    elif phase_of(job.status) is Phase.SUCCEEDED:
        yield "Trained tokens", "n/a"


def tokens_and_cost(tokens: int, price: float | None) -> str:
    """Return a number of tokens and their cost: "5,768,000 (about $17.30 at $3.00 a million)"."""
    if price is None:
        return f"{tokens:,}"
    cost = cost_of(tokens, price)
    amount = "less than $0.01" if 0 < cost < _CENT else f"about ${cost:,.2f}"
    return f"{tokens:,} ({amount} at ${_format_price(price)} a million)"


def _format_price(price: float) -> str:
    """Return a price with two decimals, or more if it has more."""
    return max(f"{price:,.2f}", f"{price:,.6f}".rstrip("0"), key=len)


def tracked_by(person: str | None) -> str:
    """Return why a job is tracked: by a user, mentioned, or by a subscription, which may have ended by now."""
    return f"tracked by {user_mention(person)}" if person else "matched a subscription of this channel"
