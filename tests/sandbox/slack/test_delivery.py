"""How the stand-in reaches an app: a tiny Bolt app answers, over Socket Mode and over signed HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.server import Slack

Json = dict[str, Any]

BUTTONS = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "again",
                "value": value,
                "text": {"type": "plain_text", "text": value},
            }
        ],
    }
    for value in ("one", "two")
]


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    app = from_manifest()
    app = replace(
        app,
        events=app.events | {"app_uninstalled", "channel_left"},
        commands={**app.commands, "/other": True},
        shortcuts={**app.shortcuts, "ftjob_lookup": ("global", "Look up")},
    )
    async with Slack(installed_app=app) as running:
        yield running


@pytest.fixture
async def app(slack: Slack) -> AsyncIterator[AsyncApp]:
    """A Bolt app that knows one command, one button and two events."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)
        app = AsyncApp(client=client, signing_secret=slack.signing_secret, process_before_response=True)

        async def command(ack: AsyncAck, respond: AsyncRespond, body: Json) -> None:
            await ack()
            await respond(text=f"said {body['text']}", blocks=BUTTONS, response_type="ephemeral")

        async def again(ack: AsyncAck, respond: AsyncRespond, body: Json) -> None:
            await ack()
            await respond(text=f"clicked {body['actions'][0]['value']}", replace_original=True)

        async def home(event: Json, client: AsyncWebClient) -> None:
            block = {"type": "section", "text": {"type": "mrkdwn", "text": "welcome"}}
            await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [block]})

        async def joined(event: Json, client: AsyncWebClient) -> None:
            await client.chat_postMessage(channel=event["channel"], text="hello everybody")

        app.command("/ftjob")(command)
        app.action("again")(again)
        app.event("app_home_opened")(home)
        app.event("member_joined_channel")(joined)
        yield app


@pytest.fixture(params=["socket", "http"])
async def transport(request: pytest.FixtureRequest, slack: Slack, app: AsyncApp) -> AsyncIterator[str]:
    """Connect the app to the stand-in."""
    async with AsyncExitStack() as stack:
        if request.param == "socket":
            handler = AsyncSocketModeHandler(app, slack.app_token)
            await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt left it out
            stack.push_async_callback(handler.close_async)
            await slack.wait_for_connection()
        else:
            await serve(stack, slack, app.web_app("/slack/events"), "/slack/events")
        yield request.param


async def serve(stack: AsyncExitStack, slack: Slack, application: web.Application, path: str) -> None:
    """Serve an application on loopback and make it the stand-in's request URL."""
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"


@pytest.fixture
async def seen(slack: Slack) -> AsyncIterator[list[tuple[dict[str, str], str]]]:
    """Everything that arrives at a bare HTTP app: (headers, body)."""
    arrived: list[tuple[dict[str, str], str]] = []

    async def take(http: web.Request) -> web.Response:
        arrived.append((dict(http.headers), await http.text()))
        return web.Response()

    application = web.Application()
    application.add_routes([web.post("/", take)])
    async with AsyncExitStack() as stack:
        await serve(stack, slack, application, "/")
        yield arrived


# --- a conversation, over both transports ---


@pytest.mark.usefixtures("transport")
async def test_a_command_is_acknowledged_and_answered_to_its_person_alone(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    exchange = await ann.command("status", channel)
    reply = await exchange.reply()
    assert (exchange.acked, exchange.status, exchange.error) == (True, 200, "")
    assert 0 < exchange.ack_seconds < 3
    assert (reply.text, reply.ephemeral, reply.response_type) == ("said status", True, "ephemeral")
    assert reply.plain_text == "said status\none\ntwo"
    assert reply.buttons == {"again": "two"}
    assert [one.user for one in slack.ephemerals] == [ann.id]
    assert (channel.messages, slack.violations) == ([], [])


@pytest.mark.usefixtures("transport")
async def test_a_click_replaces_the_message_it_was_made_in(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    shown = await (await ann.command("status", channel)).reply()
    reply = await (await ann.click(shown, "again", value="one")).reply()
    assert (reply.text, reply.replace_original) == ("clicked one", True)
    assert [one.text for one in slack.ephemerals] == ["clicked one"]
    with pytest.raises(AssertionError, match="no control 'again'"):
        await ann.click(shown, "again")


@pytest.mark.usefixtures("transport")
async def test_a_click_on_a_message_edits_it(slack: Slack, app: AsyncApp) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await app.client.chat_postMessage(channel=channel.id, text="choose", blocks=BUTTONS)
    await (await ann.click(channel.messages[0], "again", value="two")).reply()
    (message,) = channel.messages
    assert (message.text, message.earlier_versions[0].text) == ("clicked two", "choose")


@pytest.mark.usefixtures("transport")
async def test_a_home_tab_opens(slack: Slack) -> None:
    ann = slack.add_user("ann")
    assert (await ann.open_home()).acked
    home = await slack.request_log.wait_until(lambda: slack.homes.get(ann.id))
    assert home.plain_text == "welcome"


@pytest.mark.usefixtures("transport")
async def test_the_app_hears_that_it_was_invited(slack: Slack) -> None:
    channel = slack.add_channel("ml", bot_is_member=False)
    await slack.invite_bot(channel, inviter=slack.add_user("ann"))
    await slack.request_log.wait_until(lambda: channel.messages)
    assert channel.messages[0].text == "hello everybody"


async def test_nobody_listens_and_the_person_is_told(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    exchange = await ann.command("status", channel)
    assert (exchange.acked, exchange.status, exchange.error) == (False, 0, "dispatch_failed")


@pytest.mark.usefixtures("transport")
async def test_an_unknown_command_is_not_acknowledged(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    slack.payload_sender.ack_timeout = 0.2
    exchange = await ann.command("status", channel, command="/other")
    assert not exchange.acked
    assert exchange.error in {"dispatch_failed", "operation_timeout"}


# --- what is sent ---


async def test_a_command_has_exactly_slacks_fields(slack: Slack, seen: list[tuple[dict[str, str], str]]) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml", is_private=True)
    await ann.command("track a & b", channel)
    form = {name: values[0] for name, values in parse_qs(seen[0][1]).items()}
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


async def test_names_in_a_command_arrive_as_ids(slack: Slack, seen: list[tuple[dict[str, str], str]]) -> None:
    ann, public = slack.add_user("ann"), slack.add_channel("ml")
    private, group = slack.add_channel("secret", is_private=True), slack.add_usergroup("team", [ann])
    await ann.command("@ann #ml #secret @team @nobody https://x.test/a", public)
    assert parse_qs(seen[0][1])["text"] == [
        f"<@{ann.id}> <#{public.id}|ml> <#{private.id}|> <!subteam^{group}> @nobody <https://x.test/a>"
    ]


async def test_a_signature_verifies_and_a_changed_body_does_not(
    slack: Slack, seen: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await ann.command("status", channel)
    headers, body = seen[0]
    verifier = SignatureVerifier(slack.signing_secret)
    assert verifier.is_valid_request(body, headers)
    assert not verifier.is_valid_request(body + "x", headers)


async def test_a_click_tells_where_it_was_made(
    slack: Slack, app: AsyncApp, seen: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await app.client.chat_postMessage(channel=channel.id, text="choose", blocks=BUTTONS)
    message = channel.messages[0]
    await ann.click(message, "again")
    payload = json.loads(parse_qs(seen[0][1])["payload"][0])
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


async def test_a_click_in_an_ephemeral_carries_no_message(
    slack: Slack, app: AsyncApp, seen: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    ann.post("hi", channel)
    await app.client.chat_postEphemeral(channel=channel.id, user=ann.id, text="choose", blocks=BUTTONS)
    await ann.click(slack.ephemerals[0], "again")
    payload = json.loads(parse_qs(seen[0][1])["payload"][0])
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


async def test_a_shortcut_on_a_message_carries_the_message(
    slack: Slack, seen: list[tuple[dict[str, str], str]]
) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await ann.shortcut("ftjob_track_from_message", ann.post("see ftjob-abc", channel))
    await ann.shortcut("ftjob_lookup")
    first, second = (json.loads(parse_qs(body)["payload"][0]) for _, body in seen)
    assert (first["type"], first["message"]["text"]) == ("message_action", "see ftjob-abc")
    assert (second["type"], "response_url" in second) == ("shortcut", False)


async def test_an_event_is_json_and_only_sent_where_subscribed(
    slack: Slack, seen: list[tuple[dict[str, str], str]]
) -> None:
    channel = slack.add_channel("ml")
    assert (await slack.remove_bot(channel)).acked
    assert (await slack.send_event("reaction_added")).error == "not_subscribed"
    ((headers, body),) = seen
    assert headers["Content-Type"] == "application/json"
    event = json.loads(body)
    assert (event["type"], event["event"]["type"]) == ("event_callback", "channel_left")
    assert event["event_id"].startswith("Ev")


@pytest.mark.parametrize(("is_private", "kind"), [(False, "channel_unarchive"), (True, "group_unarchive")])
async def test_a_channel_that_leaves_the_archive_is_told_by_the_event_of_its_kind(
    slack: Slack, seen: list[tuple[dict[str, str], str]], *, is_private: bool, kind: str
) -> None:
    channel = slack.add_channel("ml", is_private=is_private, is_archived=True)
    ann = slack.add_user("ann")
    assert (await slack.unarchive(channel, actor=ann)).acked
    event = json.loads(seen[0][1])["event"]
    assert (event["type"], event["channel"], event["user"]) == (kind, channel.id, ann.id)
    assert not channel.is_archived


async def test_an_event_may_come_again_under_its_id(slack: Slack, seen: list[tuple[dict[str, str], str]]) -> None:
    exchange = await slack.send_event("app_uninstalled")
    await slack.redeliver(exchange)
    (_, first), (headers, second) = seen
    assert first == second
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("1", "http_timeout")


@pytest.mark.parametrize(("status", "error"), [(404, "dispatch_failed"), (200, "")])
async def test_an_http_status_other_than_200_is_told_to_the_person(slack: Slack, status: int, error: str) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text="hello")

    application = web.Application()
    application.add_routes([web.post("/", answer)])
    async with AsyncExitStack() as stack:
        await serve(stack, slack, application, "/")
        exchange = await ann.command("status", channel)
    assert (exchange.status, exchange.error) == (status, error)


async def test_an_answer_may_come_with_the_acknowledgement(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"response_type": "in_channel", "text": "for all"})

    application = web.Application()
    application.add_routes([web.post("/", answer)])
    async with AsyncExitStack() as stack:
        await serve(stack, slack, application, "/")
        exchange = await ann.command("status", channel)
    assert (exchange.replies[0].text, exchange.replies[0].ephemeral) == ("for all", False)
    assert [message.text for message in channel.messages] == ["for all"]


async def test_a_bolt_app_comes_back_when_asked_to_leave(slack: Slack, app: AsyncApp) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    handler = AsyncSocketModeHandler(app, slack.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        await slack.wait_for_connection()
        await slack.disconnect_all("refresh_requested")
        await slack.wait_for_connection()
        assert len(slack.request_log.for_endpoint("socket")) == 2
        assert (await (await ann.command("status", channel)).reply()).text == "said status"
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
