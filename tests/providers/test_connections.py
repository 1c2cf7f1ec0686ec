"""Why a connection to an API failed: real servers, one sentence each, and never more than that was sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.commands.error_messages import provider_error
from bot.errors import Unreachable
from bot.net.proxies import Proxies, read_proxies
from bot.providers.account import Account
from bot.providers.client import Client
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.processes import free_port
from tests.proxy import proxy_server
from tests.tls import certificate, tls_front


async def failure(base_url: str, proxies: Proxies | None = None) -> Unreachable:
    """Ask an API that cannot be reached and return the error."""
    async with Client(
        Account("test", base_url, SecretStr("sk-0123456789")), deadline=60, proxies=proxies or Proxies()
    ) as client:
        with pytest.raises(Unreachable) as caught:
            await client.retrieve("ftjob-a")
    return caught.value


def through(url: str) -> Proxies:
    proxies, problems = read_proxies({"ALL_PROXY": url})
    assert problems == []
    return proxies


async def test_a_certificate_of_an_unknown_issuer(api: FineTuningApi, tmp_path: Path) -> None:
    async with tls_front(certificate(tmp_path), api) as port:
        error = await failure(f"https://localhost:{port}/v1")
    assert str(error).startswith("The server's certificate isn't trusted: self")
    assert "SSL_CERT_FILE" in error.todo
    assert error.may_have_executed is False


async def test_a_host_that_does_not_exist() -> None:
    error = await failure("https://nobody.invalid/v1")
    assert "nobody.invalid" in str(error)
    assert error.may_have_executed is False


async def test_a_port_that_refuses() -> None:
    error = await failure(f"http://127.0.0.1:{free_port()}/v1")
    assert (str(error), error.may_have_executed) == (
        "The connection was refused: nothing is listening on that port.",
        False,
    )


async def test_https_at_a_port_of_plain_http(api: FineTuningApi) -> None:
    error = await failure(f"https://127.0.0.1:{api.port}/v1")
    assert (str(error), error.may_have_executed) == ("The server's port doesn't use TLS.", False)
    assert len(api.request_log) == 0


async def test_a_port_that_accepts_a_connection_and_sends_nothing() -> None:
    async def keep(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)
        held.append(writer)

    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    async with (
        server,
        Client(
            Account("test", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", SecretStr("sk-0123456789")),
            deadline=0.5,
        ) as client,
    ):
        with pytest.raises(Unreachable) as caught:
            await client.retrieve("ftjob-a")
        for writer in held:
            writer.close()
    assert (str(caught.value), caught.value.may_have_executed) == ("No response within 0.5 s.", True)


ALERT = b"\x15\x03\x03\x00\x02\x02\x46"
"""What a TLS server says to plain HTTP: fatal, protocol version."""


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_plain_http_at_a_port_of_https() -> None:
    async with answering(ALERT) as port:
        error = await failure(f"http://127.0.0.1:{port}/v1")
    assert str(error) == "The server's port expects HTTPS, not plain HTTP."
    assert error.todo == "Change {address} to https://."
    assert error.may_have_executed is True


async def test_a_connection_that_is_closed_without_a_response() -> None:
    async with answering(b"") as port:
        error = await failure(f"http://127.0.0.1:{port}/v1")
    assert (str(error), error.may_have_executed) == ("The server closed the connection without responding.", True)


async def test_a_proxy_that_is_not_there() -> None:
    error = await failure("https://localhost/v1", through(f"127.0.0.1:{free_port()}"))
    assert str(error).startswith("The proxy can't be reached. The connection was refused")
    assert error.may_have_executed is False


@pytest.mark.parametrize(
    ("password", "refuses", "said"),
    [
        ("me:other", None, "The proxy requires a username and password (HTTP 407)."),
        (None, 403, "The proxy didn't open a connection (HTTP 403)."),
        (None, 502, "The proxy didn't open a connection (HTTP 502)."),
    ],
)
async def test_a_proxy_that_refuses(password: str | None, refuses: int | None, said: str) -> None:
    async with proxy_server(password=password, refuses=refuses) as proxy:
        error = await failure("https://localhost:9/v1", through(proxy.url))
    assert str(error) == said
    assert error.todo


async def test_a_failure_that_only_an_admin_can_fix_has_no_advice_to_retry(tmp_path: Path, api: FineTuningApi) -> None:
    async with tls_front(certificate(tmp_path), api) as port:
        error = await failure(f"https://localhost:{port}/v1")
    said = provider_error(error, project="here")
    assert said.startswith("I can't reach the API: The server's certificate isn't trusted: self")
    assert said.endswith("Your jobs aren't affected. Ask your ftjob admin to fix it.")
