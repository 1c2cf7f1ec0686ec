"""The card of a job in a channel: edited in place, so that it always shows the present."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.blocks.compact import compact_section
from bot.blocks.job import JobLinks, failure_text, job_buttons, job_sentence, key_facts, status_emoji, status_label
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
from bot.blocks.stuck import stalled_note, stalled_phrase
from bot.jobs.failure import advice_for
from bot.jobs.models import OWNER_KEY, Job
from bot.jobs.progress import Progress, estimated_finish
from bot.jobs.statuses import Phase, phase_of

_BAR = 20
_MOST_PAIRS = 4
_LONGEST_VALUE = 60
_BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_SPARKS = 24


@dataclass(frozen=True)
class CardState:
    """What is known of a job beside its description, at the moment ``now``; all in seconds since the epoch."""

    now: float
    status_since: float | None = None
    """When it was first seen in its present state."""
    progress: Progress | None = None
    is_missing: bool = False
    """Whether the API does not know it any more."""
    stalled_since: float | None = None
    """Since when it stands still, where people were told so."""
    curves_image: Block | None = None
    """Of its curves, where Slack has one."""


def card(job: Job, links: JobLinks, note: str, state: CardState | None = None, *, compact: bool = False) -> Message:
    """Draw the card of a job; ``note`` says why it is there and is already safe. ``compact`` leaves it two lines."""
    shown = state or CardState(job.created_at or 0.0)
    if compact:
        lines = compact_section(_headline(job, shown), _progress(job, shown), job)
        return Message(_fallback_text(job, shown), [lines, job_buttons(job, links), *([context(note)] if note else [])])
    blocks = [section(_headline(job, shown))]
    if running := _progress(job, shown):
        blocks.append(section(running))
    blocks += fields([*key_facts(job, links), *_metadata_facts(job)])
    blocks += [*_reason(job), *([shown.curves_image] if shown.curves_image else [])]
    if links.model_hint and phase_of(job.status) is Phase.SUCCEEDED:
        blocks.append(context(links.model_hint))
    return Message(_fallback_text(job, shown), [*blocks, job_buttons(job, links), context(note)])


def _headline(job: Job, state: CardState) -> str:
    if state.is_missing:
        return f":ghost: *No longer visible* · {code_span(job.id)} · last seen as {status_label(job.status).lower()}"
    said = f"{status_emoji(job.status)} *{status_label(job.status)}* · {code_span(job.id)}"
    if job.is_final or state.status_since is None:
        return said
    if state.stalled_since is not None:
        return f"{said} · {stalled_note(job.status, state.stalled_since)}"
    return f"{said} · began {format_ago(state.status_since)}"


def _progress(job: Job, state: CardState) -> str | None:
    """Return how far a running job is: a bar, the step, the loss so far, and when it will be done."""
    if phase_of(job.status) is not Phase.ACTIVE or state.is_missing:
        return None
    progress, parts = state.progress, []
    if progress and progress.share is not None:
        full = int(progress.share * _BAR)
        bar = "\u2588" * full + "\u2591" * (_BAR - full)
        parts.append(f"`{bar}` {int(progress.share * 100)} % · step {progress.step:,} of {progress.steps:,}")
    elif progress:
        parts.append(f"step {progress.step:,}")
    if finish := estimated_finish(job, progress, now=state.now):
        parts.append(f"done about {format_date(finish)}")
    if progress and len(progress.points) > 1:
        (_, first), (_, last) = progress.points[0], progress.points[-1]
        parts.append(
            f"\n`{sparkline([value for _, value in progress.points])}` {_metric_name(job)} {first:.3g} → {last:.3g}"
        )
    return " · ".join(parts).replace(" · \n", "\n") or None


def sparkline(values: list[float]) -> str:
    """Return a curve in one line of text, from its lowest to its highest value."""
    step = max(1, len(values) // _SPARKS)
    shown = values[::step]
    low, high = min(shown), max(shown)
    height = (high - low) or 1.0
    return "".join(_BARS[round((value - low) / height * (len(_BARS) - 1))] for value in shown)


def _metric_name(job: Job) -> str:
    return "mean reward" if job.method and job.method.get("type") == "reinforcement" else "training loss"


def _metadata_facts(job: Job) -> Iterator[tuple[str, str]]:
    pairs = [(key, value) for key, value in (job.metadata or {}).items() if isinstance(value, str)]
    owner = next((value for key, value in pairs if key == OWNER_KEY), None)
    if owner:
        yield "Owner", user_mention(owner)
    others = [(key, value) for key, value in pairs if key != OWNER_KEY]
    if others:
        lines = [
            f"{safe_text(key, _LONGEST_VALUE)}: {code_span(value, _LONGEST_VALUE)}"
            for key, value in others[:_MOST_PAIRS]
        ]
        hidden = len(others) - _MOST_PAIRS
        yield "Metadata", "\n".join(lines) + (f"\nand {hidden} more: press Details" if hidden > 0 else "")


def _reason(job: Job) -> list[Block]:
    why = failure_text(job.error) if phase_of(job.status) is Phase.FAILED else None
    if not why:
        return []
    advice = advice_for(job.error)
    return [preformatted(why), *([context(f":bulb: {advice}")] if advice else [])]


def _fallback_text(job: Job, state: CardState) -> str:
    said = job_sentence(job)
    if state.is_missing:
        return f"{said} It is no longer visible to the API key of this bot."
    if state.stalled_since is not None and not job.is_final:
        return f"{said} It {stalled_phrase(job.status, state.now - state.stalled_since)}."
    share = state.progress.share if state.progress else None
    running = phase_of(job.status) is Phase.ACTIVE and share is not None
    return f"{said} {int((share or 0.0) * 100)} percent are done." if running else said
