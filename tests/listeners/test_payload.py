import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.listeners.payload import Challenge, Ignored, ParsedRequest, Payload, Rejected, parse_request

COMMAND = {"command": "/ftjob", "text": "", "user_id": "U1", "team_id": "T1", "channel_id": "C1"}
CLICK = {"type": "block_actions", "actions": [{"action_id": "a"}]}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
TYPES = st.sampled_from(["block_actions", "view_submission", "event_callback", "url_verification", "shortcut", 7, None])
KEYS = st.sampled_from(["actions", "event", "challenge", "user", "team", "view", "authorizations"])


def interaction(payload: object) -> ParsedRequest:
    return parse_request(urlencode({"payload": json.dumps(payload)}).encode(), is_form=True)


def test_a_command_a_click_and_an_event_are_parsed() -> None:
    event = {"type": "event_callback", "event": {"type": "channel_unarchive"}}

    assert parse_request(urlencode(COMMAND).encode(), is_form=True) == Payload(COMMAND)
    assert interaction(CLICK) == Payload(CLICK)
    assert parse_request(json.dumps(event).encode(), is_form=False) == Payload(event)


def test_a_form_that_looks_like_json_is_a_form() -> None:
    body = b'{"command":"/ftjob"}&' + urlencode(COMMAND).encode()

    assert parse_request(body, is_form=True) == Payload({'{"command":"/ftjob"}': "", **COMMAND})
    assert parse_request(body, is_form=False) == Rejected(400)


def test_a_challenge_is_not_for_forms() -> None:
    challenge = {"type": "url_verification", "challenge": "x"}

    assert parse_request(json.dumps(challenge).encode(), is_form=False) == Challenge("x")
    assert parse_request(urlencode(challenge).encode(), is_form=True) == Rejected(400)


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "view_submission", "view": {"type": "modal", "callback_id": "x"}},
        {"type": "view_closed", "view": {"type": "modal", "callback_id": "x"}},
        {"type": "shortcut", "callback_id": "x"},
        {"type": "message_action", "callback_id": "x"},
        {"type": "block_suggestion", "action_id": "x"},
    ],
    ids=lambda payload: payload["type"],
)
def test_a_value_that_only_listeners_can_check_is_passed_on(payload: dict[str, Any]) -> None:
    assert interaction(payload) == Payload(payload)
    assert interaction({"type": payload["type"]}) == Ignored("interaction")


@pytest.mark.parametrize("kind", ["interactive_message", "dialog_submission", "dialog_cancellation", "new_kind", ""])
def test_a_payload_of_something_that_the_bot_never_shows_is_no_command(kind: str) -> None:
    assert interaction({**CLICK, "type": kind, "callback_id": "x"}) == Ignored("interaction")


@given(body=st.binary(), is_form=st.booleans())
def test_no_bytes_raise(body: bytes, *, is_form: bool) -> None:
    assert not isinstance(parse_request(body, is_form=is_form), Challenge)


@given(ANYTHING, TYPES, st.dictionaries(KEYS, ANYTHING))
def test_no_json_raises(anything: object, kind: object, fields: dict[str, object]) -> None:
    for value in (anything, {"type": kind, **fields}):
        for got in (parse_request(json.dumps(value).encode(), is_form=False), interaction(value)):
            if isinstance(got, Payload | Challenge | Ignored):
                assert isinstance(value, dict)
            else:
                assert got == Rejected(400)
