"""Cards that the page shows as if the bot had posted them, and the lines of text that a reader counts on each."""

from collections.abc import Mapping
from typing import Literal

from playwright.async_api import expect

from bot.blocks import Message
from bot.delivery.charts import render_chart
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import BOT_USER, UploadedFile
from tests.blocks.cards_page import CHART, CURVES
from tests.blocks.rendered import NOW, PERSON
from tests.sandbox.demo.page.browser_session import BrowserSession
from tests.sandbox.demo.page.full_workspace import renamed

CARDS = "#messages article.bot"
Scheme = Literal["light", "dark"]
_TALL, _MARGIN = 4000, 12
"""Pixels."""
_MINUTE = 60
COUNT_LINES = """card => {
    const boxes = [], texts = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        if (texts.currentNode.parentElement.closest(".byline, .shortcuts, select, figure")) continue;
        const range = document.createRange();
        range.selectNodeContents(texts.currentNode);
        boxes.push(...[...range.getClientRects()].filter((box) => box.width > 0));
    }
    let lines = 0, end = -Infinity;
    for (const box of boxes.sort((one, other) => one.bottom - other.bottom)) {
        if ((box.top + box.bottom) / 2 < end) continue;
        lines += 1;
        end = box.bottom;
    }
    return lines;
}"""
"""Returns how many lines of text a message has below its byline, as they are laid out, without its menu and its image."""


async def show_cards(session: BrowserSession, cards: Mapping[str, Message]) -> None:
    """Show cards in the channel, and nothing else; the person in them is the demo's operator."""
    demo, image = session.demo, render_chart(CHART)
    demo.slack.workspace.files[CURVES] = UploadedFile(CURVES, "curves.png", len(image), image)
    demo.channel.history.clear()
    for nth, message in enumerate(cards.values()):
        blocks = renamed(list(message.blocks), PERSON, demo.operator.id)
        ts = f"{NOW + nth * _MINUTE:.6f}"
        demo.slack.workspace.add_message(ChannelMessage(ts, demo.channel.id, BOT_USER, message.text, blocks=blocks))
    await expect(session.tab.locator(CARDS)).to_have_count(len(cards))


async def count_lines(session: BrowserSession, cards: Mapping[str, Message]) -> dict[str, int]:
    """Return how many lines of text each card has on the page, by its title."""
    await show_cards(session, cards)
    shown = await session.tab.locator(CARDS).all()
    return {title: await each.evaluate(COUNT_LINES) for title, each in zip(cards, shown, strict=True)}


async def screenshot(session: BrowserSession, width: int, scheme: Scheme) -> bytes:
    """Return a screenshot of all cards that are shown, in a window of some width and in light or dark colors."""
    tab = session.tab
    await tab.set_viewport_size({"width": width, "height": _TALL})
    await tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await tab.mouse.move(0, 0)
    for chart in await tab.locator("#messages figure img").all():
        await expect(chart).to_have_js_property("complete", value=True)
    channel, newest = tab.locator("#messages"), tab.locator(CARDS).last
    area, last = await channel.bounding_box(), await newest.bounding_box()
    assert area is not None
    assert last is not None
    height = last["y"] + last["height"] - area["y"]
    assert height < area["height"], "the window is tall enough for all cards"
    return await tab.screenshot(clip={**area, "height": height + _MARGIN})
