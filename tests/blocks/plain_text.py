"""A message as its reader has it, for snapshots: what a screen reader says, then a line or more for each block."""

from collections.abc import Iterator
from typing import Any

from bot.blocks import Message
from bot.blocks.view import View
from bot.sandbox.slack.messages import Rendered


def message_text(message: Message | Rendered) -> str:
    """Return a message as its reader has it; ``[Label -> action_id = value]`` is a button, ``[⋯ -> A / B]`` a menu."""
    return "\n".join([f"(said) {message.text}", "", *(line for block in message.blocks for line in _lines(block))])


def view_text(view: View) -> str:
    """Return a window as its reader has it."""
    ends = f"[{view.submit_label}]" if view.submit_label else "(nothing to hand in)"
    return "\n".join([f"(window) {view.title}", "", *(line for block in view.blocks for line in _lines(block)), ends])


def _lines(block: dict[str, Any]) -> Iterator[str]:
    match block:
        case {"type": "section", "text": {"text": text}}:
            yield text
        case {"type": "section", "fields": fields}:
            yield from (f"    {field['text'].replace(chr(10), ' | ')}" for field in fields)
        case {"type": "context", "elements": elements}:
            yield from (f"(small) {element['text']}" for element in elements)
        case {"type": "rich_text", "elements": [{"elements": [{"text": text}]}]}:
            yield from (f"(box) {line}" for line in text.split("\n"))
        case {"type": "actions", "elements": elements}:
            yield " ".join(map(_button, elements))
        case {"type": "image", "slack_file": {"id": file}, "alt_text": said}:
            yield f"(picture {file}) {said}"
        case {"type": "input", "label": {"text": label}, "element": element}:
            yield f"{label}{' (optional)' if block.get('optional') else ''}: {_field(element)}"
            if hint := block.get("hint"):
                yield f"    {hint['text']}"
        case _:
            raise AssertionError(f"teach as_read about {block['type']}")
    if accessory := block.get("accessory"):
        yield _button(accessory)


def _field(element: dict[str, Any]) -> str:
    """Return an input as ``<what it holds>``, with what can be chosen."""
    held = element.get("initial_value") or element.get("initial_option", {}).get("text", {}).get("text")
    choices = " / ".join(option["text"]["text"] for option in element.get("options", []))
    return f"<{held or ''}>{' of ' + choices if choices else ''}"


def _button(element: dict[str, Any]) -> str:
    if "options" in element:
        label = element.get("placeholder", {}).get("text", "⋯")
        return f"[{label} -> {' / '.join(option['text']['text'] for option in element['options'])}]"
    style = f" ({element['style']})" if "style" in element else ""
    return f"[{element['text']['text']}{style} -> {element['action_id']} = {element.get('url') or element['value']}]"
