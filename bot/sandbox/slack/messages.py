"""What people see: messages, ephemerals, views; and how a test reads them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

Blocks = list[dict[str, Any]]

_UNREADABLE = (
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
    """Yield every text of a block, an element or a list of them, in reading order."""
    if isinstance(node, list):
        for item in node:
            yield from texts_in(item)
    elif isinstance(node, dict):
        match node:
            case {
                "type": "rich_text_section" | "rich_text_preformatted" | "rich_text_quote",
                "elements": parts,
            }:
                yield "".join(_inline(part) for part in parts)
            case {"text": str(text)}:
                yield text
            case _:
                for key, value in node.items():
                    if key == "alt_text":
                        yield value
                    elif key not in _UNREADABLE:
                        yield from texts_in(value)


def _inline(part: dict[str, Any]) -> str:
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
    """Yield (block_id, element) for everything in ``blocks`` that a person can use."""
    for block in with_ids(blocks):
        parts = [block.get("accessory"), block.get("element"), *block.get("elements", [])]
        for element in parts:
            if isinstance(element, dict) and "action_id" in element:
                yield block["block_id"], element


def with_ids(blocks: Blocks) -> Blocks:
    """Return ``blocks`` as Slack hands them back: each with a block_id, each control with an action_id."""
    return [
        _with_action_ids({**block, "block_id": block.get("block_id") or f"b{at}"}, at)
        for at, block in enumerate(blocks)
    ]


def _with_action_ids(block: dict[str, Any], at: int) -> dict[str, Any]:
    if block["type"] == "actions":
        elements = block["elements"]
        block["elements"] = [{"action_id": f"a{at}.{nth}"} | element for nth, element in enumerate(elements)]
    return block


class Rendered:
    """Anything with ``text`` and ``blocks``."""

    text: str
    blocks: Blocks

    @property
    def plain_text(self) -> str:
        """All that can be read in it, line by line."""
        return "\n".join([self.text, *texts_in(self.blocks)]).strip()

    @property
    def buttons(self) -> dict[str, str]:
        """The value (or the link) of each button, by action_id; of equal ids the last."""
        return {
            element["action_id"]: element.get("value") or element.get("url") or ""
            for _, element in interactive_elements(self.blocks)
            if element["type"] in {"button", "workflow_button"}
        }


@dataclass
class ChannelMessage(Rendered):
    """One message of a channel, as it stands now."""

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
    """Its earlier versions, oldest first."""
    deleted: bool = False

    def edit(self, **changes: Any) -> None:
        """Take on another content and keep the version that was."""
        self.earlier_versions.append(replace(self, earlier_versions=[]))
        for name, value in changes.items():
            setattr(self, name, value)


@dataclass
class EphemeralMessage(Rendered):
    """A message that one person sees, as it stands now."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: Blocks = field(default_factory=list)
    thread_ts: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class SentReply(Rendered):
    """One answer as it was sent: through a response URL, in an acknowledgement, or as an ephemeral post."""

    text: str
    blocks: Blocks
    user: str
    ephemeral: bool
    response_type: str | None = None
    replace_original: bool = False
    delete_original: bool = False
    interaction_id: str = ""
    """The id of the exchange whose response URL it came through; empty for a post of its own."""
    displayed: ChannelMessage | EphemeralMessage | None = None
    """What it became; a person clicks there."""


@dataclass
class OpenView(Rendered):
    """One modal or Home tab as it stands now."""

    id: str
    user: str
    body: dict[str, Any]
    """As the app sent it."""
    hash: str
    root_id: str
    previous_id: str | None = None
    trigger: str = ""
    closed: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    """What the last submission was told, by block_id."""

    @property
    def text(self) -> str:  # type: ignore[override]  # a view's text is its title and its buttons' labels
        """The title, or nothing for a Home tab."""
        return str(self.body.get("title", {}).get("text", ""))

    @property
    def blocks(self) -> Blocks:  # type: ignore[override]
        """The blocks as the app sent them."""
        return list(self.body["blocks"])

    @property
    def callback_id(self) -> str:
        """The name the app gave this kind of view."""
        return str(self.body.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        """What the app stored in the view."""
        return str(self.body.get("private_metadata", ""))
