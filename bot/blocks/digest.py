"""Many changes in one message, a line each: what a channel gets where one message a change would take minutes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.blocks.job import failure_sentence, status_emoji, status_label, status_phrase
from bot.blocks.parts import (
    LONGEST_ID,
    LONGEST_SECTION,
    Block,
    Message,
    code_span,
    context,
    safe_text,
    section,
    truncate_markup,
)
from bot.blocks.stuck import stalled_phrase
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

LONGEST_LINE = 300
"""Characters: 25 such lines are the 8,000 that Slack takes in one message."""
_HINT = "`/ftjob status` and an id shows one in full"
_CURVES = ", `/ftjob curves` and an id its curves"
"""A job that only a digest told has no card that could show them."""
_LONGEST_MODEL = 120
_LONGEST_REASON = 140


@dataclass(frozen=True)
class DigestLine:
    """One change of many."""

    change: Change
    job: Job
    """As it was then."""
    reason: str | None = None
    """Why it failed, from its log, where the job does not say."""
    account: str | None = None
    """Whose job it is, where there are several accounts."""


def digest_message(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Draw changes in their order.

    Args:
        lines: the changes.
        notes: sentences about the message itself, already safe.
    """
    title = f"{len(lines)} changes" if len(lines) > 1 else "1 change"
    return _digest(title, lines, notes)


def flapping_digest(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Draw what jobs went through that changed too often to be told one by one; arguments as of ``digest``."""
    return mute_digest(lines, notes=notes, title="Kept changing")


def mute_digest(lines: Sequence[DigestLine], *, notes: Sequence[str], title: str = "While muted") -> Message:
    """Draw what was muted, a line for each job from where it was to where it came; arguments as of ``digest``."""
    way: dict[str, DigestLine] = {}
    for each in lines:
        way[each.job.id] = _merged(way[each.job.id], each) if each.job.id in way else each
    changes = "1 change" if len(lines) == 1 else f"{len(lines)} changes"
    title = f"{title}: {changes} of {'1 job' if len(way) == 1 else f'{len(way)} jobs'}"
    return _digest(title, list(way.values()), notes)


def _digest(title: str, told: Sequence[DigestLine], notes: Sequence[str]) -> Message:
    said = "; ".join(f"{safe_text(each.job.id, LONGEST_ID)} {_briefly(each.change)}" for each in told)
    text = truncate_markup(" ".join([*notes, f"{title}: {said}."]), LONGEST_SECTION)
    lines = [truncate_markup(_line(each), LONGEST_LINE) for each in told]
    has_curves = any(phase_of(each.change.after.status) is Phase.SUCCEEDED for each in told)
    hint = _HINT + (_CURVES if has_curves else "")
    return Message(text, [section(f"*{title}*"), *_sections(lines), context(" · ".join([*notes, hint]))])


def _merged(so_far: DigestLine, last: DigestLine) -> DigestLine:
    """Return what is told of a job so far and its next change as one."""
    before, change = so_far.change.before, last.change
    if change.kind in (ChangeKind.STATUS, ChangeKind.MODEL) and change.after.status != before.status:
        return replace(
            last, change=Change(ChangeKind.STATUS, before, change.after), reason=_merged_reason(so_far, last)
        )
    if change.kind is ChangeKind.STATUS:
        return replace(last, change=Change(change.kind, before, change.after))
    unheard = State(change.before.status, before.fine_tuned_model)
    return replace(last, change=replace(change, before=unheard), reason=_merged_reason(so_far, last))


def _merged_reason(so_far: DigestLine, last: DigestLine) -> str | None:
    """Return why a job failed, also where only an earlier change to the same status said so."""
    is_same = so_far.change.after.status == last.change.after.status
    return last.reason or (so_far.reason if is_same else None)


def _sections(lines: Sequence[str]) -> list[Block]:
    """Return the lines in as few paragraphs as their length allows."""
    paragraphs = [""]
    for line in lines:
        longer = f"{paragraphs[-1]}\n{line}".strip()
        if len(longer) <= LONGEST_SECTION:
            paragraphs[-1] = longer
        else:
            paragraphs.append(line)
    return [section(paragraph) for paragraph in paragraphs if paragraph]


def _line(told: DigestLine) -> str:
    change, job, after = told.change, told.job, told.change.after
    whose = f" ({safe_text(told.account)})" if told.account else ""
    parts = [f"{status_emoji(after.status)} {code_span(job.id, LONGEST_ID)}{whose} {_transition(change)}"]
    if after.fine_tuned_model and after.fine_tuned_model != change.before.fine_tuned_model:
        parts.append(code_span(after.fine_tuned_model, _LONGEST_MODEL))
    if phase_of(after.status) is Phase.FAILED and (why := failure_sentence(job.error, told.reason)):
        parts.append(truncate_markup(why, _LONGEST_REASON))
    return " · ".join(parts)


def _transition(change: Change) -> str:
    match change.kind:
        case ChangeKind.NEW:
            return f"*New*, {status_label(change.after.status).lower()}"
        case ChangeKind.STATUS:
            return f"{status_label(change.before.status)} → *{status_label(change.after.status)}*"
        case ChangeKind.MODEL:
            return "*Model is ready*" if change.after.fine_tuned_model else "*Model is gone*"
        case ChangeKind.MISSING:
            return "*No longer visible*"
        case ChangeKind.REAPPEARED:
            return f"*Visible again*, {status_label(change.after.status).lower()}"
        case ChangeKind.STALLED:
            return f"*Stuck*: {stalled_phrase(change.after.status, change.stalled_for or 0.0)}"
        case ChangeKind.PROGRESSING:
            return f"*Moving again*, {status_label(change.after.status).lower()}"


def _briefly(change: Change) -> str:
    if change.kind is ChangeKind.NEW:
        return f"is new: {status_label(change.after.status).lower()}"
    if change.kind is ChangeKind.STALLED:
        return stalled_phrase(change.after.status, change.stalled_for or 0.0)
    return status_phrase(change.after.status)
