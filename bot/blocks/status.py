"""The reply to ``status``: the lines of the job's card, and the other properties that the API returns, shortened."""

from collections.abc import Iterator
from typing import Any

from bot.blocks.card import CardState, card_lines
from bot.blocks.job import (
    JobLinks,
    failure_advice,
    failure_sentence,
    failure_text,
    job_buttons,
    job_dates,
    job_sentence,
    progress_facts,
)
from bot.blocks.parts import (
    MAX_SECTION_LENGTH,
    Message,
    code_span,
    context,
    fields,
    format_date,
    json_text,
    preformatted,
    safe_text,
    section,
)
from bot.jobs.creation import BOOKKEEPING_KEYS
from bot.jobs.models import Job, display_name
from bot.jobs.statuses import Phase, phase_of

_MAX_VALUE_LENGTH = 120
_MAX_KEY_LENGTH = 64
_MAX_PAIRS = 16
_MAX_ITEMS = 5
_ROOM_FOR_SETTINGS = 1000
_ROOM_FOR_METADATA = 1900


def status_message(job: Job, links: JobLinks, state: CardState, *, account_note: str = "") -> Message:
    """Return the status of a job: what its card shows, its ID, and more.

    Args:
        job: as it was read.
        links: what else is known of the job.
        state: its present state; ``now`` is when it was read.
        account_note: where it was read, safe mrkdwn; empty to leave it out.
    """
    headline, *lines = card_lines(job, links, state)
    # A short ID stands in for a name that is missing.
    job_id = [code_span(job.id)] if display_name(job) != job.id else []
    blocks = [section("\n".join([" · ".join([headline, *job_id]), *lines]))]
    blocks += fields([*job_dates(job), *_other_facts(job)])
    if error := _raw_error(job):
        blocks += [section("*Error*"), preformatted(error)]
    if links.model_hint and phase_of(job.status) is Phase.SUCCEEDED:
        blocks.append(context(links.model_hint))
    checked = f"Checked {format_date(state.now)}" + (f" · {account_note}" if account_note else "")
    return Message(job_sentence(job), [*blocks, job_buttons(job, links), context(checked)])


def _raw_error(job: Job) -> str | None:
    """Return the provider's words for an error, untrusted, as far as the lines of the card don't say them."""
    error = job.error
    if error is None or phase_of(job.status) is not Phase.FAILED:
        return failure_text(error)
    said = "" if failure_advice(job) else failure_sentence(error) or ""
    return None if safe_text(error.message or "", MAX_SECTION_LENGTH).rstrip(".") in said else error.message


def _other_facts(job: Job) -> Iterator[tuple[str, str]]:
    """Yield the less important properties of a job, as labels and safe values."""
    yield from progress_facts(job)
    yield from _files(job)
    if job.method:
        yield "Method", code_span(str(job.method.get("type") or "?"))
        yield from _pairs("Method settings", job.method_hyperparameters(), _ROOM_FOR_SETTINGS)
    yield from _pairs("Hyperparameters", job.hyperparameters, _ROOM_FOR_SETTINGS)
    if job.seed is not None:
        yield "Seed", str(job.seed)
    others = {key: value for key, value in (job.metadata or {}).items() if key not in BOOKKEEPING_KEYS}
    yield from _pairs("Metadata", others, _ROOM_FOR_METADATA)
    if job.integrations:
        yield "Integrations", _first_items([json_text(item) for item in job.integrations])
    if job.organization_id:
        yield "Organization", code_span(job.organization_id)
    if job.object:
        yield "Object", code_span(job.object)


def _files(job: Job) -> Iterator[tuple[str, str]]:
    if job.training_file:
        yield "Training file", code_span(job.training_file)
    if job.validation_file:
        yield "Validation file", code_span(job.validation_file)
    if job.result_files:
        yield "Result files", _first_items(job.result_files)


def _pairs(label: str, values: dict[str, Any] | None, room: int) -> Iterator[tuple[str, str]]:
    """Yield a mapping as one labeled value, a line per pair, of up to ``room`` characters."""
    if values:
        visible = list(values.items())[:_MAX_PAIRS]
        lines = [_pair(key, value, room // len(visible)) for key, value in visible]
        yield label, "\n".join(lines) + _and_more(len(values) - len(visible))


def _pair(key: str, value: Any, room: int) -> str:
    name = safe_text(key, min(_MAX_KEY_LENGTH, room // 2))
    left = room - len(name) - len(": ``\n")
    return f"{name}: {code_span(json_text(value), min(_MAX_VALUE_LENGTH, left))}"


def _first_items(items: list[str]) -> str:
    visible = items[:_MAX_ITEMS]
    return " ".join(code_span(item, _MAX_VALUE_LENGTH) for item in visible) + _and_more(len(items) - len(visible))


def _and_more(hidden: int) -> str:
    return f" and {hidden} more in Details" if hidden > 0 else ""
