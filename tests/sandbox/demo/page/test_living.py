"""The page while much happens: bars that move, many tabs, a workspace after months."""

import re
from collections.abc import Callable

import pytest
from playwright.async_api import Page as Tab
from playwright.async_api import expect

from bot.app.process import tuning_of
from bot.sandbox.demo.environment import POLL_SECONDS, PROGRESS_SECONDS
from bot.sandbox.demo.page.server import DemoPage
from bot.sandbox.openai.scenarios import Scenario, pauses, reinforcement, succeeds
from tests.sandbox.demo.page.browser import PATIENCE, Visit
from tests.sandbox.demo.page.months import card_of, fill

TABS = 6
"""As many as the connections that a browser opens to one server."""
BAR = re.compile("[█░]{5,}.*step [0-9]+ of [0-9]+")

LIVES: dict[str, tuple[Callable[[float], Scenario], float]] = {
    "a minute": (succeeds, 60.0),
    "rewards": (reinforcement, 150.0),
    "long": (pauses, 1200.0),
}
"""Lives of which a visitor sees the beginning, and how many seconds each takes."""

COUNT_DRAWN = """() => {
    window.drawn = { messages: 0, jobs: 0 };
    for (const id of Object.keys(window.drawn)) {
        new MutationObserver((all) => all.forEach((each) => { window.drawn[id] += each.addedNodes.length; })).observe(
            document.getElementById(id), { childList: true });
    }
}"""


@pytest.mark.parametrize(
    "life", [each if each == "a minute" else pytest.param(each, marks=pytest.mark.deep) for each in LIVES]
)
async def test_a_bar_moves_soon_after_a_job_runs(visit: Visit, life: str) -> None:
    api, (live, seconds) = visit.scene.api, LIVES[life]
    job = api.add_job(scenario=live(seconds))
    await visit.type(f"/ftjob track {job}")
    card = card_of(visit.tab, job)
    await expect(card).to_contain_text(job)
    api.speed = seconds / 8  # it is queued for two seconds
    await api.request_log.wait_until(
        lambda: api.jobs[job]["status"] == "running", seconds=PATIENCE / 1000, why="it runs"
    )
    api.speed = 1.0
    await expect(card).to_contain_text(BAR)
    first = re.search("step [0-9]+ of", await card.inner_text())
    assert first is not None
    await expect(card).not_to_contain_text(first[0])
    await expect(card).to_contain_text(BAR)
    await expect(card).to_contain_text(re.compile("(training loss|mean reward) [0-9.]+ → [0-9.]+"))


@pytest.mark.parametrize("life", LIVES)
def test_what_the_bot_waits_for_by_its_pace_is_less_than_ten_seconds_until_a_bar_moves(life: str) -> None:
    """The machine's own share is in no bound: a first step and a second one, each logged, read and drawn."""
    live, seconds = LIVES[life]
    longest = max(each.seconds for each in live(seconds).steps if each.metrics)
    pace = tuning_of(PROGRESS_SECONDS)
    waits = pace.progress.every + pace.progress.tick + pace.cards.card_interval + pace.cards.interval
    assert POLL_SECONDS + longest + waits < 10.0
    assert 2 * longest + waits < 10.0


async def shown_in(tabs: list[Tab], text: str) -> None:
    for tab in tabs:
        await expect(tab.locator("#messages")).to_contain_text(text)


async def ask(tab: Tab, command: str = "/ftjob help") -> None:
    await tab.get_by_label("Write a message").fill(command)
    await tab.keyboard.press("Enter")


@pytest.mark.parametrize("before", ["", "delete window.SharedWorker"], ids=["shared-stream", "no-shared-workers"])
async def test_six_tabs_show_what_is_new_and_each_is_answered(visit: Visit, before: str) -> None:
    tabs = [await visit.open(before=before) for _ in range(TABS)]
    await visit.tab.close()
    visit.scene.member.post("Does everybody see this?", visit.scene.channel)
    await shown_in(tabs, "Does everybody see this?")
    for count, tab in enumerate(tabs, start=1):
        await ask(tab)
        await expect(tab.locator("#messages article.ephemeral")).to_have_count(count)

    await tabs.pop(0).close()
    visit.scene.member.post("The first tab is gone.", visit.scene.channel)
    await shown_in(tabs, "The first tab is gone.")
    await ask(tabs[-1])
    for tab in tabs:
        await expect(tab.locator("#messages article.ephemeral")).to_have_count(TABS + 1)


async def test_tabs_that_lose_the_server_say_so_and_catch_up_with_the_next_one(visit: Visit) -> None:
    banner = visit.tab.locator("#banner")
    await visit.page.__aexit__(None, None, None)
    visit.scene.member.post("Said while nobody served.", visit.scene.channel)
    await expect(banner).to_contain_text("lost its server")
    await ask(visit.tab)
    await expect(visit.tab.locator("#status-message")).to_contain_text("lost its server")
    await expect(visit.tab.get_by_label("Write a message")).to_have_value("/ftjob help")

    async with DemoPage(visit.scene, port=visit.page.port):
        await shown_in([visit.tab], "Said while nobody served.")
        await expect(banner).to_be_hidden()
        await visit.tab.keyboard.press("Enter")
        await expect(visit.tab.locator("#messages article.ephemeral")).to_have_count(1)
        await visit.tab.close()
    expected = ("ERR_CONNECTION_REFUSED", "status of 403")
    visit.problems[:] = [each for each in visit.problems if not any(reason in each for reason in expected)]


async def test_of_a_full_workspace_only_what_changed_is_drawn(visit: Visit) -> None:
    await fill(visit)
    tab, articles, rows = visit.tab, visit.tab.locator("#messages article"), visit.tab.locator("#jobs li")
    assert await articles.count() <= 100
    assert await rows.count() <= 50
    await tab.evaluate(COUNT_DRAWN)
    visit.scene.member.post("One more.", visit.scene.channel)
    newest = next(reversed(visit.scene.api.jobs))
    visit.scene.api.change(newest, status="failed")
    await shown_in([tab], "One more.")
    await expect(rows.first).to_contain_text("failed")
    assert await tab.evaluate("window.drawn") == {"messages": 2, "jobs": 1}, (
        "the new message and the button above, the job"
    )

    await tab.get_by_role("button", name="Show earlier messages").click()
    await expect(articles).to_have_count(300)
    place = await tab.evaluate("document.getElementById('messages').scrollTop")
    assert place > 1000, "what was looked at stays there"
    visit.scene.member.post("And another.", visit.scene.channel)
    await shown_in([tab], "And another.")
    assert await tab.evaluate("document.getElementById('messages').scrollTop") == place
    await tab.get_by_role("button", name="Show more jobs").click()
    await expect(rows).to_have_count(100)
    await ask(tab)
    await expect(tab.locator("#messages article.ephemeral").last).to_contain_text("/ftjob")
