"""What the page shows: cards, results of the delivery check, and waiting for them."""

from playwright.async_api import Locator, expect
from playwright.async_api import Page as Tab

from bot.blocks.replies import STILL_CHECKING
from tests.sandbox.demo.page.browser_session import TIMEOUT_MS, BrowserSession


def card(session: BrowserSession, job: str) -> Locator:
    """Return the card of a job in the channel."""
    menu = session.tab.locator("select.overflow")
    return session.tab.locator("#messages article.bot").filter(has_text=job).filter(has=menu)


async def choose(card_shown: Locator, option: str) -> None:
    """Choose from the menu of a card."""
    await card_shown.locator("select.overflow").select_option(label=option)


def private_replies(tab: Tab) -> Locator:
    """Return the replies that only the user sees, without the notice of a bot that a busy machine slows down."""
    _, _, words = STILL_CHECKING.partition(" ")
    return tab.locator("#messages article.ephemeral").filter(has_not_text=words)


def check_result(session: BrowserSession, name: str) -> Locator:
    return session.tab.locator("#check-results div").filter(has_text=name).locator("dd")


async def track_job(session: BrowserSession, **fields: object) -> str:
    """Let a job be tracked from the composer, and wait for its card."""
    job = session.demo.api.add_job(**{"status": "running", **fields})  # type: ignore[arg-type]
    await session.type(f"/ftjob track {job}")
    await expect(card(session, job)).to_contain_text(job)
    # A bot that is killed before it says so may not remember it.
    await expect(private_replies(session.tab).filter(has_text=job).first).to_be_visible()
    return job


async def wait_for_replies(session: BrowserSession, count: int) -> None:
    """Wait until the channel's threads hold so many replies."""

    def held() -> bool:
        return sum(message.thread_ts is not None for message in session.demo.channel.messages) == count

    await session.demo.slack.request_log.wait_until(held, seconds=TIMEOUT_MS / 1000, why=f"{count} replies")
