"""Jobs at several providers on the page: each is created where one wants it, and told like any other."""

import pytest
from playwright.async_api import expect

from bot.sandbox.demo.job_servers import FIREWORKS, OPENAI, TOGETHER
from bot.sandbox.demo.run import seed_demo
from tests.sandbox.demo.page.browser_session import CHROMIUM, browser_session
from tests.sandbox.demo.page.locators import card, check_result
from tests.world import slack_rejections


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: install the package chromium")
async def test_a_job_is_created_at_each_provider_and_its_result_is_told_once() -> None:
    async with browser_session(all_providers=True) as session:
        tab, demo = session.tab, session.demo
        await session.type("/ftjob subscribe")
        await expect(tab.locator("#messages")).to_contain_text("subscribed this channel")
        for provider, outcome in ((TOGETHER, "succeeds"), (FIREWORKS, "fails"), (OPENAI, "succeeds")):
            await tab.locator("#provider").select_option(provider)
            await tab.locator("#scenario").select_option(outcome)
            await tab.get_by_role("button", name="Create").click()
            row = tab.locator("#jobs li").filter(has_text=provider)
            await expect(row).to_be_visible()
            job = await row.locator("code").inner_text()
            await expect(card(session, job)).to_be_visible()
            await tab.get_by_role("button", name="60\u00d7", exact=True).click()
            await expect(card(session, job)).to_contain_text("succeeded" if outcome == "succeeds" else "failed")
        await expect(check_result(session, "not told yet")).to_have_text("0")
        await expect(check_result(session, "doubled")).to_have_text("0")

        await tab.locator("#scenario").select_option("pauses")
        await tab.locator("#provider").select_option(TOGETHER)
        await expect(tab.locator("#scenario")).to_have_value("succeeds")
        await expect(tab.locator("#scenario option[value=pauses]")).to_be_disabled()
    assert session.problems == []
    assert demo.slack.violations == []
    assert slack_rejections(demo.slack) == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: install the package chromium")
async def test_the_first_jobs_are_at_every_provider() -> None:
    async with browser_session(all_providers=True) as session:
        await seed_demo(session.demo)
        for provider in (OPENAI, TOGETHER, FIREWORKS):
            await expect(session.tab.locator("#jobs li").filter(has_text=provider).first).to_be_visible()
        for name in ("ranker v7", "rewriter", "router"):
            await expect(card(session, name)).to_be_visible()
