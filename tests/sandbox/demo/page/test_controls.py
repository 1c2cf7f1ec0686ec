"""Controls of the page in a real browser: faults, killing the bot, speed, and membership."""

import re

import pytest
from playwright.async_api import expect

from tests.sandbox.demo.page.browser_session import TIMEOUT_MS, BrowserSession
from tests.sandbox.demo.page.locators import card, check_result, private_replies, track_job


@pytest.mark.parametrize("fault", ["slack-500", "slack-lost", "slack-429"])
async def test_a_slack_fault_leaves_no_duplicates(session: BrowserSession, fault: str) -> None:
    job = await track_job(session)
    await session.tab.locator("#fault-slack").select_option(fault)
    session.demo.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::abc")
    await expect(session.tab.locator("#request-log li.bad").filter(has_text="chat.").first).to_be_visible()
    await session.tab.locator("#fault-slack").select_option("")
    await expect(check_result(session, "not told yet")).to_have_text("0", timeout=60_000)
    await expect(check_result(session, "doubled")).to_have_text("0")


async def test_a_killed_bot_catches_up_after_its_restart(session: BrowserSession) -> None:
    job = await track_job(session)
    await session.tab.get_by_role("button", name="Kill it").click()
    await expect(session.tab.locator("#bot-state")).to_have_text("Killed.")
    session.demo.api.change(job, status="failed")
    await session.type("/ftjob help")
    await expect(session.tab.locator("#status-message")).to_contain_text("dispatch_failed")

    await session.tab.get_by_role("button", name="Start it again").click()
    await expect(session.tab.locator("#bot-state")).to_contain_text("start number 2")
    await expect(card(session, job).first).to_contain_text("failed")
    await expect(check_result(session, "doubled")).to_have_text("0")
    await expect(check_result(session, "not told yet")).to_have_text("0")


async def test_speed_and_outcome_of_jobs_can_be_controlled(session: BrowserSession) -> None:
    await session.tab.get_by_role("button", name="Pause", exact=True).click()
    await session.tab.get_by_label("seconds").fill("10")
    await session.tab.get_by_role("button", name="Create").click()
    row = session.tab.locator("#jobs li")
    await expect(row).to_contain_text("validating files")
    await session.tab.get_by_role("button", name=re.compile("^60")).click()
    await expect(row).to_contain_text("succeeded")

    await session.tab.get_by_role("button", name="Pause", exact=True).click()
    await session.tab.get_by_role("button", name="Create").click()
    newest = row.first
    await newest.get_by_label(re.compile("Let ftjob-.* fail with")).select_option("exceeded_quota")
    await expect(newest).to_contain_text("failed")
    await newest.get_by_role("button", name=re.compile("into the composer")).click()
    await session.tab.keyboard.press("Enter")
    await expect(private_replies(session.tab)).to_contain_text("You exceeded your current quota")


async def test_alerts_for_a_channel_without_the_bot_are_parked_until_its_invitation(
    session: BrowserSession,
) -> None:
    job = await track_job(session)
    await session.tab.get_by_role("button", name="Remove ftjob from this channel").click()
    await expect(session.tab.locator("#membership")).to_have_text("Invite ftjob to this channel")
    session.demo.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::abc")
    posts = session.demo.slack.request_log

    def refused() -> list[str]:
        return [logged.response["error"] for logged in posts.for_endpoint("chat.postMessage") if not logged.accepted]

    assert set(await posts.wait_until(refused, seconds=TIMEOUT_MS / 1000, why="a post is refused")) == {
        "not_in_channel"
    }

    await session.type("/ftjob outbox")
    await expect(private_replies(session.tab).last).to_contain_text("not_in_channel")
    assert not [message for message in session.demo.channel.messages if message.thread_ts]
    await session.tab.get_by_role("button", name="Invite ftjob to this channel").click()
    await expect(session.tab.locator("#messages")).to_contain_text("replied to a thread")
    await expect(card(session, job).first).to_contain_text("succeeded")
    await expect(check_result(session, "not told yet")).to_have_text("0")
    await expect(check_result(session, "doubled")).to_have_text("0")
