"""Terminal rendering of Slack messages as Rich text."""

import re
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from bot.runtime.terminal import literal
from bot.sandbox.slack.messages import (
    ChannelMessage,
    EphemeralMessage,
    OpenView,
    SentReply,
    interactive_elements,
    texts_in,
)
from bot.sandbox.slack.workspace import Workspace

_EMOJI = {
    ":mag:": "🔍",
    ":hourglass_flowing_sand:": "⏳",
    ":gear:": "⚙️ ",
    ":double_vertical_bar:": "⏸️ ",
    ":white_check_mark:": "✅",
    ":x:": "❌",
    ":no_entry_sign:": "🚫",
    ":grey_question:": "❔",
    ":warning:": "⚠️ ",
    ":bell:": "🔔",
    ":label:": "🏷️ ",
}
_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]+)>")
_PERSON = re.compile(r"<@(\w+)>")
_CHANNEL = re.compile(r"<#(\w+)(?:\|[^>]*)?>")
_MARKED = re.compile(r"\*(?P<bold>[^*\n]+)\*|`(?P<code>[^`\n]+)`")


class TerminalView:
    """Prints messages and numbers their buttons."""

    def __init__(self, console: Console, workspace: Workspace) -> None:
        self._console = console
        self._workspace = workspace
        self.buttons: list[tuple[ChannelMessage | EphemeralMessage | SentReply | OpenView, str, str]] = []
        """Every button so far as (message, action_id, value); button number 1 is the first."""

    def print_message(
        self, message: ChannelMessage | EphemeralMessage | SentReply, *, is_ephemeral: bool = False
    ) -> None:
        """Print one message; ``is_ephemeral`` marks one that a single user sees."""
        in_thread = isinstance(message, ChannelMessage) and message.thread_ts
        title = "only visible to you" if is_ephemeral else "in the thread" if in_thread else "in the channel"
        if isinstance(message, ChannelMessage) and message.reply_broadcast:
            title = "in the thread and in the channel"
        body: list[RenderableType] = [self._text(line) for line in _lines(message)]
        if pressable := list(self._numbered(message)):
            body.append(literal("  ".join(pressable), "cyan"))
        style = "dim" if is_ephemeral else "green" if not in_thread else "blue"
        self._console.print(Panel(Group(*body), title=title, title_align="left", border_style=style))

    def _numbered(self, message: ChannelMessage | EphemeralMessage | SentReply) -> Iterator[str]:
        for _, element in interactive_elements(message.blocks):
            if element["type"] == "button" and "url" not in element:
                self.buttons.append((message, element["action_id"], element.get("value", "")))
                yield f"[{len(self.buttons)}] {element['text']['text']}"

    def _text(self, line: str) -> Text:
        for code, emoji in _EMOJI.items():
            line = line.replace(code, emoji)
        line = _DATE.sub(r"\1", line)
        line = _LINK.sub(r"\2 (\1)", line)
        line = _PERSON.sub(lambda found: "@" + self._name(found[1]), line)
        line = _CHANNEL.sub(lambda found: "#" + self._workspace.channels[found[1]].name, line)
        line = line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        text = Text()
        end = 0
        for found in _MARKED.finditer(line):
            text.append(literal(line[end : found.start()]))
            text.append(literal(found["bold"] or found["code"], "bold" if found["bold"] else "magenta"))
            end = found.end()
        return text.append(literal(line[end:]))

    def _name(self, user: str) -> str:
        found = self._workspace.users.get(user)
        return found.name if found else user


def _lines(message: ChannelMessage | EphemeralMessage | SentReply) -> Iterator[str]:
    """Yield the visible lines: those of the blocks if there are any, with a field's label and value on one line."""
    if not message.blocks:
        yield from message.text.splitlines()
    for block in message.blocks:
        if block["type"] == "section" and "fields" in block:
            for field in block["fields"]:
                label, _, value = field["text"].partition("\n")
                yield f"{label}  {value}".replace("\n", "  ")
        elif block["type"] != "actions":
            visible = {key: value for key, value in block.items() if key != "accessory"}
            yield from "\n".join(texts_in(visible)).splitlines()
