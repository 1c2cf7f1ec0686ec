"""Socket Mode's connection: a stop leaves nothing of it."""

import asyncio

import aiohttp
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.listeners.socket import SocketClient, socket_mode
from bot.net.proxies import DIRECT


def app_at(api_url: str) -> AsyncApp:
    client = AsyncWebClient("xoxb-a-token", base_url=api_url)
    return AsyncApp(client=client, signing_secret="a secret", request_verification_enabled=False)


async def test_a_stop_closes_a_connection_whose_peer_does_not_respond() -> None:
    over = asyncio.Event()

    async def mute(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        await over.wait()
        return socket

    async def ticket(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://{request.host}/link"})

    server = web.Application()
    server.add_routes([web.post("/api/apps.connections.open", ticket), web.get("/link", mute)])
    runner = web.AppRunner(server, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    async with asyncio.timeout(300):
        async with socket_mode(app_at(f"http://127.0.0.1:{port}/api/"), "xapp-a-token", DIRECT) as handler:
            while not (handler.client.current_session and await handler.client.is_connected()):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        over.set()
        await runner.cleanup()

    client = handler.client
    assert isinstance(client, SocketClient)
    assert client.aiohttp_client_session.closed
    tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
    await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)
    assert isinstance(client.current_session, aiohttp.ClientWebSocketResponse)
    assert client.current_session.closed
