"""Digests: several changes in one message, one line each, where a message for each would hit Slack's rate limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.blocks.changes import change_brief, change_line
from bot.blocks.job import failure_sentence, status_emoji
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    MAX_SECTION_LENGTH,
    Block,
    Message,
    code_span,
    context,
    counted,
    safe_text,
    section,
    truncate_markup,
)
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

MAX_LINE_LENGTH = 300
"""Characters: 25 such lines are the 8,000 that Slack takes in one message."""
_HINT = "`/ftjob status` and an id shows one in full"
_CURVES_HINT = ", `/ftjob curves` and an id its curves"
"""For jobs that appear only in a digest: they have no card that could show their curves."""
_MAX_MODEL_LENGTH = 120
_MAX_REASON_LENGTH = 140


@dataclass(frozen=True)
class DigestLine:
    """One change in a digest."""

    change: Change
    job: Job
    """Snapshot of the job at the change."""
    reason: str | None = None
    """Failure reason from the job's log, if the job itself has none."""
    account: str | None = None
    """Name of the job's account, if there are several."""


def digest_message(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Return a digest of changes, in their order.

    Args:
        lines: the changes.
        notes: remarks about the message itself, safe mrkdwn.
    """
    return _digest(counted(len(lines), "change"), lines, notes)


def flapping_digest(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Return the summary of suppressed changes of flapping jobs, one line per job; arguments as in `digest_message`."""
    return _summary("Kept changing", lines, notes)


def mute_digest(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Return the summary of muted changes, one line per job; arguments as in `digest_message`."""
    return _summary("While muted", lines, notes)


def _summary(title: str, lines: Sequence[DigestLine], notes: Sequence[str]) -> Message:
    """Return a digest with one line per job, from its first state to its last."""
    by_job: dict[str, DigestLine] = {}
    for each in lines:
        by_job[each.job.id] = _merged(by_job[each.job.id], each) if each.job.id in by_job else each
    counts = f"{counted(len(lines), 'change')} of {counted(len(by_job), 'job')}"
    return _digest(f"{title}: {counts}", list(by_job.values()), notes)


def _digest(title: str, lines: Sequence[DigestLine], notes: Sequence[str]) -> Message:
    briefs = "; ".join(f"{safe_text(each.job.id, MAX_ID_LENGTH)} {change_brief(each.change)}" for each in lines)
    text = truncate_markup(" ".join([*notes, f"{title}: {briefs}."]), MAX_SECTION_LENGTH)
    rows = [truncate_markup(_line(each), MAX_LINE_LENGTH) for each in lines]
    has_curves = any(phase_of(each.change.after.status) is Phase.SUCCEEDED for each in lines)
    hint = _HINT + (_CURVES_HINT if has_curves else "")
    return Message(text, [section(f"*{title}*"), *_sections(rows), context(" · ".join([*notes, hint]))])


def _merged(earlier: DigestLine, later: DigestLine) -> DigestLine:
    """Return two changes of a job, one after the other, as one."""
    before, change = earlier.change.before, later.change
    if change.kind in (ChangeKind.STATUS, ChangeKind.MODEL) and change.after.status != before.status:
        merged = Change(ChangeKind.STATUS, before, change.after)
        return replace(later, change=merged, reason=_merged_reason(earlier, later))
    if change.kind is ChangeKind.STATUS:
        return replace(later, change=Change(change.kind, before, change.after))
    # Its model's name counts as new unless it was known before the first of the changes.
    known = State(change.before.status, before.fine_tuned_model)
    return replace(later, change=replace(change, before=known), reason=_merged_reason(earlier, later))


def _merged_reason(earlier: DigestLine, later: DigestLine) -> str | None:
    """Return the failure reason, also if only an earlier change to the same status had one."""
    is_same = earlier.change.after.status == later.change.after.status
    return later.reason or (earlier.reason if is_same else None)


def _sections(rows: Sequence[str]) -> list[Block]:
    """Return the rows in as few sections as their length allows."""
    paragraphs = [""]
    for row in rows:
        longer = f"{paragraphs[-1]}\n{row}".strip()
        if len(longer) <= MAX_SECTION_LENGTH:
            paragraphs[-1] = longer
        else:
            paragraphs.append(row)
    return [section(paragraph) for paragraph in paragraphs if paragraph]


def _line(line: DigestLine) -> str:
    change, job, after = line.change, line.job, line.change.after
    account = f" ({safe_text(line.account)})" if line.account else ""
    parts = [f"{status_emoji(after.status)} {code_span(job.id, MAX_ID_LENGTH)}{account} {change_line(change)}"]
    if after.fine_tuned_model and after.fine_tuned_model != change.before.fine_tuned_model:
        parts.append(code_span(after.fine_tuned_model, _MAX_MODEL_LENGTH))
    if phase_of(after.status) is Phase.FAILED and (why := failure_sentence(job.error, line.reason)):
        parts.append(truncate_markup(why, _MAX_REASON_LENGTH))
    return " · ".join(parts)
