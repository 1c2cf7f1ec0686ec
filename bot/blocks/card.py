"""The card of a job in a channel: edited in place, so that it always shows the present."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.blocks.compact import two_lines
from bot.blocks.job import Surroundings, buttons, emoji, failure, sentence, short_facts, word
from bot.blocks.parts import Block, Message, ago, code, context, date, fields, mention, plain, preformatted, section
from bot.blocks.stuck import stuck_for, stuck_since
from bot.jobs.failure import advice_for
from bot.jobs.models import OWNER, Job
from bot.jobs.progress import Progress, estimated_finish
from bot.jobs.statuses import Phase, phase_of

_BAR = 20
_MOST_PAIRS = 4
_LONGEST_VALUE = 60
_BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_SPARKS = 24


@dataclass(frozen=True)
class Present:
    """What is known of a job beside its description, at the moment ``now``; all in seconds since the epoch."""

    now: float
    since: float | None = None
    """When it was first seen in its present state."""
    progress: Progress | None = None
    is_gone: bool = False
    """Whether the API does not know it any more."""
    stuck_since: float | None = None
    """Since when it stands still, where people were told so."""
    picture: Block | None = None
    """Of its curves, where Slack has one."""


def card(
    job: Job, around: Surroundings, note: str, present: Present | None = None, *, compact: bool = False
) -> Message:
    """Draw the card of a job; ``note`` says why it is there and is already safe. ``compact`` leaves it two lines."""
    shown = present or Present(job.created_at or 0.0)
    if compact:
        lines = two_lines(_headline(job, shown), _progress(job, shown), job)
        return Message(_said(job, shown), [lines, buttons(job, around), *([context(note)] if note else [])])
    blocks = [section(_headline(job, shown))]
    if running := _progress(job, shown):
        blocks.append(section(running))
    blocks += fields([*short_facts(job, around), *_belongings(job)])
    blocks += [*_reason(job), *([shown.picture] if shown.picture else [])]
    if around.hint and phase_of(job.status) is Phase.SUCCEEDED:
        blocks.append(context(around.hint))
    return Message(_said(job, shown), [*blocks, buttons(job, around), context(note)])


def _headline(job: Job, present: Present) -> str:
    if present.is_gone:
        return f":ghost: *No longer visible* · {code(job.id)} · last seen as {word(job.status).lower()}"
    said = f"{emoji(job.status)} *{word(job.status)}* · {code(job.id)}"
    if job.is_final or present.since is None:
        return said
    if present.stuck_since is not None:
        return f"{said} · {stuck_since(job.status, present.stuck_since)}"
    return f"{said} · began {ago(present.since)}"


def _progress(job: Job, present: Present) -> str | None:
    """Return how far a running job is: a bar, the step, the loss so far, and when it will be done."""
    if phase_of(job.status) is not Phase.ACTIVE or present.is_gone:
        return None
    progress, parts = present.progress, []
    if progress and progress.share is not None:
        full = int(progress.share * _BAR)
        bar = "\u2588" * full + "\u2591" * (_BAR - full)
        parts.append(f"`{bar}` {int(progress.share * 100)} % · step {progress.step:,} of {progress.steps:,}")
    elif progress:
        parts.append(f"step {progress.step:,}")
    if finish := estimated_finish(job, progress, now=present.now):
        parts.append(f"done about {date(finish)}")
    if progress and len(progress.points) > 1:
        (_, first), (_, last) = progress.points[0], progress.points[-1]
        parts.append(
            f"\n`{sparkline([value for _, value in progress.points])}` {_measure(job)} {first:.3g} → {last:.3g}"
        )
    return " · ".join(parts).replace(" · \n", "\n") or None


def sparkline(values: list[float]) -> str:
    """Return a curve in one line of text, from its lowest to its highest value."""
    step = max(1, len(values) // _SPARKS)
    shown = values[::step]
    low, high = min(shown), max(shown)
    height = (high - low) or 1.0
    return "".join(_BARS[round((value - low) / height * (len(_BARS) - 1))] for value in shown)


def _measure(job: Job) -> str:
    return "mean reward" if job.method and job.method.get("type") == "reinforcement" else "training loss"


def _belongings(job: Job) -> Iterator[tuple[str, str]]:
    pairs = [(key, value) for key, value in (job.metadata or {}).items() if isinstance(value, str)]
    owner = next((value for key, value in pairs if key == OWNER), None)
    if owner:
        yield "Owner", mention(owner)
    others = [(key, value) for key, value in pairs if key != OWNER]
    if others:
        lines = [f"{plain(key, _LONGEST_VALUE)}: {code(value, _LONGEST_VALUE)}" for key, value in others[:_MOST_PAIRS]]
        hidden = len(others) - _MOST_PAIRS
        yield "Metadata", "\n".join(lines) + (f"\nand {hidden} more: press Details" if hidden > 0 else "")


def _reason(job: Job) -> list[Block]:
    why = failure(job.error) if phase_of(job.status) is Phase.FAILED else None
    if not why:
        return []
    advice = advice_for(job.error)
    return [preformatted(why), *([context(f":bulb: {advice}")] if advice else [])]


def _said(job: Job, present: Present) -> str:
    said = sentence(job)
    if present.is_gone:
        return f"{said} It is no longer visible to the API key of this bot."
    if present.stuck_since is not None and not job.is_final:
        return f"{said} It {stuck_for(job.status, present.now - present.stuck_since)}."
    share = present.progress.share if present.progress else None
    running = phase_of(job.status) is Phase.ACTIVE and share is not None
    return f"{said} {int((share or 0.0) * 100)} percent are done." if running else said
