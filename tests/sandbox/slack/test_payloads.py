"""Payloads that the stand-in sends to a bare HTTP app: forms, signatures, interactions and events."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import Slack
from tests.sandbox.slack.bolt_app import BUTTONS, extended_app, serve

Json = dict[str, Any]


@pytest.fixture
def slack_options() -> dict[str, Any]:
    return {"installed_app": extended_app()}


@pytest.fixture
async def http_requests(slack: Slack) -> AsyncIterator[list[tuple[dict[str, str], str]]]:
    """Requests that arrive at a bare HTTP app, as (headers, body)."""
    arrived: list[tuple[dict[str, str], str]] = []

    async def take(http: web.Request) -> web.Response:
        arrived.append((dict(http.headers), await http.text()))
        return web.Response()

    application = web.Application()
    application.add_routes([web.post("/", take)])
    async with AsyncExitStack() as stack:
        await serve(stack, slack, application, "/")
        yield arrived


async def test_a_command_has_slacks_form_fields(slack: Slack, http_requests: list[tuple[dict[str, str], str]]) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml", is_private=True)
    await ann.command("track a & b", channel)
    form = {name: values[0] for name, values in parse_qs(http_requests[0][1]).items()}
    names = (
        "token team_id team_domain channel_id channel_name user_id user_name command text api_app_id"
        " is_enterprise_install response_url trigger_id"
    )
    assert set(form) == set(names.split())
    assert (form["channel_name"], form["command"], form["text"]) == (
        "privategroup",
        "/ftjob",
        "track a &amp; b",
    )


async def test_names_in_a_command_are_escaped_to_ids(
    slack: Slack, http_requests: list[tuple[dict[str, str], str]]
) -> None:
    ann, public = slack.add_user("ann"), slack.add_channel("ml")
    private, group = slack.add_channel("secret", is_private=True), slack.add_usergroup("team", [ann])
    await ann.command("@ann #ml #secret @team @nobody https://x.test/a", public)
    assert parse_qs(http_requests[0][1])["text"] == [
        f"<@{ann.id}> <#{public.id}|ml> <#{private.id}|> <!subteam^{group}> @nobody <https://x.test/a>"
    ]


async def test_a_signature_is_valid_for_its_body_only(
    slack: Slack, http_requests: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await ann.command("status", channel)
    headers, body = http_requests[0]
    verifier = SignatureVerifier(slack.signing_secret)
    assert verifier.is_valid_request(body, headers)
    assert not verifier.is_valid_request(body + "x", headers)


async def test_a_click_payload_has_message_and_container(
    slack: Slack, client: AsyncWebClient, http_requests: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await client.chat_postMessage(channel=channel.id, text="choose", blocks=BUTTONS)
    message = channel.messages[0]
    await ann.click(message, "again")
    payload = json.loads(parse_qs(http_requests[0][1])["payload"][0])
    assert payload["type"] == "block_actions"
    assert payload["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": False,
    }
    assert payload["message"]["text"] == "choose"
    assert payload["user"]["id"] == ann.id
    assert {"trigger_id", "response_url", "team", "state", "channel"} <= payload.keys()
    (action,) = payload["actions"]
    assert (action["action_id"], action["value"], action["block_id"]) == ("again", "one", "b0")


async def test_a_click_payload_of_an_ephemeral_has_no_message(
    slack: Slack, client: AsyncWebClient, http_requests: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    ann.post("hi", channel)
    await client.chat_postEphemeral(channel=channel.id, user=ann.id, text="choose", blocks=BUTTONS)
    await ann.click(slack.ephemerals[0], "again")
    payload = json.loads(parse_qs(http_requests[0][1])["payload"][0])
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


async def test_a_message_shortcut_payload_has_the_message(
    slack: Slack, http_requests: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await ann.shortcut("ftjob_track_from_message", ann.post("see ftjob-abc", channel))
    await ann.shortcut("ftjob_lookup")
    first, second = (json.loads(parse_qs(body)["payload"][0]) for _, body in http_requests)
    assert (first["type"], first["message"]["text"]) == ("message_action", "see ftjob-abc")
    assert (second["type"], "response_url" in second) == ("shortcut", False)


async def test_an_event_is_json_and_requires_a_subscription(
    slack: Slack, http_requests: list[tuple[dict[str, str], str]]
) -> None:
    channel = slack.add_channel("ml")
    assert (await slack.remove_bot(channel)).acked
    assert (await slack.send_event("reaction_added")).error == "not_subscribed"
    ((headers, body),) = http_requests
    assert headers["Content-Type"] == "application/json"
    event = json.loads(body)
    assert (event["type"], event["event"]["type"]) == ("event_callback", "channel_left")
    assert event["event_id"].startswith("Ev")


@pytest.mark.parametrize(("is_private", "kind"), [(False, "channel_unarchive"), (True, "group_unarchive")])
async def test_unarchiving_sends_the_event_of_the_channel_type(
    slack: Slack, http_requests: list[tuple[dict[str, str], str]], *, is_private: bool, kind: str
) -> None:
    channel = slack.add_channel("ml", is_private=is_private, is_archived=True)
    ann = slack.add_user("ann")
    assert (await slack.unarchive(channel, actor=ann)).acked
    event = json.loads(http_requests[0][1])["event"]
    assert (event["type"], event["channel"], event["user"]) == (kind, channel.id, ann.id)
    assert not channel.is_archived


async def test_a_redelivered_event_keeps_its_id(slack: Slack, http_requests: list[tuple[dict[str, str], str]]) -> None:
    interaction = await slack.send_event("app_uninstalled")
    await slack.redeliver(interaction)
    (_, first), (headers, second) = http_requests
    assert first == second
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("1", "http_timeout")
