"""Page server: who may use it, its controls, and its errors."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.blocks.parts import section
from bot.blocks.view import View
from bot.sandbox.demo.environment import demo_environment
from bot.sandbox.demo.page.server import DemoPage
from bot.sandbox.openai.scenarios import succeeds
from bot.sandbox.slack.web_api.views import push_view

NO_EMOJI = frozenset({"acme", "base", "suffix"})
"""Words between colons that are no emoji."""


@pytest.fixture
async def page() -> AsyncIterator[DemoPage]:
    async with demo_environment() as demo, DemoPage(demo) as served:
        yield served


@asynccontextmanager
async def opened(page: DemoPage) -> AsyncIterator[aiohttp.ClientSession]:
    """Open the page in a client that keeps its cookie."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(page.origin) as response:
            assert response.status == 200
        yield session


async def test_another_sites_page_cannot_use_the_controls(page: DemoPage) -> None:
    async with opened(page) as session:
        for headers in (
            {"Origin": "https://evil.example"},
            {"Host": "evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:3000"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            async with session.post(f"{page.origin}/bot", json={"is_running": False}, headers=headers) as response:
                assert response.status == 403
            for path in ("/", "/changes", "/events", "/file/F1", "/static/page.js"):
                async with session.get(page.origin + path, headers=headers) as response:
                    assert response.status == 403, (path, headers)
        async with session.post(f"{page.origin}/bot", data=json.dumps({"is_running": False})) as response:
            assert response.status == 404, "a form of another site can send text"
        async with session.get(page.origin) as response:
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]


async def test_requests_without_the_pages_cookie_are_rejected(page: DemoPage) -> None:
    async with aiohttp.ClientSession() as session:
        for cookies in ({}, {f"ftjob-try-{page.port}": "guessed"}, {"ftjob-try": "x"}):
            for path in ("/changes", "/events", "/file/F1"):
                async with session.get(page.origin + path, cookies=cookies) as response:
                    assert response.status == 403, path
            async with session.post(f"{page.origin}/speed", json={"speed": 60}, cookies=cookies) as response:
                assert response.status == 403
                assert page.origin in (await response.json())["message"]
    async with opened(page) as session, session.post(f"{page.origin}/speed", json={"speed": 60}) as response:
        assert response.status == 200


async def test_the_cookie_is_new_each_run_and_neither_scripts_nor_other_sites_get_it() -> None:
    values = []
    async with demo_environment() as demo:
        for _ in range(2):
            async with DemoPage(demo) as page, aiohttp.ClientSession() as session, session.get(page.origin) as response:
                cookie = response.cookies[f"ftjob-try-{page.port}"]
                assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
                values.append(cookie.value)
    assert len(set(values)) == 2
    assert all(len(value) >= 32 for value in values)


async def test_users_cannot_write_to_a_read_only_messages_tab() -> None:
    async with demo_environment() as demo, DemoPage(demo) as page, opened(page) as session:
        direct = demo.slack.direct_message(demo.member)
        for text in ("hello", " hello /ftjob help"):
            body = {"action": "write", "user": demo.member.id, "channel": direct.id, "text": text}
            async with session.post(f"{page.origin}/action", json=body) as response:
                assert (await response.json())["message"] == "Sending messages to this app has been turned off."
        assert direct.messages == []


async def test_no_secret_is_shown_logged_or_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """After a command, a curve's upload and a restart: the page's state, logged requests, the bot's log, its output."""
    issued: list[str] = []

    def new_secret() -> str:
        issued.append(secrets.token_hex())
        return issued[-1]

    async with demo_environment(new_secret=new_secret) as demo, DemoPage(demo) as page, opened(page) as session:
        job = demo.api.add_job(scenario=succeeds(0.1, steps=8))
        await (await demo.operator.command(f"track {job}", demo.channel)).reply()
        await demo.api.request_log.wait_until(lambda: demo.api.jobs[job]["status"] == "succeeded", why="the end")
        for text in (f"status {job}", f"curves {job}"):
            await (await demo.operator.command(text, demo.channel)).reply()
        await demo.slack.request_log.wait_until(
            lambda: demo.slack.request_log.for_endpoint("upload"), why="a picture is uploaded"
        )
        await demo.bot_process.kill()
        await demo.bot_process.start()
        async with session.get(f"{page.origin}/changes") as response:
            seen = await response.text()
        requests = repr([logged.request for server in (demo.slack, demo.api) for logged in server.request_log])
        places = {
            "page": seen,
            "requests": requests,
            "log": demo.bot_process.log.read_text(),
            "print": "".join(capfd.readouterr()),
        }
        assert len(issued) > 8
        assert "chat.postMessage" in seen or "chat.postEphemeral" in seen
        for place, held in places.items():
            assert [secret for secret in [*issued, demo.api.key] if secret in held] == [], place


async def test_a_tab_gets_changes_instead_of_the_whole_state() -> None:
    async with demo_environment() as demo, DemoPage(demo) as page, opened(page) as session:
        for count in range(200):
            demo.member.post(f"Line {count}.", demo.channel)
        whole = await changes(session, page, "")
        assert whole["whole"]
        assert len(whole["changes"]["messages"]) == 200
        async with session.get(f"{page.origin}/events") as stream:
            assert (await stream.content.readline()).startswith(b"data: ")
            message = demo.member.post("One more.", demo.channel)
            news = await changes(session, page, whole["version"])
        assert not news["whole"]
        assert list(news["changes"]["messages"]) == [message.ts]
        message.deleted = True
        assert (await changes(session, page, news["version"]))["changes"]["messages"] == {message.ts: None}


async def changes(session: aiohttp.ClientSession, page: DemoPage, since: str) -> dict[str, Any]:
    async with session.get(f"{page.origin}/changes", params={"since": since}) as response:
        update: dict[str, Any] = await response.json()
        return update


async def test_requests_for_missing_objects_are_errors(page: DemoPage) -> None:
    async with opened(page) as session:
        for path in ("/static/page.py", "/static/..%2fserver.py", "/static/nothing.js", "/file/F0"):
            async with session.get(page.origin + path) as response:
                assert response.status == 404, path
        for control, body in (
            ("action", {"action": "dance"}),
            ("action", {"action": "write", "channel": "C0", "text": "x"}),
            ("action", {"action": "submit", "values": {}}),
            ("speed", {"speed": 7}),
            ("fault", {"side": "api", "name": "slack-500"}),
            ("end", {"job": "ftjob-nosuch", "outcome": "succeeded"}),
            ("job", {"scenario": "nine"}),
        ):
            async with session.post(f"{page.origin}/{control}", json=body) as response:
                assert response.status == 409, (control, body)
                assert (await response.json())["message"]


async def test_a_stale_tab_is_told_that_its_form_was_submitted_or_closed() -> None:
    async with demo_environment() as demo, DemoPage(demo) as page, opened(page) as session:
        person = demo.operator
        push_view(demo.slack.workspace, person.id, View("Create a job", [section("Created.")]).payload())
        said = []
        for action in ("submit", "close", "submit", "close"):
            body = {"action": action, "user": person.id, "values": {"model": "gpt-4o-mini"}}
            async with session.post(f"{page.origin}/action", json=body) as response:
                said.append((response.status, (await response.json())["message"]))
    closed = (409, "that window is closed: somebody closed or submitted it in another tab")
    assert said == [(409, "that form was submitted already, in another tab"), (200, ""), closed, closed]


CONTROLS = ("action", "job", "end", "speed", "fault", "bot")
NOT_OBJECTS = {
    "null": b"null",
    "list": b"[1]",
    "string": b'"x"',
    "number": b"7",
    "cut": b'{"speed": 1',
    "nothing": b"",
    "not-utf-8": b'{"user": "\xff"}',
    "deep": b"[" * 100_000,
    "doubled": b'{"speed": 1, "speed": 60}',
    "nan": b'{"speed": NaN}',
}


async def test_controls_reject_bodies_that_are_not_json_objects(page: DemoPage) -> None:
    headers = {"Content-Type": "application/json"}
    async with opened(page) as session:
        for name, body in NOT_OBJECTS.items():
            for control in CONTROLS:
                async with session.post(f"{page.origin}/{control}", data=body, headers=headers) as response:
                    assert response.status == 400, (control, name)
                    assert "JSON" in (await response.json())["message"]
        headers = {"Content-Type": "application/json; charset=x"}
        async with session.post(f"{page.origin}/speed", data=b"{}", headers=headers) as response:
            assert response.status == 400


WRONG_TYPES: tuple[dict[str, object], ...] = (
    {},
    {"user": [1]},
    {"action": "press", "target": 7},
    {"action": "press", "target": None, "action_id": {}},
    {"action": "submit", "values": [1]},
    {"action": "shortcut", "callback_id": {}, "channel": [], "ts": 1},
    {"action": "write", "channel": {}, "text": None},
    {"scenario": [], "seconds": "long"},
    {"scenario": "succeeds", "seconds": {}},
    {"job": {}, "outcome": 1, "error": []},
    {"speed": {}},
    {"side": [], "name": {}},
    {"side": "api", "name": 7},
)


async def test_controls_reject_values_of_the_wrong_type(page: DemoPage) -> None:
    async with opened(page) as session:
        for body in WRONG_TYPES:
            for control in CONTROLS:
                async with session.post(f"{page.origin}/{control}", json=body) as response:
                    assert response.status in (400, 409), (control, body)


async def test_only_the_pages_own_files_are_served(page: DemoPage, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("<p>secret</p>")
    static = Path(__file__).parents[4] / "bot" / "sandbox" / "demo" / "page" / "static"
    up = "..%2F" * len(static.parts)
    for path in (
        f"%2F{str(secret)[1:].replace('/', '%2F')}",
        f"{up}{str(secret)[1:].replace('/', '%2F')}",
        f".%2F{static.name}%2Fpage.css",
        ".%2Fpage.css",
        f"..%2F{static.name}%2Fpage.css",
        "page.css%00.html",
        "PAGE.CSS",
        "..%5Cpage.css",
    ):
        response = await raw(page, f"GET /static/{path}")
        assert response.startswith(b"HTTP/1.1 404 "), path
        assert b"secret" not in response
    assert (await raw(page, "GET /static/page.css")).startswith(b"HTTP/1.1 200 ")


async def raw(page: DemoPage, line: str) -> bytes:
    """Send a request line whose path no client normalizes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nConnection: close\r\n\r\n".encode())
    response = await reader.read()
    writer.close()
    return response


def test_the_page_loads_no_external_resources() -> None:
    for file in (Path(__file__).parents[4] / "bot" / "sandbox" / "demo" / "page" / "static").iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text.replace("/^https?:\\/\\//", "")


def test_every_emoji_of_the_bot_is_rendered() -> None:
    bot = Path(__file__).parents[4] / "bot"
    used = {
        name
        for folder in ("blocks", "commands", "delivery", "tracking", "providers", "jobs")
        for file in (bot / folder).glob("*.py")
        for name in re.findall(r":([a-z][a-z_]+):", file.read_text())
    }
    drawn = set(re.findall(r"(\w+): \"", (bot / "sandbox" / "demo" / "page" / "static" / "mrkdwn.js").read_text()))
    assert used - drawn - NO_EMOJI == set()
