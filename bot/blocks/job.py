"""Parts that all messages about one job share: its name, status emoji and label, sentence, values, failure, menu and buttons."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.blocks.interactive import actions, button, job_value, overflow_menu
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Block,
    bold,
    code_span,
    counted,
    format_date,
    format_duration,
    job_mention,
    plain,
    safe_text,
)
from bot.jobs.actions import JobAction
from bot.jobs.failure import advice_for
from bot.jobs.models import OWNER_KEY, Job, JobError, display_name, job_name
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
RETRY_JOB = "ftjob_retry_job"
"""Opens the form for a new job with the values of a failed one."""
MENU = "ftjob_menu"
"""Action ID of a card's menu; the value of an option is the action ID of a button and its value, with a space between."""

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
_FINAL_PHRASES = {Phase.SUCCEEDED: "succeeded", Phase.FAILED: "failed", Phase.CANCELLED: "was canceled"}
_SYNONYMS = frozenset(["completed", "success", "error"])
"""Labels of final statuses that add nothing to the phrase."""
_ADJECTIVES = frozenset(["queued", "paused", "pending", "not running"])
_NOT_STARTED = frozenset(["created", "scheduled"])
"""Labels of statuses whose words tell an event, not what the job is doing."""
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])", re.ASCII)
"""Between two words of a status such as "notRunning"."""
_CENT = 0.01
_DIME_LIMIT = 10.0
"""US dollars from which on cents are left out."""
_MAX_WORD_LENGTH = 40
_MAX_REASON_LENGTH = 300
_MAX_NAME_LENGTH = 300
"""Characters of a name after escaping; before, it has at most ``names.MAX_NAME_LENGTH``."""
_MAX_LINE_NAME_LENGTH = 64
"""The same in a row of a list, of which many stand in one message."""
_MAX_FACT_LENGTH = 80


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
    page_label: str = "Open job page"
    """What a button that opens its page says: "Open in OpenAI"."""


def status_emoji(status: str) -> str:
    """Return the emoji of a status; always show it next to the status label."""
    return _EMOJI_OF_STATUS.get(status) or _EMOJI_OF_PHASE[phase_of(status)]


def status_label(status: str) -> str:
    """Return a status for display: "Validating files"."""
    words = _HUMP.sub(" ", status).replace("_", " ")
    label = safe_text(words, _MAX_WORD_LENGTH).capitalize() or "Unknown"
    return label.replace("ancelled", "anceled").replace("ancelling", "anceling")


def status_phrase(status: str) -> str:
    """Return a status as the predicate of a sentence about a job: "is running", "succeeded", "was canceled"."""
    label, phrase = status_label(status).lower(), _FINAL_PHRASES.get(phase_of(status))
    if phrase:
        if label.startswith(phrase):
            return label  # such as "failed validation"
        return phrase if label in _SYNONYMS or label == phrase.split()[-1] else f"{phrase} ({label})"
    if label in _NOT_STARTED:
        return "is waiting to start"
    if label in ("canceling", "cancel requested"):
        return "is being canceled"
    is_adjective = label.split()[0].endswith("ing") or label in _ADJECTIVES
    return f"is {label}" if is_adjective else f"has the status \u201c{label}\u201d"


def result_phrase(job: Job, status: str) -> str:
    """Return a status as the predicate of a sentence, with how long the job took: "succeeded in 2 h 14 min"."""
    duration = job.duration()
    if duration is None:
        return status_phrase(status)
    word = "in" if phase_of(status) is Phase.SUCCEEDED else "after"
    return f"{status_phrase(status)} {word} {format_duration(duration)}"


def job_title(job: Job) -> str:
    """Return the name of a job in bold, safe mrkdwn."""
    return bold(display_name(job), _MAX_NAME_LENGTH)


def job_reference(job: Job) -> str:
    """Return what to call a job in a sentence, safe mrkdwn: its name in bold, or its whole ID if it has none."""
    return job_mention(job.id, job_name(job))


def plain_name(job: Job) -> str:
    """Return the name of a job for a message's ``text``, safe text."""
    return plain(display_name(job), _MAX_NAME_LENGTH)


def job_sentence(job: Job) -> str:
    """Return a job in a sentence, for notifications and screen readers."""
    sentence = f"{plain_name(job)} {result_phrase(job, job.status)}"
    if job.fine_tuned_model:
        return f"{sentence}: {safe_text(job.fine_tuned_model)}"
    error = failure_sentence(job.error) if phase_of(job.status) is Phase.FAILED else None
    return f"{sentence}: {error}" if error else f"{sentence}."


def failure_advice(job: Job, reason: str | None = None) -> str | None:
    """Return what to do about a job's failure; None for one of no known class, or of a trainer of the team's own."""
    return None if job.run_number is not None else advice_for(job.error, reason)


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


def error_codes(error: JobError | None, reason: str | None = None) -> list[str]:
    """Return what the provider calls an error, as code spans, without what ``failure_sentence`` says where there is no advice."""
    if error is None:
        return []
    codes = [error.code, error.param] if advice_for(error, reason) else [error.param]
    return [code_span(each, _MAX_FACT_LENGTH) for each in codes if each]


def job_line(name: str, status: str) -> str:
    """Return a job's name and status for a row of a list, safe mrkdwn; ``name`` is untrusted."""
    return f"{status_emoji(status)} {bold(name, _MAX_LINE_NAME_LENGTH)} · {status_label(status).lower()}"


def account_note(account: str | None) -> str:
    """Return what follows a title that names the account, safe mrkdwn; nothing if there is only one."""
    return f" · account {plain(account, _MAX_FACT_LENGTH)}" if account else ""


def job_facts(job: Job, links: JobLinks) -> list[str]:
    """Return what a job was made of, for one line: base model, epochs, tokens and account, safe mrkdwn."""
    facts = model_fact(job)
    if (epochs := _epochs(job)) is not None:
        facts.append(counted(epochs, "epoch"))
    if job.trained_tokens is not None:
        facts.append(f"{format_tokens(job.trained_tokens)} tokens")
    return [*facts, *account_fact(links)]


def progress_facts(job: Job) -> Iterator[tuple[str, str]]:
    """Yield what the API or the trainer says of a job's progress, as labels and safe values."""
    if job.fraction_done is not None:
        yield "Progress", f"{int(job.fraction_done * 100)}%"
    if job.estimated_finish:
        yield "Estimated finish", format_date(job.estimated_finish)
    if job.run_number:
        yield "Run", str(job.run_number)
    if job.silent_since:
        yield "Last heartbeat", format_date(job.silent_since)
    if job.url:
        yield "Page", code_span(job.url, MAX_ID_LENGTH)


def model_fact(job: Job) -> list[str]:
    """Return a job's base model, safe mrkdwn; nothing if it is unknown."""
    return [plain(job.model, _MAX_FACT_LENGTH)] if job.model else []


def account_fact(links: JobLinks) -> list[str]:
    """Return the account of a job, safe mrkdwn; nothing if there is only one."""
    return [f"account {plain(links.account, _MAX_FACT_LENGTH)}"] if links.account else []


def _epochs(job: Job) -> int | None:
    """Return the number of epochs, if it is known."""
    settings = (job.hyperparameters or {}, job.method_hyperparameters())
    numbers = (each.get("n_epochs") for each in settings)
    return next((number for number in numbers if type(number) is int and 0 < number < 10**6), None)


def format_tokens(tokens: int) -> str:
    """Return a number of tokens: "5.8 M", "120 k", "950"."""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if tokens >= size:
            return f"{tokens / size:.3g} {unit}"
    return str(tokens)


def cost_phrase(job: Job, price: float | None) -> str | None:
    """Return what a job cost, as the API says or at a price per million tokens: "about $17"; None if it is unknown."""
    computed = cost_of(job.trained_tokens, price) if price is not None and job.trained_tokens is not None else None
    cost = computed if job.cost is None else job.cost
    if cost is None:
        return None
    if 0 < cost < _CENT:
        return "less than $0.01"
    return f"about ${cost:,.0f}" if cost >= _DIME_LIMIT else f"about ${cost:,.2f}"


def owner_of(job: Job) -> str | None:
    """Return the Slack user ID of a job's owner, as its metadata names it."""
    owner = (job.metadata or {}).get(OWNER_KEY)
    return owner if isinstance(owner, str) and owner else None


def job_dates(job: Job) -> Iterator[tuple[str, str]]:
    """Yield when a job was created and finished, as labels and safe values."""
    if job.created_at:
        yield "Created", format_date(job.created_at)
    if job.finished_at:
        yield "Finished", format_date(job.finished_at)


def job_menu(job: Job, links: JobLinks) -> Block | None:
    """Return the menu of a card: details, the provider's page, actions, and to stop tracking or to track again."""
    options: list[tuple[str, str, str | None]] = [("Details", DETAILS, None)]
    if links.page_url:
        options.append((links.page_label, OPEN_PAGE, links.page_url))
    if not job.is_final:
        is_held = phase_of(job.status) is Phase.HELD
        hold = (JobAction.RESUME, "Resume…", RESUME) if is_held else (JobAction.PAUSE, "Pause…", PAUSE)
        offered = (hold, (JobAction.CANCEL, "Cancel…", CANCEL))
        options += [(label, action_id, None) for action, label, action_id in offered if action in links.actions]
    options.append(("Untrack here", UNTRACK, None) if links.tracked else ("Track here", TRACK, None))
    value = job_value(job.id, links.account)
    values = [(text, f"{action_id} {value}", url) for text, action_id, url in options]
    return overflow_menu(MENU, values)


def job_buttons(job: Job, links: JobLinks) -> Block:
    """Return the buttons below everything about a job."""
    name, value = display_name(job), job_value(job.id, links.account)
    track = ("Untrack", UNTRACK) if links.tracked else ("Track", TRACK)
    buttons = [
        button("Refresh", REFRESH, value, accessibility_label=f"Refresh {name}"),
        button(*track, value, accessibility_label=f"{track[0]} {name} in this channel"),
    ]
    if JobAction.RESUME in links.actions and phase_of(job.status) is Phase.HELD:
        buttons.append(button("Resume…", RESUME, value, accessibility_label=f"Resume {name} (asks for confirmation)"))
    if JobAction.CANCEL in links.actions and not job.is_final:
        label = f"Cancel {name} (asks for confirmation)"
        buttons.append(button("Cancel…", CANCEL, value, style="danger", accessibility_label=label))
    buttons.append(button("Details", DETAILS, value, accessibility_label=f"Show all details for {name}"))
    return actions(*buttons, *([page_button(job, links)] if links.page_url else []))


def page_button(job: Job, links: JobLinks) -> Block:
    """Return the button that opens the provider's page for a job."""
    label = f"{links.page_label}: {display_name(job)}"
    return button(links.page_label, OPEN_PAGE, job.id, url=links.page_url, accessibility_label=label)
