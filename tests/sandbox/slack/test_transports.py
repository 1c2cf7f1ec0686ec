"""A Bolt app over Socket Mode and over signed HTTP: commands, clicks, events and acknowledgements."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import Slack
from tests.sandbox.slack.bolt_app import BUTTONS, connect, extended_app, serve

Json = dict[str, Any]


@pytest.fixture
def slack_options() -> dict[str, Any]:
    return {"installed_app": extended_app()}


@pytest.fixture
def app(slack: Slack, client: AsyncWebClient) -> AsyncApp:
    """A Bolt app that knows one command, one button and two events."""
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
    return app


@pytest.fixture(params=["socket", "http"])
async def transport(request: pytest.FixtureRequest, slack: Slack, app: AsyncApp) -> AsyncIterator[str]:
    """Connect the app to the stand-in."""
    async with AsyncExitStack() as stack:
        await connect(stack, slack, app, request.param)
        yield request.param


@pytest.mark.usefixtures("transport")
async def test_a_command_is_acknowledged_and_gets_an_ephemeral_reply(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    interaction = await ann.command("status", channel)
    reply = await interaction.reply()
    assert (interaction.acked, interaction.status, interaction.error) == (True, 200, "")
    assert interaction.ack_seconds > 0
    assert (reply.text, reply.ephemeral, reply.response_type) == ("said status", True, "ephemeral")
    assert reply.plain_text == "said status\none\ntwo"
    assert reply.buttons == {"again": "two"}
    assert [one.user for one in slack.ephemerals] == [ann.id]
    assert (channel.messages, slack.violations) == ([], [])


@pytest.mark.usefixtures("transport")
async def test_a_click_can_replace_the_ephemeral_message(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    shown = await (await ann.command("status", channel)).reply()
    reply = await (await ann.click(shown, "again", value="one")).reply()
    assert (reply.text, reply.replace_original) == ("clicked one", True)
    assert [one.text for one in slack.ephemerals] == ["clicked one"]
    with pytest.raises(AssertionError, match="no control 'again'"):
        await ann.click(shown, "again")


@pytest.mark.usefixtures("transport")
async def test_a_click_can_edit_the_message(slack: Slack, app: AsyncApp) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    await app.client.chat_postMessage(channel=channel.id, text="choose", blocks=BUTTONS)
    await (await ann.click(channel.messages[0], "again", value="two")).reply()
    (message,) = channel.messages
    assert (message.text, message.earlier_versions[0].text) == ("clicked two", "choose")


@pytest.mark.usefixtures("transport")
async def test_opening_the_home_tab_publishes_it(slack: Slack) -> None:
    ann = slack.add_user("ann")
    assert (await ann.open_home()).acked
    home = await slack.request_log.wait_until(lambda: slack.homes.get(ann.id))
    assert home.plain_text == "welcome"


@pytest.mark.usefixtures("transport")
async def test_an_invitation_sends_member_joined_channel(slack: Slack) -> None:
    channel = slack.add_channel("ml", bot_is_member=False)
    await slack.invite_bot(channel, inviter=slack.add_user("ann"))
    await slack.request_log.wait_until(lambda: channel.messages)
    assert channel.messages[0].text == "hello everybody"


async def test_a_command_without_a_connected_app_fails(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    interaction = await ann.command("status", channel)
    assert (interaction.acked, interaction.status, interaction.error) == (False, 0, "dispatch_failed")


@pytest.mark.usefixtures("transport")
async def test_an_unknown_command_is_not_acknowledged(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    slack.payload_sender.ack_timeout = 0.2
    interaction = await ann.command("status", channel, command="/other")
    assert not interaction.acked
    assert interaction.error in {"dispatch_failed", "operation_timeout"}


@pytest.mark.parametrize(("status", "error"), [(404, "dispatch_failed"), (200, "")])
async def test_an_http_status_other_than_200_is_a_dispatch_failure(slack: Slack, status: int, error: str) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=status, text="hello")

    application = web.Application()
    application.add_routes([web.post("/", respond)])
    async with AsyncExitStack() as stack:
        await serve(stack, slack, application, "/")
        interaction = await ann.command("status", channel)
    assert (interaction.status, interaction.error) == (status, error)


async def test_a_reply_can_come_with_the_acknowledgement(slack: Slack) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")

    async def respond(_: web.Request) -> web.Response:
        return web.json_response({"response_type": "in_channel", "text": "for all"})

    application = web.Application()
    application.add_routes([web.post("/", respond)])
    async with AsyncExitStack() as stack:
        await serve(stack, slack, application, "/")
        interaction = await ann.command("status", channel)
    assert (interaction.replies[0].text, interaction.replies[0].ephemeral) == ("for all", False)
    assert [message.text for message in channel.messages] == ["for all"]


async def test_a_bolt_app_reconnects_when_asked_to_disconnect(slack: Slack, app: AsyncApp) -> None:
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
