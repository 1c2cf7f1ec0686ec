"""The card of a job in a channel: one message of a few lines, edited in place, with the job's current state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.blocks.job import (
    JobLinks,
    cost_phrase,
    failure_sentence,
    job_facts,
    job_menu,
    job_sentence,
    job_title,
    key_facts,
    owner_of,
    result_phrase,
    status_emoji,
    status_label,
)
from bot.blocks.parts import (
    Block,
    Message,
    code_span,
    context,
    fields,
    format_date,
    format_metric,
    safe_text,
    section,
    user_mention,
)
from bot.blocks.stalled import stalled_note, stalled_phrase
from bot.jobs.creation import BOOKKEEPING_KEYS
from bot.jobs.failure import advice_for
from bot.jobs.models import Job
from bot.jobs.progress import Progress, estimated_finish
from bot.jobs.statuses import Phase, phase_of

_BAR_WIDTH = 20
_MAX_PAIRS = 4
_MAX_VALUE_LENGTH = 60
_SPARKLINE_LEVELS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_SPARKLINE_WIDTH = 24


@dataclass(frozen=True)
class CardState:
    """What a card shows beside the job itself; times in Unix seconds."""

    now: float
    status_since: float | None = None
    """When the job was first seen in its current status."""
    progress: Progress | None = None
    is_missing: bool = False
    """Whether the API no longer knows the job."""
    stalled_since: float | None = None
    """When the job last made progress, if it was reported as stalled."""
    curves_image: Block | None = None
    """Image of its training curves, if Slack has one."""


def card(
    job: Job,
    links: JobLinks,
    state: CardState | None = None,
    *,
    person: str | None = None,
    notes: Sequence[str] = (),
    full: bool = False,
) -> Message:
    """Return the card of a job.

    Args:
        job: as it was last read.
        links: what else is known of the job.
        state: its present state; None if only the job is known.
        person: Slack user ID of who tracks the job here; None for a subscription.
        notes: remarks about the message itself, safe mrkdwn.
        full: whether properties and metadata are listed below the three lines.
    """
    card_state = state or CardState(job.created_at or 0.0)
    lines = [_headline(job, links, card_state), *_result(job, card_state), _facts(job, links, card_state)]
    blocks = [section("\n".join(filter(None, lines)), accessory=job_menu(job, links))]
    if full:
        blocks += fields([*key_facts(job, links), *_metadata_facts(job)])
    blocks += [card_state.curves_image] if card_state.curves_image else []
    remarks = [links.model_hint] if links.model_hint and phase_of(job.status) is Phase.SUCCEEDED else []
    remarks += [f"Tracked by {user_mention(person)}"] if person and person != owner_of(job) else []
    remarks += notes if links.tracked else [*notes, "No longer tracked here"]
    return Message(_fallback_text(job, card_state), [*blocks, *([context(" · ".join(remarks))] if remarks else [])])


def _headline(job: Job, links: JobLinks, state: CardState) -> str:
    """Return the first line: name, status, and how long or how far."""
    label = status_label(job.status).lower()
    if state.is_missing:
        return f":ghost: {job_title(job)} · not found (last status: {label})"
    title = f"{status_emoji(job.status)} {job_title(job)}"
    if job.is_final:
        cost = cost_phrase(job, links.price)
        return f"{title} · {result_phrase(job, job.status).removeprefix('was ')}" + (f" · {cost}" if cost else "")
    if state.stalled_since is not None:
        return f"{title} · {label} · {stalled_note(job.status, state.stalled_since)}"
    if phase_of(job.status) is Phase.ACTIVE and state.progress and state.progress.share is not None:
        return f"{title} · {label} · {int(state.progress.share * 100)}%"
    # A time, no age: the card may stand unchanged for hours.
    return f"{title} · {label}" + (f" since {format_date(state.status_since)}" if state.status_since else "")


def _result(job: Job, state: CardState) -> Iterator[str]:
    """Yield the lines between headline and facts: progress, the model, or why the job failed and what to do."""
    if phase_of(job.status) is Phase.FAILED:
        if why := advice_for(job.error) or failure_sentence(job.error):
            yield why
    elif job.fine_tuned_model:
        yield code_span(job.fine_tuned_model)
    elif progress := _progress(job, state):
        yield progress


def _facts(job: Job, links: JobLinks, state: CardState) -> str:
    """Return the last line: the loss so far or the error as the provider words it, the base model, the owner."""
    facts = []
    if phase_of(job.status) is Phase.FAILED and job.error:
        facts = [code_span(each, _MAX_VALUE_LENGTH) for each in (job.error.code, job.error.param) if each]
    elif _is_running(job, state) and state.progress and len(state.progress.points) > 1:
        facts = [_loss(job, state.progress)]
    owner = owner_of(job)
    return " · ".join([*facts, *job_facts(job, links), *([user_mention(owner)] if owner else [])])


def _is_running(job: Job, state: CardState) -> bool:
    return phase_of(job.status) is Phase.ACTIVE and not state.is_missing


def _progress(job: Job, state: CardState) -> str | None:
    """Return how far a running job is, and when it will be done."""
    if not _is_running(job, state):
        return None
    parts = [_steps(state.progress)] if state.progress else []
    if finish := estimated_finish(job, state.progress, now=state.now):
        parts.append(f"done around {format_date(finish)}")
    return " · ".join(parts) or None


def _steps(progress: Progress) -> str:
    if progress.share is None:
        return f"step {progress.step:,}"
    filled = int(progress.share * _BAR_WIDTH)
    bar = "\u2588" * filled + "\u2591" * (_BAR_WIDTH - filled)
    return f"{bar} step {progress.step:,}/{progress.steps:,}"


def _loss(job: Job, progress: Progress) -> str:
    values = [value for _, value in progress.points]
    metric = "reward" if job.is_reinforcement else "loss"
    return f"{metric} {format_metric(values[0])} → {format_metric(values[-1])}"


def sparkline(values: list[float]) -> str:
    """Return a curve as one line of block characters, from its lowest to its highest value."""
    stride = max(1, len(values) // _SPARKLINE_WIDTH)
    samples = values[::stride]
    low, high = min(samples), max(samples)
    height = (high - low) or 1.0
    top = len(_SPARKLINE_LEVELS) - 1
    return "".join(_SPARKLINE_LEVELS[round((value - low) / height * top)] for value in samples)


def _metadata_facts(job: Job) -> Iterator[tuple[str, str]]:
    """Yield a job's metadata as a label and safe values, without what is shown elsewhere."""
    pairs = [(key, value) for key, value in (job.metadata or {}).items() if isinstance(value, str)]
    others = [(key, value) for key, value in pairs if key not in BOOKKEEPING_KEYS]
    if others:
        lines = [
            f"{safe_text(key, _MAX_VALUE_LENGTH)}: {code_span(value, _MAX_VALUE_LENGTH)}"
            for key, value in others[:_MAX_PAIRS]
        ]
        hidden = len(others) - _MAX_PAIRS
        yield "Metadata", "\n".join(lines) + (f"\n{hidden} more in Details" if hidden > 0 else "")


def _fallback_text(job: Job, state: CardState) -> str:
    sentence = job_sentence(job)
    if state.is_missing:
        return f"{sentence} The API no longer lists it."
    if state.stalled_since is not None and not job.is_final:
        return f"{sentence} It {stalled_phrase(job.status, state.now - state.stalled_since)}."
    share = state.progress.share if state.progress else None
    is_measured = phase_of(job.status) is Phase.ACTIVE and share is not None
    return f"{sentence.removesuffix('.')}, {int((share or 0.0) * 100)}% done." if is_measured else sentence
