"""Delivery check in a real browser: it allows for an outage, and detects a bot that lost an alert."""

import pytest
from playwright.async_api import expect

from tests.sandbox.demo.page.browser_session import CHROMIUM, BrowserSession, browser_session
from tests.sandbox.demo.page.locators import check_result, private_replies
from tests.sandbox.demo.page.test_faulty_bots import faulty, finish_one_by_one

MODEL = "ft:gpt-4o-mini:acme::abc"
RECOVERY = 300_000
"""Milliseconds that a result may take after an outage: the longest backoff is a minute."""


async def shows(session: BrowserSession, check: str, pending: int) -> None:
    await expect(check_result(session, "not told yet")).to_have_text(f"{pending}", timeout=RECOVERY)
    await expect(check_result(session, "Check")).to_contain_text(check, timeout=RECOVERY)
    await expect(check_result(session, "doubled")).to_have_text("0")


async def two_running_jobs(session: BrowserSession) -> list[str]:
    """Subscribe the channel and return two jobs that are announced there."""
    await session.type("/ftjob subscribe")
    await expect(session.tab.locator("#messages")).to_contain_text("subscribed this channel")
    jobs = [session.demo.api.add_job(status="running") for _ in range(2)]
    for job in jobs:
        await expect(session.tab.locator("#messages article.bot").filter(has_text=job)).not_to_have_count(0)
    await shows(session, "All told", 0)
    return jobs


def finish(session: BrowserSession, jobs: list[str]) -> None:
    good, bad = jobs
    session.demo.api.change(good, status="succeeded", fine_tuned_model=MODEL)
    session.demo.api.change(bad, status="failed", error={"code": "x", "message": "No luck.", "param": None})


async def results_are_posted(session: BrowserSession, jobs: list[str]) -> None:
    """Wait until the channel shows both results."""
    for job, end in zip(jobs, ("succeeded", "failed"), strict=True):
        told = session.tab.locator("#messages article.bot").filter(has_text="replied to a thread").filter(has_text=job)
        await expect(told).to_contain_text(end)


async def test_two_results_are_pending_during_a_slack_outage(session: BrowserSession) -> None:
    jobs = await two_running_jobs(session)
    await session.tab.locator("#fault-slack").select_option("slack-500")
    finish(session, jobs)
    await shows(session, "Waiting", 2)
    await session.tab.locator("#fault-slack").select_option("")
    await shows(session, "All told", 0)
    await results_are_posted(session, jobs)


async def test_two_results_are_pending_while_the_bot_is_down(session: BrowserSession) -> None:
    jobs = await two_running_jobs(session)
    await session.tab.get_by_role("button", name="Kill it").click()
    await expect(session.tab.locator("#bot-state")).to_have_text("Killed.")
    finish(session, jobs)
    await shows(session, "Waiting", 2)
    await session.tab.get_by_role("button", name="Start it again").click()
    await shows(session, "All told", 0)
    await results_are_posted(session, jobs)


async def test_two_results_are_pending_while_the_bot_is_removed_from_the_channel(session: BrowserSession) -> None:
    jobs = await two_running_jobs(session)
    await session.tab.get_by_role("button", name="Remove ftjob from this channel").click()
    finish(session, jobs)
    await shows(session, "Waiting", 2)
    posts = session.demo.slack.request_log
    await posts.wait_until(
        lambda: any(not each.accepted for each in posts.for_endpoint("chat.postMessage")), why="a post is rejected"
    )
    await session.type("/ftjob outbox")
    await expect(private_replies(session.tab).last).to_contain_text("not_in_channel")
    await session.tab.get_by_role("button", name="Invite ftjob to this channel").click()
    await shows(session, "All told", 0)
    await results_are_posted(session, jobs)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("fault", "says", "pending", "doubled"),
    [("swallow", "Result overdue", "1", "0"), ("repeat", "Told twice", "0", "1")],
)
async def test_a_faulty_bot_turns_the_check_red_within_a_minute(
    fault: str, says: str, pending: str, doubled: str
) -> None:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: install the package chromium")
    async with browser_session(faulty(fault)) as session:
        await finish_one_by_one(session.demo, 3)
        await expect(check_result(session, "Check")).to_have_text(says, timeout=60_000)
        await expect(check_result(session, "Check")).to_have_class("bad")
        await expect(check_result(session, "not told yet")).to_have_text(pending)
        await expect(check_result(session, "doubled")).to_have_text(doubled)
