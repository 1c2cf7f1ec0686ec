"""Socket Mode connections, with a bare client."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack

Json = dict[str, Any]


class Link:
    """A bare Socket Mode client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def receive(self) -> Json:
        received: Json = await self.socket.receive_json(timeout=60)
        return received


async def url_of(slack: Slack, session: aiohttp.ClientSession) -> str:
    client = AsyncWebClient(base_url=slack.api_url, session=session)
    return str((await client.apps_connections_open(app_token=slack.app_token))["url"])


async def link(slack: Slack, session: aiohttp.ClientSession) -> Link:
    return Link(await session.ws_connect(await url_of(slack, session)))


async def test_a_connection_gets_hello(slack: Slack, session: aiohttp.ClientSession) -> None:
    hello = await (await link(slack, session)).receive()
    assert (hello["type"], hello["num_connections"]) == ("hello", 1)


async def test_a_socket_url_is_valid_for_one_connection(slack: Slack, session: aiohttp.ClientSession) -> None:
    url = await url_of(slack, session)
    await session.ws_connect(url)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(url)
    assert caught.value.status == 403


async def test_a_late_acknowledgement_is_a_timeout(slack: Slack, session: aiohttp.ClientSession) -> None:
    ann, channel, socket = slack.add_user("ann"), slack.add_channel("ml"), await link(slack, session)
    await slack.wait_for_connection()
    slack.payload_sender.ack_timeout = 0.05
    interaction = await ann.command("status", channel)
    assert (interaction.acked, interaction.error) == (False, "operation_timeout")
    await socket.receive()
    late = await socket.receive()
    await socket.socket.send_json({"envelope_id": late["envelope_id"]})
    await slack.request_log.wait_until(lambda: slack.request_log.for_endpoint("socket.ack"))
    assert slack.request_log.for_endpoint("socket.ack")[0].accepted is False


async def test_payloads_are_distributed_over_the_connections(slack: Slack, session: aiohttp.ClientSession) -> None:
    ann, channel = slack.add_user("ann"), slack.add_channel("ml")
    links = [await link(slack, session) for _ in range(3)]
    await slack.request_log.wait_until(lambda: len(slack.sockets.active) == 3)
    slack.payload_sender.ack_timeout = 0.05
    await asyncio.gather(*(ann.command(f"{n}", channel) for n in range(6)))
    texts = []
    for each in links:
        assert (await each.receive())["type"] == "hello"
        texts += [(await each.receive())["payload"]["text"] for _ in range(2)]
    assert sorted(texts) == ["0", "1", "2", "3", "4", "5"]


async def test_an_eleventh_connection_is_disconnected(slack: Slack, session: aiohttp.ClientSession) -> None:
    links = [await link(slack, session) for _ in range(10)]
    assert [(await each.receive())["num_connections"] for each in links] == list(range(1, 11))
    rejected = await (await link(slack, session)).receive()
    assert (rejected["type"], rejected["reason"]) == ("disconnect", "too_many_websockets")


async def test_a_malformed_acknowledgement_is_logged(slack: Slack, session: aiohttp.ClientSession) -> None:
    socket = await link(slack, session)
    await socket.socket.send_str("[not an envelope]")
    await slack.request_log.wait_until(lambda: slack.request_log.for_endpoint("socket.ack"))
    assert slack.request_log.for_endpoint("socket.ack")[0].status == 400


async def test_a_fault_can_reject_a_connection(slack: Slack, session: aiohttp.ClientSession) -> None:
    slack.faults.add("socket", Fault("answer", status=503))
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await link(slack, session)
    assert slack.request_log.for_endpoint("socket")[0].accepted is False


async def test_a_dropped_connection_gets_no_more_payloads(slack: Slack, session: aiohttp.ClientSession) -> None:
    socket = await link(slack, session)
    await slack.wait_for_connection()
    slack.sockets.drop_all()
    assert slack.sockets.active == []
    await socket.receive()
    assert (await socket.socket.receive()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
