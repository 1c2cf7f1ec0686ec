"""The gate of the running bot: what Slack signed and the bot has nothing for."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client import REGISTRY

from tests.listeners.harness import FORM, ListenerHarness, RawResponse, http_request, signature
from tests.world import World

PERSON, CHANNEL = {"id": "U1", "team_id": "T1"}, {"id": "C1"}
CLICK: dict[str, Any] = {"type": "block_actions", "user": PERSON, "channel": CHANNEL}
ODD = [None, 7, True, "x", [], [1], {}, {"id": 7}, {"id": None}, {"type": 7}]
FIELDS = "team user channel enterprise view message container authorizations actions callback_id response_url".split()

UNKNOWN = {
    "unknown-action": ({**CLICK, "actions": [{"action_id": "somebody_elses", "value": "x"}]}, "button"),
    "unknown-action-without-value": ({**CLICK, "actions": [{"action_id": "ftjob_cancel"}]}, "button"),
    "unknown-modal": ({"type": "view_submission", "view": {"type": "modal", "callback_id": "other"}}, "unhandled"),
    "unknown-closed-modal": ({"type": "view_closed", "view": {"type": "modal", "callback_id": "other"}}, "unhandled"),
    "unknown-shortcut": ({"type": "shortcut", "callback_id": "other"}, "unhandled"),
    "unknown-message-shortcut": ({"type": "message_action", "callback_id": "other"}, "unhandled"),
    "unknown-options": ({"type": "block_suggestion", "action_id": "other"}, "unhandled"),
    "unknown-kind": ({"type": "other"}, "interaction"),
    "actions-fifty": ({**CLICK, "actions": [{"action_id": "ftjob_cancel", "value": "x"}] * 50}, "interaction"),
    "unknown-event": ({"type": "event_callback", "event": {"type": "reaction_added"}}, "unhandled"),
    "unknown-envelope": ({"type": "app_rate_limited"}, "event"),
}


@pytest.fixture
async def http_world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, transport="http") as made:
        yield made


@pytest.mark.parametrize(("payload", "kind"), UNKNOWN.values(), ids=UNKNOWN)
async def test_an_unhandled_payload_is_acknowledged_counted_and_does_nothing(
    http_world: World, payload: dict[str, Any], kind: str
) -> None:
    async with http_world.bot() as bot:
        calls, before = len(http_world.slack.request_log), idle(kind)
        answer = await send(http_world, ListenerHarness(bot.port or 0), payload)

        assert (answer.status, answer.body) == (200, b"")
        await http_world.slack.request_log.wait_until(lambda: idle(kind) == before + 1, why="it is counted")
        assert len(http_world.slack.request_log) == calls
        assert (await http_world.say("help")).text


async def test_no_signed_payload_of_any_shape_breaks_the_bot(http_world: World) -> None:
    async with http_world.bot() as bot:
        target = ListenerHarness(bot.port or 0)
        for payload, _ in UNKNOWN.values():
            for name in FIELDS:
                for value in ODD:
                    answer = await send(http_world, target, {**payload, name: value})
                    assert answer.status in (200, 400), (payload, name, value)

        assert http_world.ml.messages == []
        assert http_world.actions == []
        assert (await http_world.say("help")).text


async def send(world: World, target: ListenerHarness, payload: dict[str, Any]) -> RawResponse:
    """Deliver a payload as Slack would: events as JSON, interactions as a form."""
    is_event = payload["type"] in ("event_callback", "app_rate_limited")
    body = (json.dumps(payload) if is_event else urlencode({"payload": json.dumps(payload)})).encode()
    at = int(time.time())
    headers = [
        ("Content-Type", "application/json" if is_event else FORM),
        ("X-Slack-Request-Timestamp", str(at)),
        ("X-Slack-Signature", signature(body, at, world.slack.signing_secret)),
    ]
    return await target.send(http_request(body, headers))


def idle(kind: str) -> float:
    return REGISTRY.get_sample_value("ftjob_slack_ignored_total", {"kind": kind}) or 0.0
