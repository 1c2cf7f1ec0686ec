"""The Details modal: every property that the API returns for a job, undocumented ones included."""

from collections.abc import Iterator

from bot.blocks.job import (
    JobLinks,
    cost_phrase,
    failure_text,
    job_dates,
    job_title,
    owner_of,
    progress_facts,
    status_emoji,
    status_label,
)
from bot.blocks.parts import (
    Block,
    code_span,
    context,
    fields,
    format_date,
    format_duration,
    json_text,
    preformatted,
    section,
    user_mention,
)
from bot.blocks.view import View
from bot.jobs.creation import BOOKKEEPING_KEYS
from bot.jobs.models import Job

_MAX_ID_LENGTH = 200
_BOX = 2900
"""Characters in one preformatted block."""
_MAX_BOXES = 4
_MAX_LINES = 300


def details_view(job: Job, links: JobLinks, *, checked_at: float) -> View:
    """Return the modal; ``checked_at`` is when the job was read, Unix seconds."""
    blocks = [_headline(job), *fields([*_key_facts(job, links), *_facts(job)])]
    for label, text in _texts(job):
        blocks += [section(f"*{label}*"), *_boxes(text)]
        if (hidden := len(text) - _MAX_BOXES * _BOX) > 0:
            blocks.append(context(f"{hidden:,} more characters not shown. The API returns the full text."))
    return View("Job details", [*blocks, context(f"Checked {format_date(checked_at)}")])


def _headline(job: Job) -> Block:
    """Return the name, the status and the ID of a job."""
    status = status_label(job.status).lower()
    return section(f"{status_emoji(job.status)} {job_title(job)} · {status} · {code_span(job.id)}")


def _key_facts(job: Job, links: JobLinks) -> Iterator[tuple[str, str]]:
    """Yield the most important properties of a job, as labels and safe values."""
    if links.account:
        yield "Account", code_span(links.account)
    if job.model:
        yield "Model", code_span(job.model)
    if job.fine_tuned_model:
        yield "Fine-tuned model", code_span(job.fine_tuned_model)
    if owner := owner_of(job):
        yield "Owner", user_mention(owner)
    yield from job_dates(job)
    if (duration := job.duration()) is not None:
        yield "Duration", format_duration(duration)
    if job.trained_tokens is not None:
        yield "Trained tokens", f"{job.trained_tokens:,}"
    if cost := cost_phrase(job, links.price):
        is_computed = job.cost is None and links.price is not None
        yield "Cost", f"{cost} at ${_format_price(links.price or 0)} per million tokens" if is_computed else cost


def _format_price(price: float) -> str:
    """Return a price with two decimals, or more if it has more."""
    return max(f"{price:,.2f}", f"{price:,.6f}".rstrip("0"), key=len)


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield from progress_facts(job)
    if job.method:
        yield "Method", code_span(str(job.method.get("type") or "?"), _MAX_ID_LENGTH)
    if job.seed is not None:
        yield "Seed", str(job.seed)
    ids = {
        "Training file": job.training_file,
        "Validation file": job.validation_file,
        "Organization": job.organization_id,
        "Object": job.object,
    }
    yield from ((label, code_span(value, _MAX_ID_LENGTH)) for label, value in ids.items() if value)


def _texts(job: Job) -> Iterator[tuple[str, str]]:
    """Yield labels and raw texts of properties that are too long for a field."""
    if error := failure_text(job.error):
        yield "Error", error
    others = {key: value for key, value in (job.metadata or {}).items() if key not in BOOKKEEPING_KEYS}
    if others:
        yield "Metadata", "\n".join(f"{key}: {json_text(value, indent=2)}" for key, value in others.items())
    if job.result_files:
        yield "Result files", "\n".join(job.result_files)
    objects = {
        "Hyperparameters": job.hyperparameters,
        "Method settings": job.method and job.method.get(str(job.method.get("type"))),
        "Integrations": job.integrations,
        "Other fields": {key: value for key, value in (job.model_extra or {}).items() if value is not None},
    }
    yield from ((label, json_text(value, indent=2)) for label, value in objects.items() if value)


def _boxes(text: str) -> list[Block]:
    """Return a text as preformatted blocks, up to ``_MAX_BOXES``."""
    parts = [text[start : start + _BOX] for start in range(0, len(text), _BOX)]
    if len(parts) > _MAX_BOXES:
        parts[_MAX_BOXES - 1 :] = [parts[_MAX_BOXES - 1][:-1] + "…"]
    # Slack parses nothing in them, so a cut never splits an entity.
    return [preformatted(part, 5 * _BOX, most_lines=_MAX_LINES) for part in parts]
