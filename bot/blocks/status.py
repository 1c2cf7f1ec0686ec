"""The reply to ``status``: everything that the API returns for one job, shortened."""

from collections.abc import Iterator
from typing import Any

from bot.blocks.job import JobLinks, failure_text, job_buttons, job_headline, job_sentence, key_facts
from bot.blocks.parts import (
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
from bot.jobs.failure import advice_for
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

_MAX_VALUE_LENGTH = 120
_MAX_KEY_LENGTH = 64
_MAX_PAIRS = 16
_MAX_ITEMS = 5
_ROOM_FOR_SETTINGS = 1000
_ROOM_FOR_METADATA = 1900


def status_message(job: Job, links: JobLinks, *, checked_at: float, account_note: str = "") -> Message:
    """Return the status of a job.

    Args:
        job: as it was read.
        links: what else is known of the job.
        checked_at: when it was read, Unix seconds.
        account_note: where it was read, safe mrkdwn; empty to leave it out.
    """
    blocks = [job_headline(job), *fields([*key_facts(job, links), *_other_facts(job)])]
    if error := failure_text(job.error):
        blocks += [section("*Error*"), preformatted(error)]
        if (advice := advice_for(job.error)) and phase_of(job.status) is Phase.FAILED:
            blocks.append(context(f":bulb: {advice}"))
    if links.model_hint and phase_of(job.status) is Phase.SUCCEEDED:
        blocks.append(context(links.model_hint))
    checked = f"Checked {format_date(checked_at)}" + (f" · {account_note}" if account_note else "")
    return Message(job_sentence(job), [*blocks, job_buttons(job, links), context(checked)])


def _other_facts(job: Job) -> Iterator[tuple[str, str]]:
    """Yield the less important properties of a job, as labels and safe values."""
    if job.estimated_finish:
        yield "Estimated finish", format_date(job.estimated_finish)
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
