"""The card of a job in a channel: one message, edited in place, with the job's current state."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.blocks.compact import compact_section
from bot.blocks.job import (
    JobLinks,
    failure_text,
    job_buttons,
    job_sentence,
    key_facts,
    status_emoji,
    status_label,
)
from bot.blocks.parts import (
    Block,
    Message,
    code_span,
    context,
    fields,
    format_ago,
    format_date,
    preformatted,
    safe_text,
    section,
    user_mention,
)
from bot.blocks.stalled import stalled_note, stalled_phrase
from bot.jobs.failure import advice_for
from bot.jobs.models import OWNER_KEY, Job
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


def card(job: Job, links: JobLinks, note: str, state: CardState | None = None, *, compact: bool = False) -> Message:
    """Return the card of a job; ``note`` says why the channel has it, safe mrkdwn. A compact card has two lines."""
    card_state = state or CardState(job.created_at or 0.0)
    text, progress = _fallback_text(job, card_state), _progress(job, card_state)
    if compact:
        lines = compact_section(_headline(job, card_state), progress, job)
        return Message(text, [lines, job_buttons(job, links), *([context(note)] if note else [])])
    blocks = [section(_headline(job, card_state)), *([section(progress)] if progress else [])]
    blocks += fields([*key_facts(job, links), *_metadata_facts(job)])
    blocks += [*_failure(job), *([card_state.curves_image] if card_state.curves_image else [])]
    if links.model_hint and phase_of(job.status) is Phase.SUCCEEDED:
        blocks.append(context(links.model_hint))
    return Message(text, [*blocks, job_buttons(job, links), context(note)])


def _headline(job: Job, state: CardState) -> str:
    if state.is_missing:
        return f":ghost: *No longer visible* · {code_span(job.id)} · last seen as {status_label(job.status).lower()}"
    headline = f"{status_emoji(job.status)} *{status_label(job.status)}* · {code_span(job.id)}"
    if job.is_final or state.status_since is None:
        return headline
    if state.stalled_since is not None:
        return f"{headline} · {stalled_note(job.status, state.stalled_since)}"
    return f"{headline} · began {format_ago(state.status_since)}"


def _progress(job: Job, state: CardState) -> str | None:
    """Return the progress of a running job: a bar, the step, the estimated finish, and the loss so far."""
    if phase_of(job.status) is not Phase.ACTIVE or state.is_missing:
        return None
    progress = state.progress
    parts = [_steps(progress)] if progress else []
    if finish := estimated_finish(job, progress, now=state.now):
        parts.append(f"done about {format_date(finish)}")
    lines = [" · ".join(parts)] if parts else []
    if progress and len(progress.points) > 1:
        lines.append(_loss(job, progress))
    return "\n".join(lines) or None


def _steps(progress: Progress) -> str:
    if progress.share is None:
        return f"step {progress.step:,}"
    full = int(progress.share * _BAR_WIDTH)
    bar = "\u2588" * full + "\u2591" * (_BAR_WIDTH - full)
    return f"`{bar}` {int(progress.share * 100)} % · step {progress.step:,} of {progress.steps:,}"


def _loss(job: Job, progress: Progress) -> str:
    values = [value for _, value in progress.points]
    metric = "mean reward" if job.method and job.method.get("type") == "reinforcement" else "training loss"
    return f"`{sparkline(values)}` {metric} {values[0]:.3g} → {values[-1]:.3g}"


def sparkline(values: list[float]) -> str:
    """Return a curve as one line of block characters, from its lowest to its highest value."""
    stride = max(1, len(values) // _SPARKLINE_WIDTH)
    samples = values[::stride]
    low, high = min(samples), max(samples)
    height = (high - low) or 1.0
    top = len(_SPARKLINE_LEVELS) - 1
    return "".join(_SPARKLINE_LEVELS[round((value - low) / height * top)] for value in samples)


def _metadata_facts(job: Job) -> Iterator[tuple[str, str]]:
    """Yield a job's owner and its other metadata as labels and safe values."""
    pairs = [(key, value) for key, value in (job.metadata or {}).items() if isinstance(value, str)]
    owner = next((value for key, value in pairs if key == OWNER_KEY), None)
    if owner:
        yield "Owner", user_mention(owner)
    others = [(key, value) for key, value in pairs if key != OWNER_KEY]
    if others:
        lines = [
            f"{safe_text(key, _MAX_VALUE_LENGTH)}: {code_span(value, _MAX_VALUE_LENGTH)}"
            for key, value in others[:_MAX_PAIRS]
        ]
        hidden = len(others) - _MAX_PAIRS
        yield "Metadata", "\n".join(lines) + (f"\nand {hidden} more: press Details" if hidden > 0 else "")


def _failure(job: Job) -> list[Block]:
    """Return the error of a failed job, and what to do about it."""
    error = failure_text(job.error) if phase_of(job.status) is Phase.FAILED else None
    if not error:
        return []
    advice = advice_for(job.error)
    return [preformatted(error), *([context(f":bulb: {advice}")] if advice else [])]


def _fallback_text(job: Job, state: CardState) -> str:
    sentence = job_sentence(job)
    if state.is_missing:
        return f"{sentence} It is no longer visible to the API key of this bot."
    if state.stalled_since is not None and not job.is_final:
        return f"{sentence} It {stalled_phrase(job.status, state.now - state.stalled_since)}."
    share = state.progress.share if state.progress else None
    is_measured = phase_of(job.status) is Phase.ACTIVE and share is not None
    return f"{sentence} {int((share or 0.0) * 100)} percent are done." if is_measured else sentence
