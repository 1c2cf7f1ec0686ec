"""Digests: several changes in one message, one line each, where a message for each would hit Slack's rate limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.blocks.changes import change_brief, change_line
from bot.blocks.job import failure_sentence, job_title, owner_of, plain_name, status_emoji
from bot.blocks.parts import (
    MAX_SECTION_LENGTH,
    Message,
    code_span,
    context,
    counted,
    plain,
    section,
    sections,
    truncate_markup,
    user_mention,
)
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

MAX_LINE_LENGTH = 300
"""Characters: 25 such lines are the 8,000 that Slack takes in one message."""
_HINT = "Details: `/ftjob status &lt;id&gt;`"
_CURVES_HINT = "Charts: `/ftjob curves &lt;id&gt;`"
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
    page_url: str | None = None
    """URL of the provider's page for it, if known."""


def digest_message(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Return a digest of changes, in their order.

    Args:
        lines: the changes.
        notes: remarks about the message itself, safe mrkdwn.
    """
    return _digest(counted(len(lines), "change"), lines, notes)


def flapping_digest(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Return the summary of suppressed changes of flapping jobs, one line per job; arguments as in `digest_message`."""
    return _summary("Held updates", lines, notes)


def mute_digest(lines: Sequence[DigestLine], *, notes: Sequence[str]) -> Message:
    """Return the summary of muted changes, one line per job; arguments as in `digest_message`."""
    return _summary("While muted", lines, notes)


def _summary(title: str, lines: Sequence[DigestLine], notes: Sequence[str]) -> Message:
    """Return a digest with one line per job, from its first state to its last."""
    by_job: dict[str, DigestLine] = {}
    for each in lines:
        by_job[each.job.id] = _merged(by_job[each.job.id], each) if each.job.id in by_job else each
    counts = f"{counted(len(lines), 'change')} across {counted(len(by_job), 'job')}"
    return _digest(f"{title}: {counts}", list(by_job.values()), notes)


def _digest(title: str, lines: Sequence[DigestLine], notes: Sequence[str]) -> Message:
    briefs = "; ".join(f"{plain_name(each.job)} {change_brief(each.change)}" for each in lines)
    text = truncate_markup(" · ".join([*notes, f"{title}: {briefs}."]), MAX_SECTION_LENGTH)
    rows = [truncate_markup(_line(each), MAX_LINE_LENGTH) for each in lines]
    has_curves = any(phase_of(each.change.after.status) is Phase.SUCCEEDED for each in lines)
    hint = " · ".join([_HINT, *([_CURVES_HINT] if has_curves else [])])
    return Message(text, [section(f"*{title}*"), *sections(rows), context(" · ".join([*notes, hint]))])


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


def _line(line: DigestLine) -> str:
    change, job, after = line.change, line.job, line.change.after
    account = f" ({plain(line.account)})" if line.account else ""
    parts = [f"{status_emoji(after.status)} {_title(line)}{account} {change_line(change, job)}"]
    is_new_model = after.fine_tuned_model != change.before.fine_tuned_model and change.kind is not ChangeKind.MODEL
    if after.fine_tuned_model and is_new_model:
        parts.append(code_span(after.fine_tuned_model, _MAX_MODEL_LENGTH))
    if phase_of(after.status) is Phase.FAILED and (why := failure_sentence(job.error, line.reason)):
        parts.append(truncate_markup(why, _MAX_REASON_LENGTH))
    if change.ends_job and (owner := owner_of(job)):
        parts.append(user_mention(owner))
    return " · ".join(parts)


def _title(line: DigestLine) -> str:
    """Return the name of the job, linked to its page."""
    return f"*<{line.page_url}|{plain_name(line.job)}>*" if line.page_url else job_title(line.job)
