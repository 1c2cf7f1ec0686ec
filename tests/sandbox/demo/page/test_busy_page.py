"""The page under load: progress bars, many tabs, a full workspace."""

import re
from collections.abc import Callable

import pytest
from playwright.async_api import Page as Tab
from playwright.async_api import expect

from bot.app.process import tuning_of
from bot.sandbox.demo.environment import POLL_SECONDS, PROGRESS_SECONDS
from bot.sandbox.demo.page.server import DemoPage
from bot.sandbox.openai.scenarios import Scenario, pauses, reinforcement, succeeds
from tests.sandbox.demo.page.browser_session import TIMEOUT_MS, BrowserSession
from tests.sandbox.demo.page.full_workspace import fill
from tests.sandbox.demo.page.locators import card, private_replies

TABS = 6
"""The number of connections that a browser opens to one server."""
BAR = re.compile("[█░]{5,} step [0-9]+/[0-9]+")

SCENARIOS: dict[str, tuple[Callable[[float], Scenario], float]] = {
    "a minute": (succeeds, 60.0),
    "rewards": (reinforcement, 150.0),
    "long": (pauses, 1200.0),
}
"""Scenarios that a user watches from the start, with their duration in seconds."""

COUNT_REDRAWN = """() => {
    window.drawn = { messages: 0, jobs: 0 };
    for (const id of Object.keys(window.drawn)) {
        new MutationObserver((all) => all.forEach((each) => { window.drawn[id] += each.addedNodes.length; })).observe(
            document.getElementById(id), { childList: true });
    }
}"""


@pytest.mark.parametrize(
    "scenario", [each if each == "a minute" else pytest.param(each, marks=pytest.mark.deep) for each in SCENARIOS]
)
async def test_a_progress_bar_moves_soon_after_a_job_starts(session: BrowserSession, scenario: str) -> None:
    api, (make, seconds) = session.demo.api, SCENARIOS[scenario]
    job = api.add_job(scenario=make(seconds))
    await session.type(f"/ftjob track {job}")
    progress = card(session, job)
    await expect(progress).to_contain_text(job)
    api.speed = seconds / 8  # it is queued for two seconds
    await api.request_log.wait_until(
        lambda: api.jobs[job]["status"] == "running", seconds=TIMEOUT_MS / 1000, why="it runs"
    )
    api.speed = 1.0
    await expect(progress).to_contain_text(BAR)
    first = re.search("step [0-9]+/", await progress.inner_text())
    assert first is not None
    await expect(progress).not_to_contain_text(first[0])
    await expect(progress).to_contain_text(BAR)
    await expect(progress).to_contain_text(re.compile("(loss|reward) [0-9.]+ → [0-9.]+"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_bots_own_intervals_leave_a_progress_bar_less_than_ten_seconds_behind(scenario: str) -> None:
    """Without the machine's own time: a first and a second training step, each logged, polled and drawn."""
    make, seconds = SCENARIOS[scenario]
    longest = max(each.seconds for each in make(seconds).steps if each.metrics)
    tuning = tuning_of(PROGRESS_SECONDS)
    waits = tuning.progress.every + tuning.progress.check_every + tuning.cards.card_interval + tuning.cards.interval
    assert POLL_SECONDS + longest + waits < 10.0
    assert 2 * longest + waits < 10.0


async def shown_in(tabs: list[Tab], text: str) -> None:
    for tab in tabs:
        await expect(tab.locator("#messages")).to_contain_text(text)


async def ask(tab: Tab, command: str = "/ftjob help") -> None:
    await tab.get_by_label("Write a message").fill(command)
    await tab.keyboard.press("Enter")


@pytest.mark.parametrize(
    "before",
    ["", pytest.param("delete window.SharedWorker", marks=pytest.mark.deep)],
    ids=["shared-stream", "no-shared-workers"],
)
async def test_six_tabs_show_new_messages_and_each_gets_replies(session: BrowserSession, before: str) -> None:
    tabs = [await session.open(before=before) for _ in range(TABS)]
    await session.tab.close()
    session.demo.member.post("Does everybody see this?", session.demo.channel)
    await shown_in(tabs, "Does everybody see this?")
    for count, tab in enumerate(tabs, start=1):
        await ask(tab)
        await expect(private_replies(tab)).to_have_count(count)

    await tabs.pop(0).close()
    session.demo.member.post("The first tab is gone.", session.demo.channel)
    await shown_in(tabs, "The first tab is gone.")
    await ask(tabs[-1])
    for tab in tabs:
        await expect(private_replies(tab)).to_have_count(TABS + 1)


async def test_tabs_that_lose_the_server_say_so_and_follow_its_successor(session: BrowserSession) -> None:
    banner = session.tab.locator("#banner")
    await session.page.__aexit__(None, None, None)
    session.demo.member.post("Said while nobody served.", session.demo.channel)
    await expect(banner).to_contain_text("lost its server")
    await ask(session.tab)
    await expect(session.tab.locator("#status-message")).to_contain_text("lost its server")
    await expect(session.tab.get_by_label("Write a message")).to_have_value("/ftjob help")

    async with DemoPage(session.demo, port=session.page.port):
        await shown_in([session.tab], "Said while nobody served.")
        await expect(banner).to_be_hidden()
        await session.tab.keyboard.press("Enter")
        await expect(private_replies(session.tab)).to_have_count(1)
        await session.tab.close()
    expected = ("ERR_CONNECTION_REFUSED", "status of 403")
    session.problems[:] = [each for each in session.problems if not any(reason in each for reason in expected)]


async def test_a_full_workspace_redraws_only_changes(session: BrowserSession) -> None:
    await fill(session)
    tab, articles, rows = session.tab, session.tab.locator("#messages article"), session.tab.locator("#jobs li")
    assert await articles.count() <= 100
    assert await rows.count() <= 50
    await tab.evaluate(COUNT_REDRAWN)
    session.demo.member.post("One more.", session.demo.channel)
    newest = next(reversed(session.demo.api.jobs))
    session.demo.api.change(newest, status="failed")
    await shown_in([tab], "One more.")
    await expect(rows.first).to_contain_text("failed")
    assert await tab.evaluate("window.drawn") == {"messages": 2, "jobs": 1}, (
        "the new message and the button above, the job"
    )

    await tab.get_by_role("button", name="Show earlier messages").click()
    await expect(articles).to_have_count(300)
    place = await tab.evaluate("document.getElementById('messages').scrollTop")
    assert place > 1000, "what was looked at stays there"
    session.demo.member.post("And another.", session.demo.channel)
    await shown_in([tab], "And another.")
    assert await tab.evaluate("document.getElementById('messages').scrollTop") == place
    await tab.get_by_role("button", name="Show more jobs").click()
    await expect(rows).to_have_count(100)
    await ask(tab)
    await expect(private_replies(tab).last).to_contain_text("/ftjob")
