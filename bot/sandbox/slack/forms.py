"""Form values: how Slack encodes what a user enters or selects."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.slack.messages import OpenView, interactive_elements, with_ids

_SELECTED = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_ONE_OPTION = {"static_select", "external_select", "radio_buttons", "overflow"}
_MANY_OPTIONS = {"multi_static_select", "multi_external_select", "checkboxes"}


def action_value(element: dict[str, Any], value: Any) -> dict[str, Any]:
    """Return the action or state value of an element in which a user entered or selected ``value``.

    Raises:
        AssertionError: there is no option with this value.
    """
    kind = element["type"]
    if kind == "button":
        return {"type": kind, "text": element["text"]} | ({"value": value} if value is not None else {})
    if kind in _ONE_OPTION:
        return {"type": kind, "selected_option": None if value is None else _option(element, value)}
    if kind in _MANY_OPTIONS:
        return {"type": kind, "selected_options": [_option(element, one) for one in value or []]}
    return {"type": kind, _SELECTED.get(kind, "value"): value}


def _option(element: dict[str, Any], value: Any) -> dict[str, Any]:
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    for option in options:
        if option.get("value") == value:
            return dict(option)
    if element["type"] in {"external_select", "multi_external_select"}:
        return value if isinstance(value, dict) else _text_option(value)
    values = [option.get("value") for option in options]
    raise AssertionError(f"no option {value!r} in {element['action_id']}; there are {values}")


def _text_option(value: Any) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": str(value), "emoji": True}, "value": str(value)}


def submitted_state(view: OpenView, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a submitted form's ``state.values``; ``values`` are keyed by action_id or block_id.

    Raises:
        AssertionError: Slack's client would not let the form be submitted.
    """
    state: dict[str, dict[str, Any]] = {}
    unknown = set(values)
    for block, block_id, element in _inputs(view):
        action_id = element["action_id"]
        key = action_id if action_id in values else block_id
        unknown.discard(key)
        value = values[key] if key in values else initial_value(element)
        if value in (None, "", []) and block["type"] == "input" and not block.get("optional"):
            raise AssertionError(f"{block_id}/{action_id} has to be filled in")
        _check_length(element, value)
        state.setdefault(block_id, {})[action_id] = action_value(element, value)
    if unknown:
        action_ids = [element["action_id"] for _, _, element in _inputs(view)]
        raise AssertionError(f"no input {sorted(unknown)} in the form; there are {action_ids}")
    return state


def initial_state(view: OpenView) -> dict[str, dict[str, Any]]:
    """Return the ``state.values`` of a view before any input."""
    state: dict[str, dict[str, Any]] = {}
    for _, block_id, element in _inputs(view):
        state.setdefault(block_id, {})[element["action_id"]] = action_value(element, initial_value(element))
    return state


def _inputs(view: OpenView) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Yield (block, block_id, element) of every element that holds a value."""
    for block in with_ids(view.blocks):
        for block_id, element in interactive_elements([block]):
            if element["type"] not in {"button", "overflow"}:
                yield block, block_id, element


def initial_value(element: dict[str, Any]) -> Any:
    """Return an element's initial value, None if it has none."""
    for key, value in element.items():
        if key == "initial_option":
            return value["value"]
        if key == "initial_options":
            return [option["value"] for option in value]
        if key.startswith("initial_"):
            return value
    return None


def _check_length(element: dict[str, Any], value: Any) -> None:
    if element["type"] != "plain_text_input" or not value:
        return
    longest, shortest = element.get("max_length", 3000), element.get("min_length", 0)
    if not shortest <= len(value) <= longest:
        raise AssertionError(f"{element['action_id']} takes {shortest} to {longest} characters")
