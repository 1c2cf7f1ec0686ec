"""Reading and using the page in a real browser: keyboard, scrolling, unread marks, menus, accessibility."""

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ViewportSize, expect

from bot.sandbox.slack.messages import texts_in
from bot.sandbox.slack.workspace import BOT_USER
from tests.sandbox.demo.page.browser_session import NARROW, WIDE, BrowserSession
from tests.sandbox.demo.page.locators import card, check_result, track_job, wait_for_replies


async def test_the_page_works_with_the_keyboard_alone(session: BrowserSession) -> None:
    await session.tab.keyboard.press("Tab")
    await session.tab.keyboard.press("Enter")
    await expect(session.tab.get_by_label("Write a message")).to_be_focused()
    await session.tab.keyboard.type("/ftjob su")
    await expect(session.tab.locator("#hints button")).to_have_count(1)
    await session.tab.keyboard.press("Shift+Tab")
    await session.tab.keyboard.press("Enter")
    await expect(session.tab.get_by_label("Write a message")).to_have_value("/ftjob subscribe")
    await session.tab.keyboard.press("Enter")
    await expect(session.tab.locator("#messages")).to_contain_text("subscribed this channel")


async def test_the_newest_message_stays_in_view_unless_the_user_scrolled_up(session: BrowserSession) -> None:
    for count in range(30):
        session.demo.member.post(f"Line {count}.", session.demo.channel)
    newest = session.tab.locator("#messages article").last
    await expect(newest).to_contain_text("Line 29.")
    await session.tab.get_by_label("Write a message").fill("/ftjob ")
    await expect(session.tab.locator("#hints button")).to_have_count(6)
    await expect(newest).to_be_in_viewport(ratio=0.9)
    session.demo.member.post("While the hints are open.", session.demo.channel)
    await expect(newest).to_contain_text("While the hints")
    await expect(newest).to_be_in_viewport(ratio=0.9)

    await session.tab.locator("#messages").evaluate("list => list.scrollTo(0, 0)")
    session.demo.member.post("While somebody reads.", session.demo.channel)
    await expect(newest).to_contain_text("While somebody")
    await expect(newest).not_to_be_in_viewport()
    await session.type("/ftjob tracked")
    await expect(newest).to_contain_text("Only visible to you")
    await expect(newest).to_be_in_viewport(ratio=0.9)


async def test_opening_a_thread_keeps_the_channel_scrolled_to_its_end(session: BrowserSession) -> None:
    job = await track_job(session)
    session.demo.api.change(job, status="failed", error={"code": "x", "message": "No luck.", "param": None})
    # The bot has its say first, so that the newest message is a member's.
    await expect(session.tab.locator("#messages article").last).to_contain_text("replied to a thread")
    for _ in range(20):
        session.demo.member.post(
            "As long as it takes to fill two lines where there is less of a place. " * 2, session.demo.channel
        )
    newest = session.tab.locator("#messages article").last
    await expect(newest).to_contain_text("As long as")
    await session.tab.locator("#messages .replies").first.evaluate("button => button.click()")
    await expect(session.tab.locator("#replies article").first).to_be_visible()
    session.demo.member.post("While the thread is open.", session.demo.channel)
    await expect(newest).to_contain_text("While the thread")
    await expect(newest).to_be_in_viewport(ratio=0.9)


async def test_a_channel_with_unread_messages_is_marked_until_opened(session: BrowserSession) -> None:
    other = session.demo.slack.add_channel("random")
    row = session.tab.locator("#channels").get_by_role("button", name="random")
    await expect(row).to_be_visible()
    session.demo.member.post("Look at this.", other)
    await expect(row).to_contain_text("1 unread")
    await session.open_channel("random")
    await expect(session.tab.locator("#messages")).to_contain_text("Look at this.")
    await expect(row).not_to_contain_text("unread")


async def test_menus_and_confirm_dialogs_work_as_in_slack(session: BrowserSession) -> None:
    confirm = {
        "title": {"type": "plain_text", "text": "Sure?"},
        "text": {"type": "mrkdwn", "text": "It is *loud*."},
        "confirm": {"type": "plain_text", "text": "Go on"},
        "deny": {"type": "plain_text", "text": "No"},
    }
    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("one", "two")]
    elements = [
        {"type": "button", "action_id": "loud", "text": {"type": "plain_text", "text": "Loud"}, "confirm": confirm},
        {"type": "overflow", "action_id": "more", "options": options},
        {"type": "static_select", "action_id": "which", "options": options},
    ]
    session.demo.slack.handle(
        "chat.postMessage",
        {"channel": session.demo.channel.id, "text": "Menus", "blocks": [{"type": "actions", "elements": elements}]},
    )
    await session.tab.get_by_role("button", name="Loud").click()
    await session.tab.locator("#confirm").get_by_role("button", name="No").click()
    await expect(session.tab.locator("#confirm")).to_be_hidden()
    assert presses(session) == 0

    await session.tab.get_by_role("button", name="Loud").click()
    await expect(session.tab.locator("#confirm strong")).to_have_text("loud")
    await session.tab.locator("#confirm").get_by_role("button", name="Go on").click()
    await session.tab.locator("#messages select").first.select_option("two")
    await session.tab.locator("#messages select").last.select_option("one")
    await session.demo.slack.request_log.wait_until(lambda: presses(session) == 3, why="three presses")
    await expect(session.tab.locator("#status-message")).to_have_text("")


def presses(session: BrowserSession) -> int:
    """Return the number of clicks and selections in messages: each one issues a response URL."""
    return sum(token.startswith("actions/") for token in session.demo.slack.workspace.response_urls)


async def test_every_posted_message_appears_on_the_page_with_the_same_text(session: BrowserSession) -> None:
    job = await track_job(session)
    for count, status in enumerate(("paused", "running", "failed"), start=1):
        session.demo.api.change(job, status=status)
        await wait_for_replies(session, count)
    await expect(card(session, job).first.locator(".replies")).to_have_text("3 replies")
    await expect(card(session, job).first).to_contain_text("failed after")
    await card(session, job).first.locator(".replies").click()

    took = [
        logged for logged in session.demo.slack.request_log if logged.endpoint == "chat.postMessage" and logged.accepted
    ]
    posted = {logged.response["ts"] for logged in took}
    messages = [message for message in session.demo.channel.messages if message.user == BOT_USER]
    assert {message.ts for message in messages} == posted, "the bot's process sent each, and no other"
    shown = await session.tab.locator("#messages, #replies").all_inner_texts()
    for message in messages:
        words = re.findall(
            r"[\w-]{4,}",
            re.sub(r"<!date[^>]*>|<[@#!][^>]*>|<https?:[^|>]*\||:[a-z_]+:", " ", "\n".join(texts_in(message.blocks))),
        )
        missing = [word for word in words if word not in "\n".join(shown)]
        assert missing == [], message.text


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_has_no_serious_accessibility_violations(
    session: BrowserSession, size: ViewportSize, scheme: str
) -> None:
    await session.tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    job = await track_job(session)
    session.demo.api.change(job, status="failed", error={"code": "x", "message": "No luck.", "param": None})
    await expect(check_result(session, "not told yet")).to_have_text("0")
    await session.type("/ftjob status")
    await session.tab.set_viewport_size(size)
    assert await serious(session) == []
    for pane in ("Channels", "Behind the scenes"):
        if size is NARROW:
            await session.tab.locator("#tabs").get_by_role("button", name=pane).click()
            assert await serious(session) == []
    assert await session.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    if size is NARROW:
        await session.tab.locator("#tabs").get_by_role("button", name="Messages").click()
    await card(session, job).first.locator(".replies").click()
    await expect(session.tab.locator("#replies article").first).to_be_visible()
    assert await serious(session) == []
    await session.tab.get_by_role("button", name="Close the thread").click()
    await session.type("/ftjob create")
    await expect(session.tab.locator("#modal")).to_be_visible()
    assert await serious(session) == []
    await session.tab.keyboard.press("Escape")
    await expect(session.tab.locator("#modal")).to_be_hidden()
    if size is NARROW:
        await session.tab.locator("#tabs").get_by_role("button", name="Channels").click()
    await session.open_channel("ftjob: Home")
    await expect(session.tab.locator("#home")).to_contain_text("Your tracked jobs")
    assert await serious(session) == []


async def serious(session: BrowserSession) -> list[str]:
    """Return the serious accessibility violations that axe-core finds on the page."""
    found = await Axe().run(session.tab)
    return [
        f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}"
        for each in found.response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
