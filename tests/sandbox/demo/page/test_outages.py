"""The page's check in a real browser: it waits through an outage, and it finds a bot that lost something."""

import pytest
from playwright.async_api import Locator, expect

from tests.sandbox.demo.page.browser import CHROMIUM, Visit, visiting
from tests.sandbox.demo.page.test_faulty_bots import faulty, finish_one_by_one

MODEL = "ft:gpt-4o-mini:acme::abc"
RECOVERY = 300_000
"""Milliseconds that a result may take after an outage: the longest backoff is a minute."""


def count(visit: Visit, name: str) -> Locator:
    return visit.tab.locator("#check-results div").filter(has_text=name).locator("dd")


async def shows(visit: Visit, check: str, pending: int) -> None:
    await expect(count(visit, "not told yet")).to_have_text(f"{pending}", timeout=RECOVERY)
    await expect(count(visit, "Check")).to_contain_text(check, timeout=RECOVERY)
    await expect(count(visit, "doubled")).to_have_text("0")


async def two_running_jobs(visit: Visit) -> list[str]:
    """Let the channel be subscribed, and return two jobs that are announced there."""
    await visit.type("/ftjob subscribe")
    await expect(visit.tab.locator("#messages")).to_contain_text("subscribed this channel")
    jobs = [visit.scene.api.add_job(status="running") for _ in range(2)]
    for job in jobs:
        await expect(visit.tab.locator("#messages article.bot").filter(has_text=job)).not_to_have_count(0)
    await shows(visit, "All told", 0)
    return jobs


def finish(visit: Visit, jobs: list[str]) -> None:
    good, bad = jobs
    visit.scene.api.change(good, status="succeeded", fine_tuned_model=MODEL)
    visit.scene.api.change(bad, status="failed", error={"code": "x", "message": "No luck.", "param": None})


async def stand_there(visit: Visit, jobs: list[str]) -> None:
    """Wait until the channel shows how both jobs ended."""
    for job, end in zip(jobs, ("Succeeded", "Failed"), strict=True):
        told = visit.tab.locator("#messages article.bot").filter(has_text="replied to a thread").filter(has_text=job)
        await expect(told).to_contain_text(end)


async def test_two_results_are_pending_while_slack_is_broken(visit: Visit) -> None:
    jobs = await two_running_jobs(visit)
    await visit.tab.locator("#fault-slack").select_option("slack-500")
    finish(visit, jobs)
    await shows(visit, "Waiting", 2)
    await visit.tab.locator("#fault-slack").select_option("")
    await shows(visit, "All told", 0)
    await stand_there(visit, jobs)


async def test_two_results_are_pending_while_the_bot_is_dead(visit: Visit) -> None:
    jobs = await two_running_jobs(visit)
    await visit.tab.get_by_role("button", name="Kill it").click()
    await expect(visit.tab.locator("#bot-state")).to_have_text("Killed.")
    finish(visit, jobs)
    await shows(visit, "Waiting", 2)
    await visit.tab.get_by_role("button", name="Start it again").click()
    await shows(visit, "All told", 0)
    await stand_there(visit, jobs)


async def test_two_results_are_pending_while_the_bot_is_out_of_the_channel(visit: Visit) -> None:
    jobs = await two_running_jobs(visit)
    await visit.tab.get_by_role("button", name="Remove ftjob from this channel").click()
    finish(visit, jobs)
    await shows(visit, "Waiting", 2)
    posts = visit.scene.slack.request_log
    await posts.wait_until(
        lambda: any(not each.accepted for each in posts.for_endpoint("chat.postMessage")), why="a post is refused"
    )
    await visit.type("/ftjob outbox")
    await expect(visit.tab.locator("article.ephemeral").last).to_contain_text("not_in_channel")
    await visit.tab.get_by_role("button", name="Invite ftjob to this channel").click()
    await shows(visit, "All told", 0)
    await stand_there(visit, jobs)


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
    async with visiting(faulty(fault)) as visit:
        await finish_one_by_one(visit.scene, 3)
        await expect(count(visit, "Check")).to_have_text(says, timeout=60_000)
        await expect(count(visit, "Check")).to_have_class("bad")
        await expect(count(visit, "not told yet")).to_have_text(pending)
        await expect(count(visit, "doubled")).to_have_text(doubled)
