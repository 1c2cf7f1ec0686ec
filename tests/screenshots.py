"""``make pictures``: screenshots of the page of `make try`, which README opens with, and of cards, and curves."""

import asyncio
import io
import math
import random
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from playwright.async_api import expect

from bot.delivery.charts import Chart
from bot.delivery.charts import render_chart as draw_chart
from bot.jobs.results import Curve
from bot.sandbox.demo.run import seed_demo
from tests.blocks import cards_page
from tests.blocks.rendered import NOW
from tests.sandbox.demo.page.browser_session import browser_session
from tests.sandbox.demo.page.shown_cards import Scheme, screenshot, show_cards

DOCS = Path(__file__).parent.parent / "docs"


async def take() -> bytes:
    """Return what a browser shows of `make try` after some seconds: a team's day, a thread open beside it."""
    async with browser_session() as session:
        await seed_demo(session.demo)
        session.demo.api.speed = 4.0
        cards = session.tab.locator("#messages article.bot").filter(has=session.tab.locator("figure"))
        await expect(cards.first).to_be_visible(timeout=90_000)
        session.demo.api.speed = 0.0
        await cards.first.locator(".replies").click()
        await cards.first.locator("figure").scroll_into_view_if_needed()
        await session.tab.mouse.move(0, 0)
        return await session.tab.screenshot()


async def take_cards() -> dict[str, bytes]:
    """Return what a browser shows of the cards of docs/cards.md, by file: each width, in light and dark colors."""
    schemes: tuple[Scheme, ...] = ("light", "dark")
    async with browser_session() as session:
        await session.tab.clock.set_fixed_time(datetime.fromtimestamp(NOW, UTC))
        await show_cards(session, cards_page.drawn(cards_page.states()))
        return {
            f"cards-{width}-{scheme}.png": await screenshot(session, width, scheme)
            for width in cards_page.WIDTHS
            for scheme in schemes
        }


def sample_curves() -> dict[str, Chart]:
    """Return a supervised training that learns its data by heart in the end, and a reinforcement fine-tuning."""
    jitter = random.Random(4)  # noqa: S311 - the same image each time
    losses = [(step, 0.12 + 2 * math.exp(-step / 75) + jitter.uniform(0, 0.12)) for step in range(1, 301)]
    checks = [(step, 0.6 + 1.6 * math.exp(-step / 37) + (max(0, step - 120) / 190) ** 2) for step in range(10, 301, 10)]
    rewards = [(step, 0.25 + 0.5 * (1 - math.exp(-step / 25)) + jitter.uniform(-0.06, 0.06)) for step in range(1, 81)]
    held_back = [(step, 0.24 + 0.42 * (1 - math.exp(-step / 25))) for step in range(10, 81, 10)]
    supervised = [Curve("training loss", tuple(losses)), Curve("validation loss", tuple(checks))]
    reinforced = [Curve("training reward", tuple(rewards)), Curve("validation reward", tuple(held_back))]
    return {
        "losses.png": Chart("ftjob-Qm3XvT8s2LzK9fW1 · gpt-4o-mini-2024-07-18", supervised, [100, 200, 300]),
        "rewards.png": Chart("ftjob-Rl7BnW4c1YhD6gP0 · o4-mini-2025-04-16", reinforced, [20, 40, 60, 80]),
    }


def save(png: bytes, path: Path) -> None:
    """Save an image with few colors, as a repository wants it: rare ones too, such as those of emoji."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(128, method=Image.Quantize.MAXCOVERAGE, kmeans=1).save(path, optimize=True)


if __name__ == "__main__":
    save(asyncio.run(take()), DOCS / "try.png")
    for name, png in asyncio.run(take_cards()).items():
        save(png, DOCS / name)
    for name, chart in sample_curves().items():
        save(draw_chart(chart), DOCS / name)
