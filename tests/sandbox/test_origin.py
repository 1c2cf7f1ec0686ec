"""Cross-site protection and secrets of the stand-ins."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from bot.sandbox.openai.azure import AzureApi
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.origin import is_local_request
from bot.sandbox.server import LoopbackServer
from bot.sandbox.slack.app_secrets import AppSecrets
from bot.sandbox.slack.server import Slack

PORT = 54321
HERE = f"127.0.0.1:{PORT}"


@pytest.mark.parametrize(
    ("headers", "is_welcome"),
    [
        ([("Host", HERE)], True),
        ([("Host", f"localhost:{PORT}")], True),
        ([("Host", f"LOCALHOST:{PORT}")], True),
        ([], False),
        ([("Host", "")], False),
        ([("Host", "127.0.0.1")], False),
        ([("Host", "127.0.0.1:54322")], False),
        ([("Host", f"evil.example:{PORT}")], False),
        ([("Host", f"127.0.0.1.evil.example:{PORT}")], False),
        ([("Host", f"localhost.:{PORT}")], False),
        ([("Host", f"0.0.0.0:{PORT}")], False),
        ([("Host", HERE), ("Host", "evil.example")], False),
        ([("Host", HERE), ("Origin", f"http://{HERE}")], True),
        ([("Host", HERE), ("Origin", "https://evil.example")], False),
        ([("Host", HERE), ("Origin", "null")], False),
        ([("Host", HERE), ("Origin", "")], False),
        ([("Host", HERE), ("Origin", f"https://{HERE}")], False),
        ([("Host", HERE), ("Origin", f"http://localhost:{PORT}")], False),
        ([("Host", HERE), ("Origin", "http://127.0.0.1:3000")], False),
        ([("Host", HERE), ("Origin", f"http://{HERE}.evil.example")], False),
        ([("Host", HERE), ("Origin", f"http://{HERE}"), ("Origin", "https://evil.example")], False),
        ([("Host", HERE), ("Sec-Fetch-Site", "none")], True),
        ([("Host", HERE), ("Sec-Fetch-Site", "same-origin")], True),
        ([("Host", HERE), ("Sec-Fetch-Site", "same-site")], False),
        ([("Host", HERE), ("Sec-Fetch-Site", "cross-site")], False),
        ([("Host", HERE), ("Origin", f"http://{HERE}"), ("Sec-Fetch-Site", "cross-site")], False),
    ],
)
def test_only_local_requests_of_the_same_origin_are_local(headers: list[tuple[str, str]], *, is_welcome: bool) -> None:
    assert is_local_request(CIMultiDictProxy(CIMultiDict(headers)), [PORT]) is is_welcome


FOREIGN = {
    "another site": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Origin": "null"},
    "a rebound name": {"Host": "evil.example"},
    "another page of this machine": {"Sec-Fetch-Site": "same-site"},
    "an image of another site": {"Sec-Fetch-Site": "cross-site"},
}


@pytest.fixture(params=[Slack, FineTuningApi, AzureApi])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[LoopbackServer]:
    make: Callable[[], LoopbackServer] = request.param
    async with make() as running:
        yield running


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_every_path_of_a_stand_in_rejects_other_sites(server: LoopbackServer, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as session:
        for method in ("GET", "POST", "OPTIONS"):
            for path in ("/", "/api/chat.postMessage", "/v1/fine_tuning/jobs", "/nothing"):
                async with session.request(method, server.origin + path, headers=headers) as response:
                    assert response.status == 403, (method, path)
    assert len(server.request_log) == 0


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_another_site_has_no_effect_in_slack_even_with_secrets(headers: dict[str, str]) -> None:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Slack())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        ann, channel = slack.add_user("ann"), slack.add_channel("ml")
        interaction = await ann.command("status", channel)
        authorized = {"Authorization": f"Bearer {slack.bot_token}", **headers}

        async def status(path: str, sent: dict[str, str], method: str = "POST") -> int:
            url = path if "//" in path else slack.origin + path
            async with session.request(
                method, url, headers=sent, data={"channel": channel.id, "text": "x"}
            ) as response:
                return response.status

        begun = slack.handle("files.getUploadURLExternal", {"filename": "a.png", "length": "3"})
        assert await status("/api/chat.postMessage", authorized) == 403
        assert await status(interaction.response_url, headers) == 403
        assert await status(begun.body["upload_url"], headers) == 403
        opened = slack.handle("apps.connections.open", {}, "app")
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(opened.body["url"], headers=headers)
        assert caught.value.status == 403
        assert (channel.messages, slack.ephemerals, slack.sockets.active, list(slack.request_log)) == (
            [],
            [],
            [],
            [],
        )
        await session.ws_connect(opened.body["url"])
        await slack.wait_for_connection()


async def test_every_secret_is_unique() -> None:
    """Compare all secrets of two Slack servers and two API servers."""
    secrets: list[str] = []
    for _ in range(2):
        async with Slack() as slack, FineTuningApi() as api:
            ann, channel = slack.add_user("ann"), slack.add_channel("ml")
            first, second = await ann.command("one", channel), await ann.command("two", channel)
            secrets += [
                slack.bot_token,
                slack.app_token,
                slack.signing_secret,
                slack.payload_sender.verification_token,
                api.key,
            ]
            secrets += [each.response_url.rpartition("/")[2] for each in (first, second)]
            secrets += [each.trigger_id.rpartition(".")[2] for each in (first, second)]
            for _ in range(2):
                secrets.append(
                    str(slack.handle("apps.connections.open", {}, "app").body["url"]).partition("ticket=")[2]
                )
                begun = slack.handle("files.getUploadURLExternal", {"filename": "a.png", "length": "3"})
                secrets.append(str(begun.body["upload_url"]).rpartition("/")[2])
    assert len(set(secrets)) == len(secrets)
    assert all(len(secret) >= 32 for secret in secrets)


async def test_secrets_can_be_made_reproducible() -> None:
    numbers = iter(range(10))
    slack = Slack(secrets=AppSecrets.random(lambda: f"secret-{next(numbers)}"))
    assert (slack.bot_token, slack.app_token, slack.signing_secret) == ("xoxb-secret-0", "xapp-secret-1", "secret-2")


@pytest.mark.parametrize("path", ["commands/T0SANDBOX/00000004", "commands/T0SANDBOX/00000004/", "actions/T0/1/x"])
async def test_a_response_url_cannot_be_guessed_from_its_number(path: str) -> None:
    async with Slack() as slack, aiohttp.ClientSession() as session:
        interaction = await slack.add_user("ann").command("status", slack.add_channel("ml"))
        assert "/commands/T0SANDBOX/00000004/" in interaction.response_url
        async with session.post(f"{slack.origin}/{path}", json={"text": "x"}) as response:
            assert response.status == 404
        assert slack.ephemerals == []


@pytest.mark.parametrize("where", ["query", "json", "form", "header"])
async def test_a_token_is_accepted_in_the_header_or_a_form_only(where: str) -> None:
    async with Slack() as slack, aiohttp.ClientSession() as session:
        url, token = slack.api_url + "auth.test", slack.bot_token
        match where:
            case "query":
                request = session.get(url, params={"token": token})
            case "json":
                request = session.post(url, json={"token": token})
            case "form":
                request = session.post(url, data={"token": token})
            case _:
                request = session.post(url, headers={"Authorization": f"Bearer {token}"})
        async with request as response:
            body = await response.json()
        assert body.get("error", "") == ("not_authed" if where in ("query", "json") else "")
        assert token not in repr(list(slack.request_log))
