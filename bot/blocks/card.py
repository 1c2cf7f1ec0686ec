"""The card of a job in a channel: one message of a few lines, edited in place, with the job's current state."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from bot.blocks.job import (
    JobLinks,
    cost_phrase,
    error_codes,
    failure_advice,
    failure_sentence,
    job_dates,
    job_facts,
    job_menu,
    job_sentence,
    job_title,
    owner_of,
    plain_name,
    result_phrase,
    status_emoji,
    status_label,
)
from bot.blocks.parts import (
    Block,
    Message,
    bold,
    code_span,
    context,
    fallback_text,
    fields,
    format_date,
    format_duration,
    format_metric,
    safe_text,
    section,
    truncate_markup,
    user_mention,
)
from bot.blocks.stalled import stalled_note, stalled_phrase
from bot.jobs.creation import BOOKKEEPING_KEYS
from bot.jobs.ids import short_id
from bot.jobs.models import Job, display_name
from bot.jobs.progress import Progress, estimated_finish
from bot.jobs.statuses import Phase, phase_of

_MAX_LINES = 6
"""Lines of text of a card on a phone, without its image; a full card may have more."""
_LINE_COLUMNS = 34
"""Characters that fit a line at 375 px in a wide font; a wide character counts twice."""
_CUT_COLUMNS = 30
"""Characters of each line of a text that is cut, which may break anywhere."""
_ANY_ROOM = 1000
_EMOJI = re.compile(":[a-z_]+:")
_BREAK = re.compile(r"(?<=[\s-])")
_MAX_NAME_COLUMNS = 64
_MAX_OWNER_LENGTH = 40
"""Characters of an owner who is no user of Slack: the start and the end of a longer one."""
_BAR_WIDTH = 10
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
    remarks = [links.model_hint] if links.model_hint and phase_of(job.status) is Phase.SUCCEEDED else []
    remarks += notes if links.tracked else [*notes, "No longer tracked here"]
    small_line = " · ".join(remarks)
    room = _ANY_ROOM if full else _MAX_LINES - _line_count(small_line)
    lines = card_lines(job, links, card_state, person=person, room=room)
    blocks = [section("\n".join(lines), accessory=job_menu(job, links))]
    if full:
        blocks += fields([*job_dates(job), *_metadata_facts(job)])
    blocks += [card_state.curves_image] if card_state.curves_image else []
    return Message(_fallback_text(job, card_state), [*blocks, *([context(small_line)] if small_line else [])])


def card_lines(
    job: Job, links: JobLinks, state: CardState, *, person: str | None = None, room: int = _ANY_ROOM
) -> list[str]:
    """Return the lines of a card: name and status, how far it is or what came of it, and what it was made of.

    They are safe mrkdwn. What matters least is left out until the rest fits ``room`` lines of a phone.
    """
    summary = summary_lines(job, links, state, room=room)
    left = room - sum(map(_line_count, summary))
    return [*filter(None, [*summary, _facts(job, links, state, person, left)])]


def summary_lines(job: Job, links: JobLinks, state: CardState, *, room: int = _ANY_ROOM) -> list[str]:
    """Return a job's name and status, and below them its progress, its model, or why it failed and what to do, safe mrkdwn."""
    headline = _headline(job, links, state)
    return [headline, *_result(job, state, max(1, room - _line_count(headline)))]


def _line_count(markup: str) -> int:
    """Return about how many lines a line of safe mrkdwn takes on a phone, which breaks it at spaces and hyphens."""
    count, room = 0, 0
    for word in _BREAK.split(_EMOJI.sub("  ", fallback_text(markup))):
        columns = _columns(word)
        if columns > room:
            count += -(-columns // _LINE_COLUMNS)
            room = -columns % _LINE_COLUMNS
        else:
            room -= columns
    return count


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)


def _title(job: Job) -> str:
    """Return the name of a job in bold, safe mrkdwn; of a long one in wide characters, its start and its end."""
    name = display_name(job)
    return job_title(job) if _columns(name) <= _MAX_NAME_COLUMNS else bold(short_id(name, _MAX_NAME_COLUMNS // 2))


def _headline(job: Job, links: JobLinks, state: CardState) -> str:
    """Return the first line: name, status, and how long or how far."""
    label = status_label(job.status).lower()
    if state.is_missing:
        return f":ghost: {_title(job)} · not found (last status: {label})"
    title = f"{status_emoji(job.status)} {_title(job)}"
    if job.is_final:
        cost = cost_phrase(job, links.price)
        return f"{title} · {result_phrase(job, job.status).removeprefix('was ')}" + (f" · {cost}" if cost else "")
    if state.stalled_since is not None:
        silent = f":warning: no heartbeat since {format_date(job.silent_since)}" if job.silent_since else None
        return f"{title} · {label} · {silent or stalled_note(job.status, state.stalled_since)}"
    if phase_of(job.status) is Phase.ACTIVE and (share := _share_done(job, state)) is not None:
        return f"{title} · {label} · {int(share * 100)}%"
    # A time, no age: the card may stand unchanged for hours.
    since = "" if label == "created" else " since"
    return f"{title} · {label}" + (f"{since} {format_date(state.status_since)}" if state.status_since else "")


def _result(job: Job, state: CardState, room: int) -> Iterator[str]:
    """Yield the line between headline and facts: progress, the model, or why the job failed and what to do."""
    if phase_of(job.status) is Phase.FAILED:
        if why := failure_advice(job) or failure_sentence(job.error):
            yield truncate_markup(why, room * _CUT_COLUMNS)
    elif job.fine_tuned_model:
        yield code_span(short_id(job.fine_tuned_model, room * _CUT_COLUMNS))
    elif progress := _progress(job, state):
        yield progress


def _facts(job: Job, links: JobLinks, state: CardState, person: str | None, room: int) -> str:
    """Return the last line: the error as the provider words it or the loss so far, what the job was made of, and people.

    What matters least is left out until the rest fits ``room`` lines of a phone.
    """
    codes = error_codes(job.error) if phase_of(job.status) is Phase.FAILED else []
    losses = _losses(job, state)
    facts = job_facts(job, links)
    owner = owner_of(job)
    owners = [user_mention(short_id(owner, _MAX_OWNER_LENGTH))] if owner else []
    trackers = [f"tracked by {user_mention(person)}"] if person and person != owner else []
    kept = [*codes, *losses, *facts, *owners, *trackers]
    for least in [*trackers, *reversed(codes), *reversed(facts), *losses, *owners]:
        if _line_count(" · ".join(kept)) <= room:
            break
        kept.remove(least)
    return " · ".join(kept)


def _is_measured(job: Job, state: CardState) -> bool:
    """Whether a job's progress is shown: it is running, or paused on its way."""
    return phase_of(job.status) in (Phase.ACTIVE, Phase.HELD) and not state.is_missing


def _progress(job: Job, state: CardState) -> str | None:
    """Return how far a running or paused job is, and when a running one will be done."""
    if not _is_measured(job, state):
        return None
    share = _share_done(job, state)
    parts = [_steps(state.progress)] if state.progress else [_bar(share)] if share is not None else []
    finish = estimated_finish(job, state.progress, now=state.now)
    if finish and phase_of(job.status) is Phase.ACTIVE and state.stalled_since is None:
        parts.append(f"ETA {format_date(finish)}")
    return " · ".join(parts) or None


def _share_done(job: Job, state: CardState) -> float | None:
    """Return the finished share of a job's training, 0 to 1: by its steps, else as the API says; None if it is unknown."""
    by_steps = state.progress.share if state.progress else None
    return job.fraction_done if by_steps is None else by_steps


def _steps(progress: Progress) -> str:
    if progress.share is None:
        return f"step {progress.step:,}"
    return f"{_bar(progress.share)} step {progress.step:,}/{progress.steps:,}"


def _bar(share: float) -> str:
    filled = int(share * _BAR_WIDTH)
    return "\u2588" * filled + "\u2591" * (_BAR_WIDTH - filled)


def _losses(job: Job, state: CardState) -> list[str]:
    """Return the first and the newest loss, or reward, of a running or paused job as one fact, if both are known."""
    points = state.progress.points if state.progress and _is_measured(job, state) else ()
    if len(points) < 2:  # noqa: PLR2004 - a range has two ends
        return []
    metric = "reward" if job.is_reinforcement else "loss"
    return [f"{metric} {format_metric(points[0][1])} → {format_metric(points[-1][1])}"]


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
        return f"{plain_name(job)} wasn't found (last status: {status_label(job.status).lower()})."
    if job.silent_since and not job.is_final:
        return f"{sentence} It hasn't sent a heartbeat for {format_duration(state.now - job.silent_since)}."
    if state.stalled_since is not None and not job.is_final:
        return f"{sentence} It's stuck: {stalled_phrase(job.status, state.now - state.stalled_since)}."
    share = _share_done(job, state)
    is_measured = phase_of(job.status) is Phase.ACTIVE and share is not None
    return f"{sentence.removesuffix('.')}, {int((share or 0.0) * 100)}% done." if is_measured else sentence
