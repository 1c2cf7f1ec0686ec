"""The stand-ins in a process of their own, 80 ms away, with a desk from which the bench directs and asks them.

    python -m tests.bench.servers [--jobs 100 1000] [--slack-port 0] [--api-ports 0 0]

prints one line of JSON with every address and serves until it is ended. For each number of jobs there is one account
that holds as many running ones.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.slack.server import Slack
from tests.bench.inbox import Inbox
from tests.bench.load_generator import LoadGenerator

LATENCY = 0.08
"""Seconds that every answer takes on top of the work."""
_APART = 60
"""Seconds between the creation of two jobs."""


class ControlRoutes:
    """The routes below /bench on the stand-in Slack: nothing that the bot ever asks for."""

    def __init__(self, slack: Slack, apis: dict[int, FineTuningApi], inbox: Inbox) -> None:
        self._slack = slack
        self._apis = apis
        self._load_generator = LoadGenerator(slack, inbox)
        self._posted: list[tuple[float, str]] = []
        slack.app.add_routes(
            [
                web.post("/bench/type", self._type),
                web.post("/bench/channels", self._channels),
                web.post("/bench/posted", self._posted_at),
                web.get("/bench/posts", self._count_posts),
                web.get("/bench/connected", self._connected),
                web.get("/bench/disconnected", self._disconnected),
                web.get("/bench/requests/{jobs}", self._requests),
                web.post("/bench/webhook", self._add_webhook),
                web.post("/bench/change", self._change),
                web.post("/bench/silence", self._silence),
                web.post("/bench/start", self._start),
            ]
        )
        slack.app.middlewares.append(self._note_arrival)

    @web.middleware
    async def _note_arrival(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note when a message reached Slack: before any of the work, and before the latency."""
        if request.path == "/api/chat.postMessage":
            at = time.time()
            self._posted.append((at, (await request.json())["channel"]))
        return await handler(request)

    async def _type(self, request: web.Request) -> web.Response:
        """Let somebody type commands, and tell how long their acknowledgements and answers took."""
        order = await request.json()
        return web.json_response(await self._load_generator.type(**order))

    async def _channels(self, request: web.Request) -> web.Response:
        """Open channels and return their ids."""
        order = await request.json()
        return web.json_response([self._slack.add_channel(f"bench-{n}").id for n in range(order["count"])])

    async def _posted_at(self, request: web.Request) -> web.Response:
        """Wait for so many messages after the first so many; tell when each arrived, and in which channel."""
        order = await request.json()
        since, enough = order["since"], order["since"] + order["count"]
        await self._slack.request_log.wait_until(lambda: len(self._posted) >= enough, seconds=60, why="messages")
        return web.json_response(self._posted[since:])

    async def _count_posts(self, _request: web.Request) -> web.Response:
        """Tell how many messages arrived so far."""
        return web.json_response(len(self._posted))

    async def _connected(self, _request: web.Request) -> web.Response:
        """Wait for a Socket Mode connection and tell when it was there."""
        await self._slack.wait_for_connection(seconds=30)
        return web.json_response(time.time())

    async def _disconnected(self, _request: web.Request) -> web.Response:
        """Wait until no Socket Mode connection is left."""
        sockets = self._slack.sockets
        await self._slack.request_log.wait_until(
            lambda: not sockets.active, seconds=30, why="no Socket Mode connection"
        )
        return web.json_response(time.time())

    async def _add_webhook(self, request: web.Request) -> web.Response:
        """Send the results of an account's jobs to a webhook URL."""
        order = await request.json()
        self._apis[order["jobs"]].add_webhook(order["url"], order["secret"])
        return web.json_response(None)

    async def _change(self, request: web.Request) -> web.Response:
        """Give fields of a job new values; tell when that was."""
        order = await request.json()
        at = time.time()
        self._apis[order["jobs"]].change(order["job"], **order["fields"])
        return web.json_response(at)

    async def _silence(self, request: web.Request) -> web.Response:
        """Let an account say nothing any more, or answer again."""
        order = await request.json()
        api = self._apis[order["jobs"]]
        if order["silent"]:
            api.faults.always("*", Fault("hang", seconds=600.0))
        else:
            api.faults.clear()
        return web.json_response(None)

    async def _start(self, request: web.Request) -> web.Response:
        """Start jobs, all at this moment."""
        order = await request.json()
        now = int(time.time())
        for _ in range(order["count"]):
            self._apis[order["jobs"]].add_job(status="running", created_at=now)
        return web.json_response(None)

    async def _requests(self, request: web.Request) -> web.Response:
        """Tell how many requests one account has answered."""
        return web.json_response(len(self._apis[int(request.match_info["jobs"])].request_log))


def fill(api: FineTuningApi, jobs: int) -> None:
    """Start as many jobs, one a minute until now."""
    now = int(time.time())
    for n in range(jobs):
        api.add_job(status="running", created_at=now - (jobs - n) * _APART)


def urls(slack: Slack, apis: dict[int, FineTuningApi], inbox: Inbox) -> dict[str, Any]:
    """Return all that a bot and the bench need to know; the secrets open nothing but these stand-ins."""
    return {
        "slack": slack.origin,
        "inbox": inbox.origin,
        "bot_token": slack.bot_token,
        "app_token": slack.app_token,
        "signing_secret": slack.signing_secret,
        "apis": {jobs: api.base_url for jobs, api in apis.items()},
        "api_keys": {jobs: api.key for jobs, api in apis.items()},
    }


async def serve(jobs: Sequence[int], slack_port: int, api_ports: Sequence[int]) -> None:
    """Serve until the process is ended."""
    slack = Slack(latency=LATENCY, port=slack_port)
    apis = {count: FineTuningApi(latency=LATENCY, port=port) for count, port in zip(jobs, api_ports, strict=True)}
    for count, api in apis.items():
        fill(api, count)
    inbox = Inbox(slack, LATENCY)
    ControlRoutes(slack, apis, inbox)
    async with AsyncExitStack() as stack:
        for server in (slack, *apis.values()):
            await stack.enter_async_context(server)
        await stack.enter_async_context(inbox.serving())
        print(json.dumps(urls(slack, apis, inbox)), flush=True)  # noqa: T201 - this is what the bench waits for
        await asyncio.Event().wait()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.servers", description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--slack-port", type=int, default=0)
    parser.add_argument("--api-ports", type=int, nargs="+", help="one for each number of jobs")
    given = parser.parse_args()
    asyncio.run(serve(given.jobs, given.slack_port, given.api_ports or [0] * len(given.jobs)))


if __name__ == "__main__":
    main()
