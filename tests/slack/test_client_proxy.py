import asyncio
import re
from pathlib import Path

from bot.app.clients import open_slack
from bot.blocks.replies import note_message
from bot.commands.command import Reply
from bot.listeners.replies.responder import ReplyTarget, responding
from bot.settings.environment import load

PROXY_SAYS = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{"ok":true}'
)
SLACK = "http://127.0.0.1:1"


async def test_calls_and_responses_go_through_the_proxy_of_the_environment(tmp_path: Path) -> None:
    asked: list[str] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        asked.append(head.splitlines()[0])
        writer.write(PROXY_SAYS)
        await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-0123456789abcdef",
        "SLACK_APP_TOKEN": "xapp-0123456789abcdef",
        "OPENAI_API_KEY": "sk-0123456789",
        "SLACK_API_URL": f"{SLACK}/api/",
        "HTTP_PROXY": f"http://127.0.0.1:{port}",
    }
    settings = load(environ, dotenv=tmp_path / "no.env")
    async with (
        proxy,
        open_slack(settings) as client,
        responding(client) as responder,
    ):
        await client.identity()
        await responder.send(ReplyTarget("C1", "U1", f"{SLACK}/commands/T1/1"), Reply(note_message("Hello.")))

    assert asked == [f"POST {SLACK}/api/auth.test HTTP/1.1", f"POST {SLACK}/commands/T1/1 HTTP/1.1"]
