"""Block Kit elements and safe mrkdwn: escaping, truncation, dates, mentions, and the few blocks in use.

Text from a job or a user is data. It gets into mrkdwn only by ``safe_text`` and ``code_span``; longer text belongs into
``preformatted``, which Slack never parses.
Limits: https://docs.slack.dev/reference/block-kit
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import accumulate
from typing import Any

from bot.text import is_invisible

Block = dict[str, Any]

MAX_SECTION_LENGTH = 3000
MAX_FIELD_LENGTH = 2000
MAX_FIELDS = 10
MAX_ERROR_LENGTH = 500
MAX_LINES = 20
MAX_ID_LENGTH = 72
"""Characters of an ID in a list; no OpenAI job ID is longer."""
MAX_ROW_NAME_LENGTH = 40
"""Characters of a job's name before its ID."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_BACKTICK_SUBSTITUTE = "\u02cb"
_FORMATTING = re.compile(r"[*~]|(?<![^\W_])_|_(?![^\W_])|:(?=[\w+'-]+:)")
"""What mrkdwn takes for bold, strikethrough, italics or an emoji; an underscore within a word is none of these."""
_LOOKALIKES = {"*": "\u2217", "~": "\u223c", "_": "\u02cd", ":": "\ua789"}
_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_MARKUP_TOKEN = re.compile(r"<[^>]*>|`[^`]*`|&(?:amp|lt|gt);|.", re.DOTALL)
_USER_ID = re.compile(r"[UW][A-Z0-9]+", re.ASCII)
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{1,20}")
_DATE_TOKEN = re.compile(r"<!date\^[^|>]*\|([^>]*)>")


@dataclass(frozen=True)
class Message:
    """A message: ``blocks`` for display, ``text`` for notifications and screen readers."""

    text: str
    blocks: Sequence[Block] = ()


def strip_invisible(text: str) -> str:
    """Drop invisible characters: control, bidirectional and zero-width ones (Unicode categories Cc and Cf)."""
    return "".join(character for character in text if not is_invisible(character))


def escape(text: str) -> str:
    """Escape the three control characters of mrkdwn.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.translate(_ENTITIES)


def truncate(text: str, longest: int) -> str:
    """Truncate ``text`` to ``longest`` characters, counted after escaping; no entity is split."""
    if len(escape(text)) <= longest:
        return text
    ends = accumulate(len(escape(character)) for character in text)
    return text[: sum(end < longest for end in ends)] + "…"


def truncate_markup(markup: str, longest: int) -> str:
    """Truncate safe mrkdwn to ``longest`` characters; no code span, ``<...>`` token or entity is split.

    An isolate that is cut is closed: it would reorder what follows.
    """
    if len(markup) <= longest:
        return markup
    room, end = longest - len("…") - (_ISOLATE in markup), 0
    for atom in _MARKUP_TOKEN.finditer(markup):
        if atom.end() > room:
            break
        end = atom.end()
    kept = markup[:end]
    return f"{kept}…{_POP_ISOLATE * (kept.count(_ISOLATE) - kept.count(_POP_ISOLATE))}"


def fallback_text(markup: str) -> str:
    """Return safe mrkdwn as a message's ``text``, where Slack shows no local times: dates become their UTC fallback."""
    return truncate_markup(_DATE_TOKEN.sub(r"\1", markup), MAX_SECTION_LENGTH)


def safe_text(text: str, longest: int = 200) -> str:
    """Return untrusted text for mrkdwn: visible characters on one line, truncated, escaped, without backticks."""
    return escape(truncate(" ".join(strip_invisible(text).split()).replace("`", _BACKTICK_SUBSTITUTE), longest))


def bold(text: str, longest: int = 200) -> str:
    """Return untrusted text in bold, with lookalikes for the characters that would end it or be drawn as an emoji."""
    inside = plain(text, longest)
    return f"*{inside}*" if inside else "*?*"


def plain(text: str, longest: int = 200) -> str:
    """Return untrusted text that mrkdwn shows as it is: without formatting, right-to-left scripts kept apart."""
    return _isolated(_FORMATTING.sub(lambda found: _LOOKALIKES[found[0]], safe_text(text, longest)))


def _isolated(text: str) -> str:
    """Isolate a text with right-to-left letters, which would otherwise reorder the numbers that follow it."""
    is_mixed = any(unicodedata.bidirectional(each) in ("R", "AL") for each in text)
    return f"{_ISOLATE}{text}{_POP_ISOLATE}" if is_mixed else text


def code_span(text: str, longest: int = 200) -> str:
    """Return untrusted text as a code span, in which Slack parses no markup."""
    inside = safe_text(text, longest)
    return f"`{inside}`" if inside else "`?`"


def user_mention(person: str) -> str:
    """Return a mention of a user by ID; any other text becomes a code span, so that no group can be mentioned."""
    return f"<@{person}>" if _USER_ID.fullmatch(person) else code_span(person)


def channel_mention(channel: str) -> str:
    """Return a mention of a conversation: a link for a channel ID, the user for a user ID, words for a DM's ID."""
    if _CHANNEL_ID.fullmatch(channel):
        return f"<#{channel}>"
    return "a direct message" if channel.startswith("D") else user_mention(channel)


def job_mention(job_id: str, name: str | None, longest: int = 200) -> str:
    """Return what to call a job in a sentence: its name in bold, or its ID if it has none; both are untrusted."""
    return bold(name, longest) if name else code_span(job_id, longest)


def job_mention_with_id(job_id: str, name: str | None, longest_id: int = 200) -> str:
    """Return a job's name and ID, for people who copy the ID or tell jobs apart by it; arguments as in `job_mention`."""
    return " ".join([*([bold(name, MAX_ROW_NAME_LENGTH)] if name else []), code_span(job_id, longest_id)])


def format_utc(seconds: float) -> str:
    """Return a time in UTC: "2026-11-23 07:00 UTC"; ``seconds`` are Unix time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def format_date(seconds: float) -> str:
    """Return a date token, which Slack shows in each reader's time zone; ``seconds`` are Unix time."""
    return f"<!date^{int(seconds)}^{{date_short_pretty}} at {{time}}|{format_utc(seconds)}>"


def format_ago(seconds: float) -> str:
    """Return a date token that Slack shows as an age, "2 hours ago"; ``seconds`` are Unix time."""
    return f"<!date^{int(seconds)}^{{ago}}|{format_utc(seconds)}>"


def format_day(day: date) -> str:
    """Return a date without a time: "Jan 14, 2027"."""
    return f"{day:%b} {day.day}, {day.year}"


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units: "2 h 14 min"."""
    seconds = int(seconds)
    for size, unit, smaller, smaller_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            remainder = seconds % size // smaller
            return f"{seconds // size} {unit} {remainder} {smaller_unit}" if remainder else f"{seconds // size} {unit}"
    return f"{seconds} s"


def format_metric(value: float) -> str:
    """Return a loss or a reward with three significant digits: "1.70"."""
    return f"{value:#.3g}".rstrip(".")


def counted(count: int, noun: str) -> str:
    """Return a number of things: "1 change", "2 changes"."""
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def series(items: Sequence[str], conjunction: str) -> str:
    """Return items as a part of a sentence: "a", "a or b", "a, b, or c"."""
    if len(items) <= 2:  # noqa: PLR2004 - no comma in a pair
        return f" {conjunction} ".join(items)
    return f"{', '.join(items[:-1])}, {conjunction} {items[-1]}"


def in_days(days: int) -> str:
    """Return a date some days ahead: "today", "tomorrow", "in 30 days"."""
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def and_more(count: int, how: str) -> list[str]:
    """Return how many rows are left out and how to see them, mrkdwn; empty if there are none."""
    return [f"And {count} more: {how}."] if count > 0 else []


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value of a job as untrusted text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=indent)


def section(text: str, *, accessory: Block | None = None) -> Block:
    """Return a section block of safe mrkdwn."""
    block: Block = {"type": "section", "text": _mrkdwn(truncate_markup(text, MAX_SECTION_LENGTH))}
    return block | {"accessory": accessory} if accessory else block


def sections(rows: Sequence[str]) -> list[Block]:
    """Return rows of safe mrkdwn, one below the other, in as few sections as their length allows."""
    paragraphs = [""]
    for row in rows:
        longer = f"{paragraphs[-1]}\n{row}".strip()
        if len(longer) <= MAX_SECTION_LENGTH:
            paragraphs[-1] = longer
        else:
            paragraphs.append(row)
    return [section(paragraph) for paragraph in paragraphs if paragraph]


def fields(pairs: Sequence[tuple[str, str]]) -> list[Block]:
    """Return section blocks with labels and values in two columns; both are safe mrkdwn."""
    texts = [_mrkdwn(truncate_markup(f"*{label}*\n{value}", MAX_FIELD_LENGTH)) for label, value in pairs]
    return [
        {"type": "section", "fields": texts[start : start + MAX_FIELDS]} for start in range(0, len(texts), MAX_FIELDS)
    ]


def context(text: str) -> Block:
    """Return a context block, a small gray line of safe mrkdwn."""
    return {"type": "context", "elements": [_mrkdwn(truncate_markup(text, MAX_SECTION_LENGTH))]}


def preformatted(text: str, longest: int = MAX_ERROR_LENGTH, *, most_lines: int = MAX_LINES) -> Block:
    """Return untrusted text as a preformatted block, which Slack does not parse and users can copy."""
    lines = strip_invisible(text).splitlines()
    visible = "\n".join([*lines[:most_lines], "…"] if len(lines) > most_lines else lines)
    element = {
        "type": "rich_text_preformatted",
        "elements": [{"type": "text", "text": truncate(visible, longest) or " "}],
    }
    return {"type": "rich_text", "elements": [element]}


def _mrkdwn(text: str) -> Block:
    # verbatim: Slack does not link bare names, channels and URLs in the text.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
