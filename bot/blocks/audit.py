"""What people tried, and what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.job import status_label
from bot.blocks.parts import (
    LONGEST_ID,
    Message,
    channel_mention,
    code_span,
    context,
    fallback_text,
    format_date,
    older_button,
    safe_text,
    section,
    truncate_markup,
    user_mention,
)

_LONGEST_LINE = 250
"""Characters: thirty lines stay below the 8,000 that Slack takes in one message."""
_MOST_IN_FALLBACK = 5
_DECISION_TEXTS = {
    "denied": ":no_entry: was denied",
    "tampered": ":rotating_light: pressed a button that was never put to them for",
    "wrong": "asked wrongly for",
    "failed": "got no answer to",
    "shown": "looked at",
    "asked": "was asked about",
    "stale": "pressed too late for",
    "duplicate": "repeated",
    "ordered": "*ordered*",
    "done": ":white_check_mark: carried out",
    "over": "came too late (the job had finished) with",
    "early": "came too early (the job wasn't there yet) with",
    "already": "asked for what was so already:",
    "refused": ":warning: refused by the API:",
    "unsent": ":warning: never sent:",
    "unknown": ":warning: result unknown:",
}
_FOOTER = "Newest first. `ftjob audit export` on the bot's machine prints everything, `ftjob audit verify` checks it."


@dataclass(frozen=True)
class AuditRow:
    """One row of the audit, as the store has it."""

    at: float
    person: str
    channel: str
    verb: str
    decision: str
    job_id: str | None = None
    reason: str | None = None
    before: str | None = None
    after: str | None = None
    count: int = 1
    """How often that person did the like; the rest is of the last time."""
    since: float = 0.0
    """When they first did, where that was several times."""


def audit_message(
    lines: Sequence[AuditRow], *, left_out: int = 0, older: str | None = None, what: str = "", is_first: bool = True
) -> Message:
    """Draw rows of the audit, newest first.

    Args:
        lines: the rows.
        left_out: how many people's refusals and looks are not summed up in a line.
        older: the command that shows what came before, None where nothing did.
        what: which rows these are, already safe; nothing for all.
        is_first: whether nothing newer was left out.
    """
    if not lines:
        text = "Nobody has tried anything yet that the audit keeps: orders, and what was refused."
        if what or not is_first:
            text = f"The audit has no{'' if is_first else ' older'} rows {what}.".replace(" .", ".")
        return Message(text, [section(text)])
    drawn = [truncate_markup(_row_text(line), _LONGEST_LINE) for line in lines]
    halves = [drawn[start : start + 10] for start in range(0, len(drawn), 10)]
    said = fallback_text("Audit: " + "; ".join(drawn[:_MOST_IN_FALLBACK]))
    title = f"*Audit* {what}".strip()
    notes = (
        [f"{left_out} more were refused something, or looked: `/ftjob audit denied`, `audit shown`"] if left_out else []
    )
    foot = [*(older_button(older, "what people tried") if older else ()), context(" · ".join([*notes, _FOOTER]))]
    return Message(said, [section(title), *(section("\n".join(half)) for half in halves), *foot])


def _row_text(line: AuditRow) -> str:
    verb = code_span(line.verb.replace("_", " "), 20)
    job = f" {code_span(line.job_id, LONGEST_ID)}" if line.job_id else ""
    states = f" · {status_label(line.before).lower()}" if line.before else ""
    states += f" → {status_label(line.after).lower()}" if line.after else ""
    why = f" · {safe_text(line.reason, 80)}" if line.reason else ""
    decided = _DECISION_TEXTS.get(line.decision, safe_text(line.decision, 20))
    where = channel_mention(line.channel)
    job += f" · {line.count} times since {format_date(line.since)}, the last" if line.count > 1 else ""
    return f"{format_date(line.at)} · {user_mention(line.person)} {decided} {verb}{job}{states} · in {where}{why}"
