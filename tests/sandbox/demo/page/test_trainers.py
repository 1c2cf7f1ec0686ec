"""A job that trains on this machine, on the page: a real process, which one can kill, stop, let crash, cut off and restart."""

import pytest
from playwright.async_api import Locator, expect

from bot.sandbox.demo.job_servers import MACHINE
from tests.sandbox.demo.page.browser_session import CHROMIUM, BrowserSession, browser_session
from tests.sandbox.demo.page.locators import card, check_result
from tests.world import slack_rejections

SHORT, LONG = 4, 3600


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: install the package chromium")
async def test_what_trains_here_is_told_like_any_other_job() -> None:
    async with browser_session(all_providers=True) as session:
        await session.type("/ftjob subscribe account:gpu")
        await expect(session.tab.locator("#messages")).to_contain_text("subscribed this channel")
        for story in (_succeeds, _is_stopped, _crashes_and_resumes, _is_killed, _is_cut_off, _is_canceled_in_slack):
            await story(session, await _new_job(session, LONG if story is not _succeeds else SHORT))
        await expect(check_result(session, "not told yet")).to_have_text("0")
        await expect(check_result(session, "doubled")).to_have_text("0")
    assert session.problems == []
    assert session.demo.slack.violations == []
    assert slack_rejections(session.demo.slack) == []


async def _new_job(session: BrowserSession, seconds: int) -> str:
    tab, known = session.tab, len(session.demo.servers.machine.jobs if session.demo.servers.machine else ())
    await tab.locator("#scenario").select_option("trains")
    await expect(tab.locator("#at-provider")).to_be_hidden()
    await tab.locator("#seconds").fill(str(seconds))
    await tab.get_by_role("button", name="Create").click()
    rows = tab.locator("#jobs li").filter(has_text=MACHINE)
    await expect(rows).to_have_count(known + 1)
    job: str = await rows.first.locator("code").inner_text()
    await expect(_card(session, job)).to_contain_text("running")
    return job


async def _succeeds(session: BrowserSession, job: str) -> None:
    await expect(_card(session, job)).to_contain_text("succeeded in")


async def _is_stopped(session: BrowserSession, job: str) -> None:
    await _press(session, "Stop", job)
    await expect(_card(session, job)).to_contain_text("canceled after")


async def _crashes_and_resumes(session: BrowserSession, job: str) -> None:
    await _press(session, "Crash", job)
    await expect(_card(session, job)).to_contain_text("loss is not finite")
    await _press(session, "Restart", job)
    await expect(_card(session, job)).to_contain_text("running")
    await _press(session, "Stop", job)
    await expect(_card(session, job)).to_contain_text("canceled after")


async def _is_killed(session: BrowserSession, job: str) -> None:
    await _press(session, "Kill -9", job)
    await expect(_row(session, job)).to_contain_text("silent")
    await expect(_card(session, job)).to_contain_text("running")


async def _is_cut_off(session: BrowserSession, job: str) -> None:
    await _press(session, "Cut network", job)
    await _press(session, "Stop", job)
    await expect(_row(session, job)).to_contain_text("silent")
    await _press(session, "Reconnect", job)
    await expect(_card(session, job)).to_contain_text("canceled after")


async def _is_canceled_in_slack(session: BrowserSession, job: str) -> None:
    await session.type(f"/ftjob cancel {job}")
    await session.tab.locator("button", has_text="Cancel job").click()
    await expect(_card(session, job)).to_contain_text("canceled after")


async def _press(session: BrowserSession, label: str, job: str) -> None:
    await session.tab.get_by_role("button", name=f"{label}: {job}").click()


def _row(session: BrowserSession, job: str) -> Locator:
    return session.tab.locator("#jobs li").filter(has_text=job)


def _card(session: BrowserSession, job: str) -> Locator:
    machine = session.demo.servers.machine
    assert machine
    return card(session, machine.trainers[job].name)
