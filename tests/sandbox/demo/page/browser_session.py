"""A real browser on the page of ``ftjob try``, for tests, the benchmark and the screenshot."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Page as Tab
from playwright.async_api import Request, ViewportSize, async_playwright, expect

from bot.sandbox.demo.bot_process import RUN_COMMAND
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.page.server import DemoPage
from tests.world import ACK_TIMEOUT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 375, "height": 760}
TIMEOUT_MS = 120_000
"""Timeout of every wait on the page, in milliseconds: a real bot is behind it."""

expect.set_options(timeout=TIMEOUT_MS)


@dataclass
class BrowserSession:
    """The page in a browser tab, and the demo behind it."""

    demo: DemoEnvironment
    page: DemoPage
    tab: Tab
    problems: list[str] = field(default_factory=list)
    """Errors of the browser's console, and requests to other hosts."""

    async def open(self, *, before: str = "") -> Tab:
        """Open the page in another tab; ``before`` is a script that runs before the page's own."""
        tab = await self.tab.context.new_page()
        await self.load(tab, before=before)
        return tab

    async def load(self, tab: Tab, *, before: str = "") -> None:
        """Open the page in a new tab and wait until it shows the bot."""
        tab.set_default_timeout(TIMEOUT_MS)

        def record(request: Request) -> None:
            if not request.url.startswith((self.page.origin, "data:")):
                self.problems.append(f"a request to {request.url}")

        tab.on("request", record)
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("console", lambda logged: self.problems.append(logged.text) if logged.type == "error" else None)
        if before:
            await tab.add_init_script(before)
        await tab.goto(self.page.origin)
        await expect(tab.locator("#bot-state")).to_contain_text("Running and connected")

    async def type(self, text: str) -> None:
        """Type into the composer and send."""
        await self.tab.get_by_label("Write a message").fill(text)
        await self.tab.keyboard.press("Enter")

    async def open_channel(self, name: str) -> None:
        """Open a channel or the Home tab."""
        await self.tab.locator("#channels").get_by_role("button", name=name).click()

    async def switch_user(self, name: str) -> None:
        """Switch to another user."""
        user = next(each for each in self.demo.slack.workspace.users.values() if each.name == name)
        await self.tab.get_by_label("You are").select_option(user.id)
        await expect(self.tab.get_by_label("You are")).to_have_value(user.id)


@asynccontextmanager
async def browser_session(
    command: Sequence[str] = RUN_COMMAND, *, all_providers: bool = False
) -> AsyncIterator[BrowserSession]:
    """Run a demo, serve its page and open it in a browser; ``command`` starts the bot."""
    # IDs that are shown whole where a job has no name: tests find their cards by them.
    environment = demo_environment(command, job_id_length=14, all_providers=all_providers)
    async with environment as demo, DemoPage(demo) as page, async_playwright() as playwright:
        # A browser refuses to run as root with its sandbox, which CI does.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = await (await browser.new_context(viewport=WIDE)).new_page()
        demo.slack.payload_sender.ack_timeout = ACK_TIMEOUT
        session = BrowserSession(demo, page, tab)
        await session.load(tab)
        yield session
        await browser.close()
