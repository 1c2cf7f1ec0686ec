"""The page's server: it serves this machine alone, and says no in words."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.page.server import Page
from bot.sandbox.stage import stage

NO_EMOJI = frozenset[str]()
"""What stands between colons in those files and is none."""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with stage() as scene, Page(scene) as served:
        yield served


async def test_another_sites_page_moves_no_lever(page: Page) -> None:
    async with aiohttp.ClientSession() as session:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
            async with session.post(f"{page.origin}/bot", json={"run": False}, headers=headers) as answer:
                assert answer.status == 403
        async with session.post(f"{page.origin}/bot", data=json.dumps({"run": False})) as answer:
            assert answer.status == 404, "a form of another site can send text"
        async with session.get(page.origin) as answer:
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_what_is_not_there_is_said(page: Page) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/static/page.py", "/static/..%2fserver.py", "/static/nothing.js", "/file/F0"):
            async with session.get(page.origin + path) as answer:
                assert answer.status == 404, path
        for lever, asked in (
            ("act", {"do": "dance"}),
            ("act", {"do": "write", "channel": "C0", "text": "x"}),
            ("act", {"do": "submit", "values": {}}),
            ("speed", {"speed": 7}),
            ("trouble", {"side": "api", "name": "slack-500"}),
            ("end", {"job": "ftjob-nosuch", "how": "succeeded"}),
            ("job", {"life": "nine"}),
        ):
            async with session.post(f"{page.origin}/{lever}", json=asked) as answer:
                assert answer.status == 409, (lever, asked)
                assert (await answer.json())["said"]


def test_the_page_asks_for_nothing_beyond_itself() -> None:
    for file in (Path(__file__).parents[3] / "bot" / "sandbox" / "page" / "static").iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text.replace("/^https?:\\/\\//", "")


def test_every_emoji_that_the_bot_uses_is_drawn() -> None:
    bot = Path(__file__).parents[3] / "bot"
    used = {
        name
        for folder in ("blocks", "commands", "alerts", "providers")
        for file in (bot / folder).glob("*.py")
        for name in re.findall(r":([a-z][a-z_]+):", file.read_text())
    }
    drawn = set(re.findall(r"(\w+): \"", (bot / "sandbox" / "page" / "static" / "mrkdwn.js").read_text()))
    assert used - drawn - NO_EMOJI == set()
