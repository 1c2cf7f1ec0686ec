"""Behind a proxy: everything that goes out follows the same variables, read once."""

import asyncio
import sys
from pathlib import Path

import pytest

from bot.app.clients import open_slack
from bot.slack.messages import FileUpload
from tests.cli.test_check import command
from tests.proxy import proxy_server
from tests.tls import certificate, tls_front
from tests.world import World

PASSWORD = "me:c4n4ry-p@ss"


async def told(world: World, **settings: str) -> None:
    """Run a bot that is asked something, sees a change and tells it."""
    job = world.api.add_job(status="running")
    async with world.bot(**settings):
        answer = await world.say(f"track {job}")
        assert job in answer.plain_text
        world.api.change(job, status="succeeded")
        await world.until_delivered(job, "Succeeded")


def origins(world: World) -> tuple[str, str]:
    return world.slack.origin.removeprefix("http://"), world.api.origin.removeprefix("http://")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_slack_its_socket_and_the_api_go_through_the_proxy(world: World, name: str) -> None:
    async with proxy_server() as proxy:
        await told(world, **{name: proxy.url.removeprefix("http://")})
        slack, api = origins(world)
        requests = [entry.endpoint for entry in world.slack.request_log if entry.endpoint != "socket.ack"]
        assert {"socket", "response_url", "chat.postMessage"} <= set(requests)
        assert proxy.asked_for(slack) == len(requests)
        assert proxy.asked_for(api) == len(world.api.request_log)


@pytest.mark.parametrize("entries", ["127.0.0.0/8", "::1, 127.0.0.1 ,fd00::/8", "*"])
async def test_no_proxy_is_followed_by_all_of_them(world: World, entries: str) -> None:
    async with proxy_server() as proxy:
        await told(world, HTTP_PROXY=proxy.url, NO_PROXY=entries)
        assert proxy.asked == {}


async def test_one_side_may_be_left_out_by_its_port(world: World) -> None:
    async with proxy_server() as proxy:
        slack, api = origins(world)
        await told(world, HTTP_PROXY=proxy.url, NO_PROXY=api)
        assert proxy.asked_for(api) == 0
        assert proxy.asked_for(slack) > 3


async def test_a_chart_and_its_bytes_go_through_the_proxy(world: World) -> None:
    async with proxy_server() as proxy:
        async with open_slack(world.settings(HTTP_PROXY=proxy.url)) as client:
            assert await client.upload(FileUpload(b"\x89PNG", "loss.png", "Loss"))
        assert proxy.asked_for(origins(world)[0]) == 3


async def test_a_proxy_gets_its_password_and_nobody_else_sees_it(world: World) -> None:
    async with proxy_server(password=PASSWORD) as proxy:
        address = f"http://me:c4n4ry-p%40ss@127.0.0.1:{proxy.port}"
        await told(world, HTTP_PROXY=address)
        code, said = await command(world, HTTP_PROXY=address)
    assert proxy.asked_for(origins(world)[1]) > 1
    assert code == 0
    assert f"HTTP_PROXY (127.0.0.1:{proxy.port})" in said
    seen = f"{said} {list(world.slack.request_log)} {list(world.api.request_log)}"
    assert "c4n4ry-p" not in seen


async def test_tls_goes_through_a_tunnel(world: World, tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    async with (
        proxy_server() as proxy,
        tls_front(pem, world.api) as port,
        tls_front(pem, world.slack) as slack,
    ):
        code, said = await command(
            world,
            HTTPS_PROXY=f"127.0.0.1:{proxy.port}",
            OPENAI_BASE_URL=f"https://localhost:{port}/v1",
            SLACK_API_URL=f"https://localhost:{slack}/api",
            SSL_CERT_FILE=str(pem),
        )
    assert code == 0, said
    assert proxy.asked[f"CONNECT localhost:{port}"] == 1
    assert proxy.asked[f"CONNECT localhost:{slack}"] == 1


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
async def test_an_entry_that_nobody_can_read_stops_nothing_and_is_named(world: World, name: str) -> None:
    code, said = await command(world, **{name: "localhost,fd00::/8,10.0.0.0/99"})
    assert code == 0
    assert f"{name}: 10.0.0.0/99 isn't a host" in said
    assert "Traceback" not in said
    async with world.process(**{name: "localhost,fd00::/8,10.0.0.0/99"}) as process:
        assert process.returncode is None
    [warning] = [line for line in world.log if "settings.proxy_ignored" in line]
    assert "10.0.0.0/99" in warning


@pytest.mark.parametrize(("words", "head"), [("run", "ftjob can't start:\n  - "), ("check", "ftjob: error: ")])
async def test_a_proxy_that_nobody_can_read_is_one_line_and_exits_78(world: World, words: str, head: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", words),
        cwd=world.folder,
        env=world.environ(HTTPS_PROXY="socks5://me:c4n4ry-p@proxy:1080"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    line = "HTTPS_PROXY is a SOCKS proxy (socks5://), which ftjob can't use; use an HTTP proxy\n"
    assert (process.returncode, said.decode()) == (78, f"{head}{line}")
