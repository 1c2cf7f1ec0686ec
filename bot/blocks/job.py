"""How one job is shown: its words, and the full answer to ``status``."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.blocks.parts import (
    Block,
    Message,
    actions,
    button,
    code_span,
    context,
    fields,
    format_date,
    format_duration,
    format_utc,
    preformatted,
    safe_text,
    section,
    user_mention,
)
from bot.jobs.actions import JobAction
from bot.jobs.failure import advice_for
from bot.jobs.models import Job, JobError
from bot.jobs.prices import cost_of
from bot.jobs.statuses import Phase, phase_of

REFRESH = "ftjob_refresh"
SHOW = "ftjob_show"
"""Shows one job of several: unlike a refresh, its answer never takes the place of what was there."""
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
_LONGEST_VALUE = 120
_LONGEST_WORD = 40
_LONGEST_REASON = 300
_LONGEST_KEY = 64
_MOST_PAIRS = 16
_MOST_ITEMS = 5
_ROOM_FOR_SETTINGS = 1000
_ROOM_FOR_METADATA = 1900


@dataclass(frozen=True)
class JobLinks:
    """What is known of a job beside the job itself."""

    page_url: str | None
    """The address of the provider's page for it; None where nobody knows."""
    tracked: bool = False
    """Whether the channel that sees it follows it."""
    actions: frozenset[JobAction] = frozenset(JobAction)
    """What is offered to be done to it."""
    price: float | None = None
    """US dollars for a million trained tokens of its model, where somebody set a price."""
    account: str | None = None
    """Whose it is, where there are several accounts."""
    model_hint: str | None = None
    """What its provider wants to be done with a finished model, safe mrkdwn."""


def status_emoji(status: str) -> str:
    """Return the emoji of a status; the word always stands beside it."""
    return _EMOJI_OF_STATUS.get(status) or _EMOJI_OF_PHASE[phase_of(status)]


def status_label(status: str) -> str:
    """Return a status as people say it: "Validating files"."""
    return safe_text(status.replace("_", " "), _LONGEST_WORD).capitalize() or "Unknown"


def status_phrase(status: str) -> str:
    """Return a status as the rest of a sentence about a job: "is running", "succeeded", "was cancelled"."""
    said, ended = status_label(status).lower(), _FINAL_PHRASES.get(phase_of(status))
    if ended:
        return ended if said in ("canceled", ended.split()[-1]) else f"{ended} ({said})"
    is_adjective = said.split()[0].endswith("ing") or said in _ADJECTIVES
    return f"is {said}" if is_adjective else f"has the status \u201c{said}\u201d"


def job_sentence(job: Job) -> str:
    """Return a job in a sentence or two, for screen readers and notifications."""
    taken = job.seconds_taken()
    after = f" after {format_duration(taken)}" if taken is not None else ""
    model = f" ({safe_text(job.model)})" if job.model else ""
    created = f", created {format_utc(job.created_at)}" if job.created_at else ""
    said = f"Fine-tuning job {safe_text(job.id)} {status_phrase(job.status)}{after}{model}{created}."
    if job.fine_tuned_model:
        return f"{said} The fine-tuned model is {safe_text(job.fine_tuned_model)}"
    why = failure_sentence(job.error) if phase_of(job.status) is Phase.FAILED else None
    return f"{said} Error: {why}" if why else said


def failure_sentence(error: JobError | None, reason: str | None = None) -> str | None:
    """Return why a job failed as one sentence, or None where nobody said."""
    parts = [part for part in (error.code, error.message) if part] if error else []
    said = safe_text(": ".join(parts) or reason or "", _LONGEST_REASON).rstrip(".")
    return f"{said}." if said else None


def failure_text(error: JobError | None, reason: str | None = None) -> str | None:
    """Return why a job failed, in the provider's words, or None where nobody said."""
    if error is None:
        return reason
    lines = {"code": error.code, "message": error.message, "param": error.param}
    return "\n".join(f"{label}: {value}" for label, value in lines.items() if value) or reason


def status_message(job: Job, links: JobLinks, *, checked_at: float, account_note: str = "") -> Message:
    """Draw everything that the API says of a job."""
    blocks = [job_headline(job), *fields([*key_facts(job, links), *_other_facts(job)])]
    if why := failure_text(job.error):
        blocks += [section("*Error*"), preformatted(why)]
        if (advice := advice_for(job.error)) and phase_of(job.status) is Phase.FAILED:
            blocks.append(context(f":bulb: {advice}"))
    if links.model_hint and phase_of(job.status) is Phase.SUCCEEDED:
        blocks.append(context(links.model_hint))
    checked = f"Checked {format_date(checked_at)}" + (f" · {account_note}" if account_note else "")
    return Message(job_sentence(job), [*blocks, job_buttons(job, links), context(checked)])


def job_headline(job: Job) -> Block:
    """Draw the status and the id of a job."""
    return section(f"{status_emoji(job.status)} *{status_label(job.status)}* · {code_span(job.id)}")


def job_buttons(job: Job, links: JobLinks) -> Block:
    """Draw what can be done about a job."""
    follow = ("Untrack", UNTRACK) if links.tracked else ("Track", TRACK)
    shown = [
        button("Refresh", REFRESH, job.id, accessibility_label=f"Show the present state of {job.id}"),
        button(*follow, job.id, accessibility_label=f"{follow[0]} {job.id} in this channel"),
    ]
    if JobAction.RESUME in links.actions and phase_of(job.status) is Phase.HELD:
        shown.append(button("Resume…", RESUME, job.id, accessibility_label=f"Ask whether to resume {job.id}"))
    if JobAction.CANCEL in links.actions and not job.is_final:
        shown.append(
            button("Cancel…", CANCEL, job.id, style="danger", accessibility_label=f"Ask whether to cancel {job.id}")
        )
    shown.append(button("Details", DETAILS, job.id, accessibility_label=f"Show all that is known of {job.id}"))
    if links.page_url:
        shown.append(
            button("Open page", OPEN_PAGE, job.id, url=links.page_url, accessibility_label=f"Open the page of {job.id}")
        )
    return actions(*shown)


def key_facts(job: Job, links: JobLinks) -> Iterator[tuple[str, str]]:
    """Yield what a team asks of a job first, as labelled values."""
    if links.account:
        yield "Account", code_span(links.account)
    if job.model:
        yield "Model", code_span(job.model)
    if job.fine_tuned_model:
        yield "Fine-tuned model", code_span(job.fine_tuned_model)
    if job.created_at:
        yield "Created", format_date(job.created_at)
    if job.finished_at:
        taken = job.seconds_taken()
        yield (
            "Finished",
            format_date(job.finished_at) + (f" (took {format_duration(taken)})" if taken is not None else ""),
        )
    if job.trained_tokens is not None:
        yield "Trained tokens", tokens_and_cost(job.trained_tokens, links.price)
    elif phase_of(job.status) is Phase.SUCCEEDED:
        yield "Trained tokens", "n/a"


def tokens_and_cost(tokens: int, price: float | None) -> str:
    """Return a number of tokens, and what they cost: "5,768,000 (about $17.30 at $3.00 a million)"."""
    if price is None:
        return f"{tokens:,}"
    cost = cost_of(tokens, price)
    said = "less than $0.01" if 0 < cost < _CENT else f"about ${cost:,.2f}"
    return f"{tokens:,} ({said} at ${_format_price(price)} a million)"


def _format_price(price: float) -> str:
    """Return a price with its cents, and with more digits where it has more."""
    return max(f"{price:,.2f}", f"{price:,.6f}".rstrip("0"), key=len)


def _other_facts(job: Job) -> Iterator[tuple[str, str]]:
    if job.estimated_finish:
        yield "Estimated finish", format_date(job.estimated_finish)
    if job.training_file:
        yield "Training file", code_span(job.training_file)
    if job.validation_file:
        yield "Validation file", code_span(job.validation_file)
    if job.result_files:
        yield "Result files", _first_items(job.result_files)
    if job.method:
        yield "Method", code_span(str(job.method.get("type") or "?"))
        yield from _pairs("Method settings", _settings_of_method(job.method), _ROOM_FOR_SETTINGS)
    yield from _pairs("Hyperparameters", job.hyperparameters, _ROOM_FOR_SETTINGS)
    if job.seed is not None:
        yield "Seed", str(job.seed)
    yield from _pairs("Metadata", job.metadata, _ROOM_FOR_METADATA)
    if job.integrations:
        yield "Integrations", _first_items([_json(item) for item in job.integrations])
    if job.organization_id:
        yield "Organisation", code_span(job.organization_id)
    if job.object:
        yield "Object", code_span(job.object)


def _settings_of_method(method: dict[str, Any]) -> dict[str, Any]:
    """Return what a method is set to: ``{"type": "dpo", "dpo": {"hyperparameters": {...}}}`` nests it twice."""
    inner = method.get(str(method.get("type")))
    settings = inner.get("hyperparameters") if isinstance(inner, dict) else None
    return settings if isinstance(settings, dict) else {}


def _pairs(label: str, values: dict[str, Any] | None, room: int) -> Iterator[tuple[str, str]]:
    """Yield a mapping as one line a pair, all of them within ``room`` characters."""
    if values:
        shown = list(values.items())[:_MOST_PAIRS]
        lines = [_pair(key, value, room // len(shown)) for key, value in shown]
        yield label, "\n".join(lines) + _and_more(len(values) - len(shown))


def _pair(key: str, value: Any, room: int) -> str:
    name = safe_text(key, min(_LONGEST_KEY, room // 2))
    left = room - len(name) - len(": ``\n")
    return f"{name}: {code_span(value if isinstance(value, str) else _json(value), min(_LONGEST_VALUE, left))}"


def _first_items(items: list[str]) -> str:
    shown = items[:_MOST_ITEMS]
    return " ".join(code_span(item, _LONGEST_VALUE) for item in shown) + _and_more(len(items) - len(shown))


def _and_more(hidden: int) -> str:
    return f" and {hidden} more: press Details" if hidden > 0 else ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def tracked_by(person: str | None) -> str:
    """Return why a job is tracked, for a note: a person by mention, or a subscription, which may be over by now."""
    return f"tracked by {user_mention(person)}" if person else "matched a subscription of this channel"
