"""A real browser on the page of ``ftjob try``: what the tests of the page and the screenshot share."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Page as Tab
from playwright.async_api import Request, ViewportSize, async_playwright, expect

from bot.sandbox.demo.bot_process import RUN_COMMAND
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.page.server import DemoPage

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 375, "height": 760}
PATIENCE = 120_000
"""Milliseconds that something on the page may take: a bot is behind it."""

expect.set_options(timeout=PATIENCE)


@dataclass
class Visit:
    """Somebody looks at the page."""

    scene: DemoEnvironment
    page: DemoPage
    tab: Tab
    problems: list[str] = field(default_factory=list)
    """What the browser's console had to complain of, and each request that left this machine."""

    async def open(self, *, before: str = "") -> Tab:
        """Open the page in another tab of the same browser; a script may run before those of the page."""
        tab = await self.tab.context.new_page()
        await self.begin(tab, before=before)
        return tab

    async def begin(self, tab: Tab, *, before: str = "") -> None:
        """Open the page in a new tab, and wait until it shows what is there."""
        tab.set_default_timeout(PATIENCE)

        def note(request: Request) -> None:
            if not request.url.startswith((self.page.origin, "data:")):
                self.problems.append(f"a request to {request.url}")

        tab.on("request", note)
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        if before:
            await tab.add_init_script(before)
        await tab.goto(self.page.origin)
        await expect(tab.locator("#bot-state")).to_contain_text("Running and connected")

    async def type(self, text: str) -> None:
        """Write something into the composer and send it."""
        await self.tab.get_by_label("Write a message").fill(text)
        await self.tab.keyboard.press("Enter")

    async def go(self, where: str) -> None:
        """Open a channel or the Home tab."""
        await self.tab.locator("#channels").get_by_role("button", name=where).click()

    async def become(self, name: str) -> None:
        """Go on as somebody else."""
        person = next(each for each in self.scene.slack.workspace.users.values() if each.name == name)
        await self.tab.get_by_label("You are").select_option(person.id)
        await expect(self.tab.get_by_label("You are")).to_have_value(person.id)


@asynccontextmanager
async def visiting(program: Sequence[str] = RUN_COMMAND) -> AsyncIterator[Visit]:
    """Set the stage, serve the page, and open it in a browser of its own; ``program`` is what starts the bot."""
    async with demo_environment(program) as scene, DemoPage(scene) as page, async_playwright() as playwright:
        # A browser refuses to run as root with its sandbox, which CI does.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = await (await browser.new_context(viewport=WIDE)).new_page()
        visit = Visit(scene, page, tab)
        await visit.begin(tab)
        yield visit
        await browser.close()
