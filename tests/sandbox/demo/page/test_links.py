"""URLs in messages: web and mail links are kept; those that run scripts or reach into this machine are dropped."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page as Tab
from playwright.async_api import Route, async_playwright

from tests.sandbox.demo.page.browser_session import CHROMIUM

STATIC = Path(__file__).parents[4] / "bot" / "sandbox" / "demo" / "page" / "static"
TYPES = {".js": "text/javascript", ".html": "text/html"}

OPENED = {
    "https://example.com/a?b=1#c": "https://example.com/a?b=1#c",
    "http://example.com/": "http://example.com/",
    "HTTPS://EXAMPLE.COM/Upper": "https://example.com/Upper",
    "https://example.com/javascript:alert(1)": "https://example.com/javascript:alert(1)",
    "mailto:ml@example.com": "mailto:ml@example.com",
}
DROPPED = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\x01javascript:alert(1)",
    " \u0000javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "javascript\r\n:alert(1)",
    "javascript://example.com/%0Aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "DATA:image/svg+xml,<svg/>",
    "vbscript:msgbox(1)",
    "\x0bVBScript:msgbox(1)",
    "blob:https://example.com/1",
    "file:///etc/passwd",
    "view-source:https://example.com",
    "//example.com/x",
    "/bot",
    "bot",
    "?run",
    "",
    "https://",
)
IMAGES = {address: shown for address, shown in OPENED.items() if not address.startswith("mailto:")}

DRAW = """async ([target, kind]) => {
    const { blocks } = await import("/static/blocks.js"), { mrkdwn } = await import("/static/mrkdwn.js");
    const names = { user: (id) => id, channel: (id) => id };
    const label = { type: "plain_text", text: "label" }, image = { type: "image", image_url: target, alt_text: "label" };
    const button = { type: "button", action_id: "a", text: label, url: target };
    const list = {
        mrkdwn: null,
        rich: [{ type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "link", url: target, text: "label" }] }] }],
        button: [{ type: "actions", elements: [button] }],
        accessory: [{ type: "section", text: label, accessory: button }],
        image: [image],
        thumb: [{ type: "section", text: label, accessory: image }],
        context: [{ type: "context", elements: [image] }],
    }[kind];
    const nodes = list ? blocks(list, { names, use: () => {} }) : mrkdwn(`<${target}|label>`, names);
    document.body.replaceChildren(...nodes);
    const found = [...document.querySelectorAll("*")].flatMap((each) => ["href", "src", "action", "formaction", "xlink:href"]
        .filter((name) => each.hasAttribute(name)).map((name) => each.getAttribute(name)));
    const says = document.body.innerText + [...document.querySelectorAll("[alt]")].map((each) => each.alt).join("");
    return { found, says };
}"""


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    """Yield an empty page with the page's scripts."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: install the package chromium")

    async def serve(route: Route) -> None:
        file = STATIC / route.request.url.rpartition("/")[2]
        if not file.is_file():
            await route.fulfill(body="<!doctype html><body></body>", content_type="text/html")
        else:
            await route.fulfill(body=file.read_text(), content_type=TYPES[file.suffix])

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        made = await browser.new_page()
        await made.route("**/*", serve)
        await made.goto("http://page.test/")
        yield made
        await browser.close()


async def drawn(tab: Tab, target: str, kind: str) -> dict[str, Any]:
    result: dict[str, Any] = await tab.evaluate(DRAW, [target, kind])
    return result


async def test_only_web_and_mail_links_are_kept(tab: Tab) -> None:
    for kind in ("mrkdwn", "rich", "button", "accessory"):
        for target, shown in OPENED.items():
            assert (await drawn(tab, target, kind))["found"] == [shown], (kind, target)
        for target in DROPPED:
            result = await drawn(tab, target, kind)
            assert result["found"] == [], (kind, target)
            assert "label" in result["says"], (kind, target)


async def test_only_web_images_are_kept(tab: Tab) -> None:
    for kind in ("image", "thumb", "context"):
        for target, shown in IMAGES.items():
            assert (await drawn(tab, target, kind))["found"] == [shown], (kind, target)
        for target in (*DROPPED, "mailto:ml@example.com"):
            result = await drawn(tab, target, kind)
            assert result["found"] == [], (kind, target)
            assert "label" in result["says"], (kind, target)
