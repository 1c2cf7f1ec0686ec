"""Messages, ephemeral messages, replies and views, with their readable text and controls."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import override

Blocks = list[dict[str, Any]]

_UNREADABLE_KEYS = (
    "type",
    "block_id",
    "action_id",
    "value",
    "url",
    "style",
    "image_url",
    "confirm",
    "emoji",
    "verbatim",
)


def texts_in(node: Any) -> Iterator[str]:
    """Yield every visible text of a block, an element or a list of them, in reading order."""
    if isinstance(node, list):
        for item in node:
            yield from texts_in(item)
    elif isinstance(node, dict):
        match node:
            case {
                "type": "rich_text_section" | "rich_text_preformatted" | "rich_text_quote",
                "elements": parts,
            }:
                yield "".join(_inline_text(part) for part in parts)
            case {"text": str(text)}:
                yield text
            case _:
                for key, value in node.items():
                    if key == "alt_text":
                        yield value
                    elif key not in _UNREADABLE_KEYS:
                        yield from texts_in(value)


def _inline_text(part: dict[str, Any]) -> str:
    match part:
        case {"type": "user", "user_id": who}:
            return f"<@{who}>"
        case {"type": "emoji", "name": name}:
            return f":{name}:"
        case {"type": "date"}:
            return str(part.get("fallback", part["timestamp"]))
        case _:
            return str(part.get("text") or part.get("url") or "")


def interactive_elements(blocks: Blocks) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (block_id, element) of every interactive element in ``blocks``."""
    for block in with_ids(blocks):
        parts = [block.get("accessory"), block.get("element"), *block.get("elements", [])]
        for element in parts:
            if isinstance(element, dict) and "action_id" in element:
                yield block["block_id"], element


def with_ids(blocks: Blocks) -> Blocks:
    """Return ``blocks`` as Slack returns them: with the block_ids and action_ids that the app left out."""
    return [
        _with_action_ids({**block, "block_id": block.get("block_id") or f"b{index}"}, index)
        for index, block in enumerate(blocks)
    ]


def _with_action_ids(block: dict[str, Any], index: int) -> dict[str, Any]:
    if block["type"] == "actions":
        elements = block["elements"]
        block["elements"] = [{"action_id": f"a{index}.{nth}"} | element for nth, element in enumerate(elements)]
    return block


class Rendered:
    """Base of everything that shows ``text`` and ``blocks``."""

    text: str
    blocks: Blocks

    @property
    def plain_text(self) -> str:
        """All visible text, line by line."""
        return "\n".join([self.text, *texts_in(self.blocks)]).strip()

    @property
    def buttons(self) -> dict[str, str]:
        """Value (or URL) of each button by action_id; of equal ids the last.

        An option of an overflow menu counts as the button that the first word of its value names.
        """
        found = {}
        for _, element in interactive_elements(self.blocks):
            if element["type"] in {"button", "workflow_button"}:
                found[element["action_id"]] = element.get("value") or element.get("url") or ""
            elif element["type"] == "overflow":
                found |= dict(option["value"].split(" ", 1) for option in element["options"] if " " in option["value"])
        return found

    @property
    def first_words(self) -> set[str]:
        """The first word of each button's value."""
        return {value.partition(" ")[0] for value in self.buttons.values()}


@dataclass
class ChannelMessage(Rendered):
    """A channel's message in its current version."""

    ts: str
    channel: str
    user: str
    text: str
    bot_id: str = ""
    blocks: Blocks = field(default_factory=list)
    attachments: list[Any] = field(default_factory=list)
    thread_ts: str | None = None
    reply_broadcast: bool = False
    metadata: dict[str, Any] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    earlier_versions: list["ChannelMessage"] = field(default_factory=list)
    """Earlier versions, oldest first."""
    deleted: bool = False

    def edit(self, **changes: Any) -> None:
        """Replace content and keep the earlier version."""
        self.earlier_versions.append(replace(self, earlier_versions=[]))
        for name, value in changes.items():
            setattr(self, name, value)


@dataclass
class EphemeralMessage(Rendered):
    """A message that only one user sees, in its current version."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: Blocks = field(default_factory=list)
    thread_ts: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class SentReply(Rendered):
    """A reply as it was sent: through a response URL, in an acknowledgement, or as an ephemeral post."""

    text: str
    blocks: Blocks
    user: str
    ephemeral: bool
    response_type: str | None = None
    replace_original: bool = False
    delete_original: bool = False
    interaction_id: str = ""
    """Id of the interaction whose response URL it came through; empty for an ephemeral post."""
    displayed: ChannelMessage | EphemeralMessage | None = None
    """The visible message that it created or replaced; users click there."""


@dataclass
class OpenView(Rendered):
    """A modal or Home tab in its current version."""

    id: str
    user: str
    body: dict[str, Any]
    """The view as the app sent it."""
    hash: str
    root_id: str
    previous_id: str | None = None
    trigger: str = ""
    closed: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    """Errors of the last submission by block_id."""

    @override
    @property
    def text(self) -> str:  # type: ignore[override]  # a view's text is its title
        """The title, "" for a Home tab."""
        return str(self.body.get("title", {}).get("text", ""))

    @override
    @property
    def blocks(self) -> Blocks:  # type: ignore[override]
        """The blocks as the app sent them."""
        return list(self.body["blocks"])

    @property
    def callback_id(self) -> str:
        """The view's callback_id, "" if the app set none."""
        return str(self.body.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        """The view's private_metadata, "" if the app set none."""
        return str(self.body.get("private_metadata", ""))
