"""Many changes in one message, a line each: what a channel gets where one message a change would take minutes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Told:
    """One change of many."""

    change: Change
    job: Job
    """As it was then."""
    reason: str | None = None
    """Why it failed, from its log, where the job does not say."""
    account: str | None = None
    """Whose job it is, where there are several accounts."""


def digest(told: Sequence[Told], *, notes: Sequence[str]) -> Message:
    """Draw changes in their order.

    Args:
        told: the changes.
        notes: sentences about the message itself, already safe.
    """
    title = f"{len(told)} changes" if len(told) > 1 else "1 change"
    said = "; ".join(f"{plain(each.job.id, LONGEST_ID)} {_briefly(each.change)}" for each in told)
    text = clip(" ".join([*notes, f"{title}: {said}."]), LONGEST_SECTION)
    last = context(" · ".join([*notes, "`/ftjob status` and an id shows one in full"]))
    lines = [clip(_line(each), LONGEST_LINE) for each in told]
    return Message(text, [section(f"*{title}*"), *_sections(lines), last])


def after_flapping(told: Sequence[Told], *, notes: Sequence[str]) -> Message:
    """Draw what jobs went through that changed too often to be told one by one; arguments as of ``digest``."""
    return after_mute(told, notes=notes, title="Kept changing")


def after_mute(told: Sequence[Told], *, notes: Sequence[str], title: str = "While muted") -> Message:
    """Draw what was muted, a line for each job from where it was to where it came; arguments as of ``digest``."""
    first: dict[str, Change] = {}
    last: dict[str, Told] = {}
    for each in told:
        first.setdefault(each.job.id, each.change)
        last[each.job.id] = each
    changes = "1 change" if len(told) == 1 else f"{len(told)} changes"
    title = f"{title}: {changes} of {'1 job' if len(last) == 1 else f'{len(last)} jobs'}"
    way = [replace(each, change=_way(first[each.job.id], each.change)) for each in last.values()]
    said = "; ".join(f"{plain(each.job.id, LONGEST_ID)} {_briefly(each.change)}" for each in way)
    text = clip(" ".join([*notes, f"{title}: {said}."]), LONGEST_SECTION)
    lines = [clip(_line(each), LONGEST_LINE) for each in way]
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


def _line(told: Told) -> str:
    change, job, after = told.change, told.job, told.change.after
    whose = f" ({plain(told.account)})" if told.account else ""
    parts = [f"{emoji(after.status)} {code(job.id, LONGEST_ID)}{whose} {_transition(change)}"]
    if after.fine_tuned_model and after.fine_tuned_model != change.before.fine_tuned_model:
        parts.append(code(after.fine_tuned_model, _LONGEST_MODEL))
    if phase_of(after.status) is Phase.FAILED and (why := reason_in_words(job.error, told.reason)):
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
