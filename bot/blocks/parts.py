"""The parts of messages: text made safe and short, and the few blocks we use.

Text that came from a job or a person is data. ``plain`` and ``code`` are the only ways into mrkdwn for it, and
``preformatted``, which Slack never parses, is the best place for longer text.
Limits: https://docs.slack.dev/reference/block-kit
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from bot.text import is_invisible

Block = dict[str, Any]

SHOW_PAGE = "ftjob_page"
"""The action of a button that shows what came before."""
LONGEST_SECTION = 3000
LONGEST_VALUE = 2000
LONGEST_FIELD = 2000
MOST_FIELDS = 10
LONGEST_ERROR = 500
MOST_LINES = 20
LONGEST_ID = 72
"""Characters of an id in a list: no job id of the known shape is longer."""

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_BACKTICK_SUBSTITUTE = "\u02cb"
_MARKUP_TOKEN = re.compile(r"<[^>]*>|`[^`]*`|&(?:amp|lt|gt);|.", re.DOTALL)
_USER_ID = re.compile(r"[UW][A-Z0-9]+", re.ASCII)
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{1,20}")
_DATE_TOKEN = re.compile(r"<!date\^[^|>]*\|([^>]*)>")


@dataclass(frozen=True)
class Message:
    """A message: ``text`` is what a screen reader and a push notification say, ``blocks`` what is seen."""

    text: str
    blocks: Sequence[Block] = ()


def strip_invisible(text: str) -> str:
    """Drop what is not seen: control, bidirectional and zero-width characters (Unicode categories Cc and Cf)."""
    return "".join(character for character in text if not is_invisible(character))


def escape(text: str) -> str:
    """Escape the three characters that are alive in mrkdwn.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.translate(_ENTITIES)


def truncate(text: str, longest: int) -> str:
    """Shorten ``text`` to ``longest`` characters as they stand after escaping, never inside an entity."""
    if len(escape(text)) <= longest:
        return text
    ends = accumulate(len(escape(character)) for character in text)
    return text[: sum(end < longest for end in ends)] + "…"


def truncate_markup(markup: str, longest: int) -> str:
    """Shorten mrkdwn that is already safe to ``longest`` characters, never inside a code span, a token or an entity."""
    if len(markup) <= longest:
        return markup
    end = 0
    for atom in _MARKUP_TOKEN.finditer(markup):
        if atom.end() > longest - 1:
            break
        end = atom.end()
    return markup[:end] + "…"


def fallback_text(markup: str) -> str:
    """Return safe mrkdwn as a top-level text: moments in words that need no client."""
    return truncate_markup(_DATE_TOKEN.sub(r"\1", markup), LONGEST_SECTION)


def safe_text(text: str, longest: int = 200) -> str:
    """Return foreign text for mrkdwn: tidy, on one line, short, escaped, and without a backtick that opens code."""
    return escape(truncate(" ".join(strip_invisible(text).split()).replace("`", _BACKTICK_SUBSTITUTE), longest))


def code_span(text: str, longest: int = 200) -> str:
    """Return foreign text as a code span, where nothing in it is markup."""
    inside = safe_text(text, longest)
    return f"`{inside}`" if inside else "`?`"


def user_mention(person: str) -> str:
    """Return a mention of a person, by user id; nothing else can be mentioned."""
    return f"<@{person}>" if _USER_ID.fullmatch(person) else code_span(person)


def channel_mention(channel: str) -> str:
    """Return where something is, by the id of a channel, of direct messages, or of the person whose they are."""
    if _CHANNEL_ID.fullmatch(channel):
        return f"<#{channel}>"
    return "a direct message" if channel.startswith("D") else user_mention(channel)


def format_utc(seconds: float) -> str:
    """Return a moment in words that need no client: "2026-11-23 07:00 UTC"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def format_date(seconds: float) -> str:
    """Return a moment that Slack shows in each reader's own time zone."""
    return f"<!date^{int(seconds)}^{{date_short_pretty}} at {{time}}|{format_utc(seconds)}>"


def format_ago(seconds: float) -> str:
    """Return a moment that Slack shows by how long ago it was: "2 hours ago"."""
    return f"<!date^{int(seconds)}^{{ago}}|{format_utc(seconds)}>"


def format_duration(seconds: float) -> str:
    """Return a length of time in its two largest units: "2 h 14 min"."""
    seconds = int(seconds)
    for size, unit, smaller, smaller_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit} {rest} {smaller_unit}" if rest else f"{seconds // size} {unit}"
    return f"{seconds} s"


def section(text: str, *, accessory: Block | None = None) -> Block:
    """Return a paragraph of mrkdwn that is already safe."""
    block: Block = {"type": "section", "text": _mrkdwn(truncate_markup(text, LONGEST_SECTION))}
    return block | {"accessory": accessory} if accessory else block


def fields(pairs: Sequence[tuple[str, str]]) -> list[Block]:
    """Return labelled values, already safe, two in a row, in as many sections as Slack needs."""
    texts = [_mrkdwn(truncate_markup(f"*{label}*\n{value}", LONGEST_FIELD)) for label, value in pairs]
    return [
        {"type": "section", "fields": texts[start : start + MOST_FIELDS]} for start in range(0, len(texts), MOST_FIELDS)
    ]


def context(text: str) -> Block:
    """Return a small grey line of mrkdwn that is already safe."""
    return {"type": "context", "elements": [_mrkdwn(truncate_markup(text, LONGEST_SECTION))]}


def preformatted(text: str, longest: int = LONGEST_ERROR, *, most_lines: int = MOST_LINES) -> Block:
    """Return foreign text in a box that Slack does not parse and that can be copied."""
    lines = strip_invisible(text).splitlines()
    shown = "\n".join([*lines[:most_lines], "…"] if len(lines) > most_lines else lines)
    element = {
        "type": "rich_text_preformatted",
        "elements": [{"type": "text", "text": truncate(shown, longest) or " "}],
    }
    return {"type": "rich_text", "elements": [element]}


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    style: str | None = None,
    url: str | None = None,
    accessibility_label: str | None = None,
) -> Block:
    """Return a button; ``says`` is what a screen reader says in place of the label."""
    block: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": action_id,
        "value": value,
    }
    extras = {
        "style": style,
        "url": url,
        "accessibility_label": accessibility_label and strip_invisible(accessibility_label)[:75],
    }
    return block | {key: extra for key, extra in extras.items() if extra}


def older_button(command: str, what: str) -> list[Block]:
    """Return a button that shows ``what`` came before; ``command`` does so, as it could be typed."""
    return _page_button("Older", command, f"Show {what} before")


def more_button(command: str, what: str) -> list[Block]:
    """Return a button that shows more of ``what``; ``command`` does so, as it could be typed."""
    return _page_button("More", command, f"Show more {what}")


def _page_button(label: str, command: str, accessibility_label: str) -> list[Block]:
    return (
        [actions(button(label, SHOW_PAGE, command, accessibility_label=accessibility_label))]
        if len(command) <= LONGEST_VALUE
        else []
    )


def actions(*buttons: Block) -> Block:
    """Return a row of buttons."""
    return {"type": "actions", "elements": list(buttons)}


def _mrkdwn(text: str) -> Block:
    # verbatim: bare names, channels and addresses in the text stay text.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
