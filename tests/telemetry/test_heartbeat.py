"""The sign of life: given while all is well, kept back while anything is not, and never the address in a log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.telemetry.heartbeat import send_heartbeats
from tests.stopwatch import within

EVERY = 0.01


class HeartbeatServer:
    """Whoever waits for the sign."""

    def __init__(self) -> None:
        self.signs = 0
        self.followed = 0
        """How often somebody went where a redirect points."""
        self.status = 200
        self.address = SecretStr("")
        self.came = asyncio.Condition()

    async def receive(self, _request: web.Request) -> web.Response:
        async with self.came:
            self.signs += 1
            self.came.notify_all()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    async def be_found(self, _request: web.Request) -> web.Response:
        self.followed += 1
        return web.Response()

    async def until(self, more: int) -> None:
        wanted = self.signs + more
        async with within(10), self.came:
            await self.came.wait_for(lambda: self.signs >= wanted)


@asynccontextmanager
async def listening() -> AsyncIterator[HeartbeatServer]:
    listener, app = HeartbeatServer(), web.Application()
    app.router.add_get("/ping/secret-token", listener.receive)
    app.router.add_get("/elsewhere", listener.be_found)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.address = SecretStr(f"http://127.0.0.1:{runner.addresses[0][1]}/ping/secret-token")
    yield listener
    await runner.cleanup()


@asynccontextmanager
async def beating(listener: HeartbeatServer, broken: list[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(send_heartbeats(listener.address, lambda: broken, interval=EVERY))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_sign_is_given_again_and_again_while_all_is_well() -> None:
    async with listening() as listener, beating(listener, []):
        await listener.until(3)


async def test_no_sign_is_given_while_anything_does_not_work() -> None:
    broken = ["slack"]
    async with listening() as listener, beating(listener, broken):
        for _ in range(20):
            await asyncio.sleep(EVERY)
        assert listener.signs == 0
        broken.clear()
        await listener.until(1)


async def test_a_sign_that_is_not_taken_is_said_once_and_so_is_its_end_without_the_address() -> None:
    async with listening() as listener:
        with capture_logs() as logs:
            async with beating(listener, []):
                listener.status = 500
                await listener.until(4)
                listener.status = 200
                await listener.until(4)

    assert [log["event"] for log in logs] == ["heartbeat.failed", "heartbeat.recovered"]
    assert "secret-token" not in str(logs)


async def test_a_redirect_is_not_followed_and_counts_as_not_taken() -> None:
    async with listening() as listener:
        listener.status = 302
        with capture_logs() as logs:
            async with beating(listener, []):
                await listener.until(4)
                listener.status = 200
                await listener.until(4)

    assert [log["event"] for log in logs] == ["heartbeat.failed", "heartbeat.recovered"]
    assert listener.followed == 0


async def test_a_listener_that_is_not_there_ends_nothing() -> None:
    async with listening() as listener:
        pass
    with capture_logs() as logs:
        async with beating(listener, []), within(10):
            while not logs:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(EVERY)

    assert [log["event"] for log in logs] == ["heartbeat.failed"]
