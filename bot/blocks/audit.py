"""What people tried, and what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.job import word
from bot.blocks.parts import LONGEST_ID, Message, clip, code, context, date, mention, place, plain, section, spoken

_LONGEST_LINE = 290
"""Characters: twenty-five lines stay below the 8,000 that Slack takes in one message."""
_MOST_SPOKEN = 5
_IN_WORDS = {
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
    "over": "came too late with",
    "refused": ":warning: refused by the API:",
    "unsent": ":warning: never sent:",
    "unknown": ":warning: result unknown:",
}
_FOOT = "Newest first. `ftjob audit export` on the bot's machine prints everything, `ftjob audit verify` checks it."


@dataclass(frozen=True)
class Line:
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


def audit(lines: Sequence[Line]) -> Message:
    """Draw rows of the audit, newest first."""
    if not lines:
        text = "Nobody has tried anything yet that the audit keeps: orders, and what was refused."
        return Message(text, [section(text)])
    drawn = [clip(_line(line), _LONGEST_LINE) for line in lines]
    halves = [drawn[start : start + 10] for start in range(0, len(drawn), 10)]
    said = spoken("Audit: " + "; ".join(drawn[:_MOST_SPOKEN]))
    return Message(said, [section("*Audit*"), *(section("\n".join(half)) for half in halves), context(_FOOT)])


def _line(line: Line) -> str:
    verb = code(line.verb.replace("_", " "), 20)
    job = f" {code(line.job_id, LONGEST_ID)}" if line.job_id else ""
    states = f" · {word(line.before).lower()}" if line.before else ""
    states += f" → {word(line.after).lower()}" if line.after else ""
    why = f" · {plain(line.reason, 80)}" if line.reason else ""
    decided = _IN_WORDS.get(line.decision, plain(line.decision, 20))
    where = place(line.channel)
    return f"{date(line.at)} · {mention(line.person)} {decided} {verb}{job}{states} · in {where}{why}"
