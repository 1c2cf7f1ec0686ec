"""The audit trail: who did what, and whether it was allowed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.interactive import older_button
from bot.blocks.job import status_label
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Message,
    bold,
    channel_mention,
    code_span,
    context,
    counted,
    fallback_text,
    format_date,
    job_mention_with_id,
    safe_text,
    section,
    truncate_markup,
    user_mention,
)
from bot.jobs.creation import REQUEST_PREFIX

_MAX_LINE_LENGTH = 290
"""Characters: ten lines fit into a section."""
_MAX_LENGTH = 7500
"""Characters of all lines: Slack takes 8,000 in one message."""
_MAX_FIRST_NAME_LENGTH = 24
"""Characters of a name that stands for several jobs."""
_ROWS_IN_SECTION = 10
_MAX_IN_FALLBACK = 5
_DECISION_TEXTS = {
    "denied": ":no_entry: was denied",
    "tampered": ":rotating_light: used someone else's button:",
    "wrong": "made an invalid request:",
    "failed": "got an error from",
    "shown": "viewed",
    "asked": "was asked to confirm",
    "stale": "used an outdated confirmation:",
    "duplicate": "repeated",
    "ordered": "*requested*",
    "done": ":white_check_mark: completed",
    "over": "was too late (the job had finished):",
    "early": "was too early (the job wasn't ready for it):",
    "already": "requested (already done):",
    "refused": ":warning: had a request rejected by the API:",
    "unsent": ":warning: couldn't send:",
    "unknown": ":warning: got no confirmation for",
}
"""By the value of the audit row's decision."""
_DENIAL_TEXTS = {
    "stranger": "not a member of this workspace",
    "guest_reads_only": "guests can only view jobs",
    "not_a_person": "bots can't use ftjob",
    "no_such_person": "not listed as a member by Slack",
    "unreadable": "Slack didn't say whether they're a member",
    "slack_refuses": "Slack wouldn't say who they are",
    "slack_unreachable": "couldn't reach Slack",
    "starting": "ftjob was still starting up",
    "read_only": "ftjob is read-only",
}
"""Reasons of denials that are not readable as stored."""
_STORED_WORD = re.compile(r"[a-z]+(_[a-z]+)*", re.ASCII)
_FOOTER = "Newest first. On the bot's host, `ftjob audit export` prints everything and `ftjob audit verify` checks it."


@dataclass(frozen=True)
class Repeats:
    """Audit rows that one row stands for: the same user did the same thing several times."""

    count: int
    since: float
    """When the first of them was, Unix seconds."""


@dataclass(frozen=True)
class AuditRow:
    """One row of the audit trail; of several that are alike, the newest."""

    at: float
    person: str
    channel: str
    verb: str
    decision: str
    jobs: Sequence[tuple[str, str | None]] = ()
    """ID and name of each job that it is about; None for a job without a name."""
    reason: str | None = None
    statuses: tuple[str | None, str | None] = (None, None)
    """Of the job, before and after the action."""
    repeats: Repeats | None = None


def audit_message(
    rows: Sequence[AuditRow], *, left_out: int = 0, older: str | None = None, what: str = "", is_first: bool = True
) -> Message:
    """Return a page of the audit trail, newest row first.

    Args:
        rows: what the page shows.
        left_out: number of rows of denials and reads, one for each user and outcome, that are not on the page.
        older: command that shows the next page; None on the last page.
        what: which rows were selected, safe mrkdwn; empty for all of them.
        is_first: whether this is the first page.
    """
    if not rows:
        return _empty(what, is_first=is_first)
    longest = min(_MAX_LINE_LENGTH, _MAX_LENGTH // len(rows))
    lines = [truncate_markup(_row_text(row), longest) for row in rows]
    parts = [lines[start : start + _ROWS_IN_SECTION] for start in range(0, len(lines), _ROWS_IN_SECTION)]
    text = fallback_text("Audit: " + "; ".join(lines[:_MAX_IN_FALLBACK]))
    title = " · ".join(["*Audit*", *([what] if what else [])])
    hidden = f"Not shown: {counted(left_out, 'more row')} of denials or views (see `/ftjob audit denied` and `/ftjob audit shown`)"
    notes = [hidden, _FOOTER] if left_out else [_FOOTER]
    paging = older_button(older, "audit entries")
    sections = [section("\n".join(part)) for part in parts]
    return Message(text, [section(title), *sections, *paging, context(" · ".join(notes))])


def _empty(what: str, *, is_first: bool) -> Message:
    text = "No actions or denials yet."
    if what or not is_first:
        text = f"No{'' if is_first else ' older'} audit entries{f' for this filter: {what}' if what else ''}."
    return Message(text, [section(text)])


def _row_text(row: AuditRow) -> str:
    verb = code_span(row.verb.replace("_", " "), 20)
    jobs = [(job_id, name) for job_id, name in row.jobs if not job_id.startswith(REQUEST_PREFIX)]
    job = f" {_jobs_text(jobs)}" if jobs else ""
    before, after = row.statuses
    statuses = f" · {status_label(before).lower()}" if before else ""
    statuses += f" → {status_label(after).lower()}" if after else ""
    why = f" · {safe_text(_reason_text(row.reason), 80)}" if row.reason else ""
    decision = _DECISION_TEXTS.get(row.decision, safe_text(row.decision, 20))
    if row.repeats:
        job += f" · {row.repeats.count} times since {format_date(row.repeats.since)}"
    who, where = user_mention(row.person), channel_mention(row.channel)
    return f"{format_date(row.at)} · {who} {decision} {verb}{job}{statuses} · in {where}{why}"


def _reason_text(reason: str) -> str:
    """Return a reason in words: that of a denial is stored as one word with underscores."""
    return _DENIAL_TEXTS.get(reason) or (reason.replace("_", " ") if _STORED_WORD.fullmatch(reason) else reason)


def _jobs_text(jobs: Sequence[tuple[str, str | None]]) -> str:
    ids = ",".join(job_id for job_id, _ in jobs)
    name = next((name for _, name in jobs if name), None)
    if name is None or len(jobs) == 1:
        return job_mention_with_id(ids, name, MAX_ID_LENGTH)
    return f"{bold(name, _MAX_FIRST_NAME_LENGTH)} and {len(jobs) - 1} more {code_span(ids, MAX_ID_LENGTH)}"
