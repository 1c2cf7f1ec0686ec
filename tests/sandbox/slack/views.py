"""Views of the tests: a modal with three inputs, and their parts."""

from typing import Any

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    return {"text": plain(value), "value": value}


def an_input(block_id: str, element: Json, **more: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}


def modal(title: str = "Create", **more: Any) -> Json:
    blocks = [
        an_input("suffix", {"type": "plain_text_input", "action_id": "suffix", "max_length": 18}),
        an_input(
            "model",
            {"type": "static_select", "action_id": "model", "options": [option("small"), option("large")]},
        ),
        an_input(
            "extras",
            {"type": "checkboxes", "action_id": "extras", "options": [option("a"), option("b")]},
            optional=True,
        ),
    ]
    view = {"type": "modal", "title": plain(title), "submit": plain("Go"), "blocks": blocks}
    return view | more
