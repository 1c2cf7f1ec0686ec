"""Validation of messages and views."""

import copy
import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from bot.sandbox.slack.block_kit.schema import schema_errors
from bot.sandbox.slack.block_kit.validation import check_message, check_view

Block = dict[str, Any]


def section(text: str = "hello", **more: Any) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str = "go", **more: Any) -> Block:
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": "Go"},
        **more,
    }


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def message(*blocks: Any, text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"text": text, "blocks": list(blocks), **more}


def card() -> dict[str, Any]:
    """A message as rich as the bot's own."""
    return message(
        {"type": "header", "text": {"type": "plain_text", "text": "ftjob-abc", "emoji": False}},
        section(
            "*Running*",
            accessory={"type": "image", "image_url": "https://x.test/a.png", "alt_text": "a curve"},
        ),
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Model*", "verbatim": True}] * 8},
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "<!channel>"}]}],
        },
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": "Checked <!date^1^{time}|now> by <@U1>"}],
        },
        {"type": "divider"},
        actions(button("a", value="x"), button("b", url="https://x.test"), button("c", style="danger")),
    )


def modal(*blocks: Block, **more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Create"},
        "blocks": list(blocks),
        **more,
    }


def an_input(block_id: str = "name") -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": "Name"},
        "element": {"type": "plain_text_input", "action_id": "name"},
    }


def test_a_rich_message_is_valid() -> None:
    result = check_message(card(), user_ids={"U1"})
    assert (result.error, result.messages, result.violations) == ("", [], [])


@pytest.mark.parametrize(
    ("blocks", "complaint"),
    [
        ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "a" * 2001}]}],
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
        ),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "a"}] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        ([section("a" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([section(foo=1)], "invalid additional property: foo [json-pointer:/blocks/0]"),
        (
            [{"type": "header", "text": {"type": "plain_text", "text": "a" * 151}}],
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            [{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}],
            "must be a valid enum value [json-pointer:/blocks/0/text/type]",
        ),
        (
            [actions(*[button(f"b{n}") for n in range(26)])],
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            [actions(button(value="v" * 2001))],
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            [actions(button(style="blue"))],
            "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
        ),
        ([actions({"type": "knob"})], "unsupported type: knob [json-pointer:/blocks/0/elements/0]"),
        ([{"type": "sektion"}], "must be a valid enum value [json-pointer:/blocks/0/type]"),
        ([{"text": "no type"}], "missing required field: type [json-pointer:/blocks/0]"),
        (
            [{"type": "image", "image_url": "https://x.test/a.png"}],
            "failed to match all allowed schemas [json-pointer:/blocks/0]",
        ),
        (
            [actions(button("same"), button("same"))],
            'action_id "same" already exists [json-pointer:/blocks/0]',
        ),
        (
            [section(block_id="one"), section(block_id="one")],
            'block_id "one" already exists [json-pointer:/blocks]',
        ),
        (["text"], "must provide a object [json-pointer:/blocks/0]"),
        (
            [{"type": "alert", "text": {"type": "mrkdwn", "text": "only in modals"}}],
            "failed to match all allowed schemas [json-pointer:/blocks/0/type]",
        ),
    ],
)
def test_invalid_blocks_get_slacks_error_details(blocks: list[Any], complaint: str) -> None:
    result = check_message(message(*blocks))
    assert result.error == "invalid_blocks"
    assert f"[ERROR] {complaint}" in result.messages


@pytest.mark.parametrize(
    ("blocks", "error"), [("[not json", "invalid_blocks_format"), ({"type": "divider"}, "invalid_blocks")]
)
def test_blocks_that_are_no_list_are_invalid(blocks: Any, error: str) -> None:
    result = check_message({"text": "x", "blocks": blocks})
    assert result.error == error
    assert result.messages == ["[ERROR] must provide a array [json-pointer:/blocks]"]


def test_equal_action_ids_in_different_blocks_are_valid() -> None:
    assert not check_message(message(actions(button("x")), actions(button("x")))).error


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "a" * 40_001}, "msg_too_long"),
        ({"text": "a", "attachments": [{}] * 101}, "too_many_attachments"),
        (message(*[section("a" * 3000)] * 5), "msg_blocks_too_long"),
        (message(metadata={"event_type": "x"}), "invalid_metadata_format"),
        (message(metadata={"event_type": "No Spaces", "event_payload": {}}), "invalid_metadata_format"),
        (message(metadata={"event_type": "x", "event_payload": {"a": {"b": {}}}}), "invalid_metadata_format"),
        (message(metadata={"event_type": "x", "event_payload": {"a": "b" * 8001}}), "metadata_too_large"),
    ],
)
def test_exceeded_limits_get_slacks_error_codes(payload: dict[str, Any], error: str) -> None:
    assert check_message(payload).error == error


def test_the_total_text_limit_does_not_apply_to_response_urls() -> None:
    assert not check_message(message(*[section("a" * 3000)] * 5), counts_text=False).error


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (message(section(), text=" "), "the top-level text is empty"),
        (message(text="a" * 4001), "the top-level text has 4001 characters"),
        (message(*[section("a" * 2700)] * 3), "the blocks hold 8100 characters"),
        (message(text="<!channel> look"), "raw <!channel> at /text"),
        (message(section("hi <!here>")), "raw <!here> at /blocks/0/text/text"),
        (message(section("hi <@U9>")), "raw <@U9>"),
        (message(section("hi <!subteam^S1>")), "raw <!subteam^S1>"),
        (message(section("hi <!channel")), "raw <!channel>"),
        (message(section("<http://x.test|y>")), "a link without https"),
        (message(actions(button(url="javascript:alert(1)"))), "url without https"),
        (
            message({"type": "image", "image_url": "https://x.test", "alt_text": " "}),
            "no alt_text at /blocks/0",
        ),
        (
            message(metadata={"event_type": "x", "event_payload": {"a": "b" * 2001}}),
            "the metadata has",
        ),
    ],
)
def test_breaking_only_our_own_rules_is_a_violation(payload: dict[str, Any], complaint: str) -> None:
    result = check_message(payload, user_ids={"U1"})
    assert not result.error
    assert any(complaint in one for one in result.violations), result.violations


def test_loopback_urls_are_allowed() -> None:
    blocks = [section("<http://127.0.0.1:80/x|y>"), actions(button(url="http://127.0.0.1:8000"))]
    assert check_message(message(*blocks)).violations == []


def test_mentions_in_plain_text_are_no_violation() -> None:
    header = {"type": "header", "text": {"type": "plain_text", "text": "<!channel> <@U9>"}}
    assert check_message(message(header)).violations == []


@pytest.mark.parametrize(
    ("view", "complaint"),
    [
        (
            modal(section(), title={"type": "plain_text", "text": "t" * 25}),
            "must be less than 25 characters [json-pointer:/view/title/text]",
        ),
        (modal(an_input()), "missing required field: submit [json-pointer:/view/submit]"),
        (
            modal(*[{"type": "divider"}] * 101),
            "no more than 100 items allowed [json-pointer:/view/blocks]",
        ),
        (
            modal(section(), private_metadata="x" * 3001),
            "must be less than 3001 characters [json-pointer:/view/private_metadata]",
        ),
        (
            {"type": "home", "blocks": [{"type": "divider"}] * 101},
            "no more than 100 items allowed [json-pointer:/view/blocks]",
        ),
        ({"type": "home"}, "missing required field: blocks [json-pointer:/view]"),
        ({"type": "popup", "blocks": []}, "unsupported type: view [json-pointer:/view/type]"),
    ],
)
def test_an_invalid_view_gets_slacks_error_details(view: dict[str, Any], complaint: str) -> None:
    result = check_view(view)
    assert (result.error, f"[ERROR] {complaint}" in result.messages) == ("invalid_arguments", True), result


def test_a_valid_view_has_no_errors_or_violations() -> None:
    result = check_view(modal(an_input(), submit={"type": "plain_text", "text": "Create"}))
    assert (result.error, result.violations) == ("", [])


def test_an_unescaped_mention_in_a_view_is_a_violation() -> None:
    assert check_view({"type": "home", "blocks": [section("<!here>")]}).violations == [
        "raw <!here> at /view/blocks/0/text/text"
    ]


SCHEMA = resources.files("bot.sandbox.slack.block_kit") / "schemas" / "blockkit.strict.message.schema.json"
STANDARD = Draft7Validator(json.loads(SCHEMA.read_text()))
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "x", "a" * 3001, 7, True, [], {}, "button", "mrkdwn", "plain_text", [{}], {"type": "divider"}]
)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) inside ``node``."""
    found: list[tuple[Any, Any]] = []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        found += [(node, key), *places(value)]
    return found


@given(st.data())
def test_the_fast_validator_agrees_with_jsonschema(data: st.DataObject) -> None:
    payload = copy.deepcopy(card())
    container, key = data.draw(st.sampled_from(places(payload)))
    if data.draw(st.booleans()):
        container[key] = data.draw(JUNK)
    elif isinstance(container, dict):
        del container[key]
    else:
        container.append(data.draw(JUNK))
    assert (schema_errors("message", payload) == []) == STANDARD.is_valid(payload)
