"""The other side of the slash commands: the barest Bolt apps that do what is measured, each its own process.

    python -m tests.bench.bare_bolt documented|fast <port>

reads SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, SLACK_API_URL and, as ANSWER, the JSON body of the answer to give.
"""

import asyncio
import json
import os
import sys
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient


def documented(answer: dict[str, Any]) -> AsyncApp:
    """Build the app as Bolt's documentation writes it: acknowledge, then respond.

    https://docs.slack.dev/tools/bolt-python/concepts/commands
    """
    app = AsyncApp(
        client=AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]),
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
    )

    @app.command("/ftjob")
    async def answer_command(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(answer["text"], blocks=answer["blocks"], response_type="ephemeral")

    return app


def fast(answer: dict[str, Any]) -> AsyncApp:
    """Build the fastest app that Bolt allows: the answer is a task of its own and goes out over kept connections."""
    app = AsyncApp(
        client=AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]),
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
        process_before_response=True,
    )
    session: list[aiohttp.ClientSession] = []
    tasks: set[asyncio.Task[None]] = set()

    async def post(url: str) -> None:
        if not session:
            session.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        async with session[0].post(url, json=answer) as response:
            await response.read()

    @app.command("/ftjob")
    async def answer_command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        task = asyncio.create_task(post(body["response_url"]))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return app


if __name__ == "__main__":
    kind, port = sys.argv[1:]
    build = {"documented": documented, "fast": fast}[kind]
    build(json.loads(os.environ["ANSWER"])).server(port=int(port), host="127.0.0.1").start()
