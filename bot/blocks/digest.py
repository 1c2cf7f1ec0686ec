"""Many changes in one message, a line each: what a channel gets where one message a change would take minutes."""

from collections.abc import Sequence

from bot.blocks.job import doing, emoji, reason_in_words, word
from bot.blocks.parts import LONGEST_ID, LONGEST_SECTION, Block, Message, clip, code, context, plain, section
from bot.blocks.stuck import stuck_for
from bot.jobs.changes import Change, ChangeKind
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

LONGEST_LINE = 300
"""Characters: 25 such lines are the 8,000 that Slack takes in one message."""
_LONGEST_MODEL = 120
_LONGEST_REASON = 140


def digest(told: Sequence[tuple[Change, Job, str | None]], *, notes: Sequence[str]) -> Message:
    """Draw changes in their order.

    Args:
        told: each change, its job as it was then, and why it failed, from its log, where the job does not say.
        notes: sentences about the message itself, already safe.
    """
    title = f"{len(told)} changes" if len(told) > 1 else "1 change"
    said = "; ".join(f"{plain(job.id, LONGEST_ID)} {_briefly(change)}" for change, job, _ in told)
    text = clip(" ".join([*notes, f"{title}: {said}."]), LONGEST_SECTION)
    last = context(" · ".join([*notes, "`/ftjob status` and an id shows one in full"]))
    lines = [clip(_line(change, job, reason), LONGEST_LINE) for change, job, reason in told]
    return Message(text, [section(f"*{title}*"), *_sections(lines), last])


def after_mute(told: Sequence[tuple[Change, Job, str | None]], *, notes: Sequence[str]) -> Message:
    """Draw what was muted, a line for each job from where it was to where it came; arguments as of ``digest``."""
    first: dict[str, Change] = {}
    last: dict[str, tuple[Change, Job, str | None]] = {}
    for change, job, reason in told:
        first.setdefault(job.id, change)
        last[job.id] = (change, job, reason)
    changes = "1 change" if len(told) == 1 else f"{len(told)} changes"
    title = f"While muted: {changes} of {'1 job' if len(last) == 1 else f'{len(last)} jobs'}"
    way = [(_way(first[job.id], change), job, reason) for change, job, reason in last.values()]
    said = "; ".join(f"{plain(job.id, LONGEST_ID)} {_briefly(change)}" for change, job, _ in way)
    text = clip(" ".join([*notes, f"{title}: {said}."]), LONGEST_SECTION)
    lines = [clip(_line(change, job, reason), LONGEST_LINE) for change, job, reason in way]
    hint = context(" · ".join([*notes, "`/ftjob status` and an id shows one in full"]))
    return Message(text, [section(f"*{title}*"), *_sections(lines), hint])


def _way(first: Change, last: Change) -> Change:
    """Return several changes of a job as one."""
    return Change(last.kind, first.before, last.after) if last.kind is ChangeKind.STATUS else last


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


def _line(change: Change, job: Job, reason: str | None) -> str:
    after = change.after
    parts = [f"{emoji(after.status)} {code(job.id, LONGEST_ID)} {_transition(change)}"]
    if after.fine_tuned_model and after.fine_tuned_model != change.before.fine_tuned_model:
        parts.append(code(after.fine_tuned_model, _LONGEST_MODEL))
    if phase_of(after.status) is Phase.FAILED and (why := reason_in_words(job.error, reason)):
        parts.append(clip(why, _LONGEST_REASON))
    return " · ".join(parts)


def _transition(change: Change) -> str:
    match change.kind:
        case ChangeKind.NEW:
            return f"*New*, {word(change.after.status).lower()}"
        case ChangeKind.STATUS:
            return f"{word(change.before.status)} → *{word(change.after.status)}*"
        case ChangeKind.MODEL:
            return "*Model is ready*" if change.after.fine_tuned_model else "*Model is gone*"
        case ChangeKind.GONE:
            return "*No longer visible*"
        case ChangeKind.BACK:
            return f"*Visible again*, {word(change.after.status).lower()}"
        case ChangeKind.STUCK:
            return f"*Stuck*: {stuck_for(change.after.status, change.stuck_for or 0.0)}"
        case ChangeKind.MOVED:
            return f"*Moving again*, {word(change.after.status).lower()}"


def _briefly(change: Change) -> str:
    if change.kind is ChangeKind.NEW:
        return f"is new: {word(change.after.status).lower()}"
    if change.kind is ChangeKind.STUCK:
        return stuck_for(change.after.status, change.stuck_for or 0.0)
    return doing(change.after.status)
