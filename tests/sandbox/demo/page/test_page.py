"""The page of ``ftjob try`` in a real browser, with the real bot: commands, cards, threads and forms."""

import re
from dataclasses import replace

import pytest
from playwright.async_api import expect

from bot.sandbox.openai.scenarios import succeeds
from tests.sandbox.demo.page.browser_session import BrowserSession
from tests.sandbox.demo.page.locators import card, check_result, choose, private_replies, track_job, wait_for_replies


async def test_a_channel_subscribes_and_a_card_follows_its_job(session: BrowserSession) -> None:
    await session.type("/ftjob subscribe")
    await expect(private_replies(session.tab)).to_contain_text("Only visible to you")
    await expect(session.tab.locator("#messages")).to_contain_text("subscribed this channel")

    job = session.demo.api.add_job(scenario=succeeds(6.0, steps=8))
    for state in ("running", "succeeded"):
        await expect(card(session, job)).to_contain_text(state)
    await expect(card(session, job)).to_contain_text("(edited)")
    await expect(card(session, job).get_by_role("option", name="Cancel")).to_have_count(0)
    await expect(check_result(session, "doubled")).to_have_text("0")
    await expect(check_result(session, "not told yet")).to_have_text("0")


async def test_a_thread_shows_each_status_and_the_result_is_broadcast(session: BrowserSession) -> None:
    job = await track_job(session)
    session.demo.api.change(job, status="paused")
    await expect(card(session, job).locator(".replies")).to_have_text("1 reply")
    session.demo.api.change(job, status="failed", error={"code": "x", "message": "No luck.", "param": None})
    await expect(session.tab.locator("#messages")).to_contain_text("replied to a thread")
    await card(session, job).first.locator(".replies").click()

    replies = session.tab.locator("#replies article")
    await expect(replies).to_have_count(3)
    await expect(replies.nth(1)).to_contain_text("Paused")
    await expect(replies.nth(2)).to_contain_text("No luck.")
    await session.tab.get_by_role("button", name="Close the thread").click()
    await expect(session.tab.locator("#thread")).to_be_hidden()


async def test_a_cancel_needs_the_confirmations_red_button(session: BrowserSession) -> None:
    job = await track_job(session)
    await choose(card(session, job), "Cancel…")
    question = private_replies(session.tab).filter(has_text="This can't be undone")
    await expect(question).to_have_count(1)
    assert not [logged for logged in session.demo.api.request_log if logged.endpoint.startswith("POST")]

    await question.get_by_role("button", name="Cancel ").click()
    await expect(session.tab.locator("#messages")).to_contain_text("was canceled")
    await expect(card(session, job).first).to_contain_text("canceled")
    assert len([logged for logged in session.demo.api.request_log if logged.endpoint.startswith("POST")]) == 1


@pytest.mark.parametrize(("who", "says"), [("milo", "Only operators can do this."), ("gia", "Guests can't use ftjob")])
async def test_a_user_without_permission_is_denied_and_told_why(session: BrowserSession, who: str, says: str) -> None:
    job = await track_job(session)
    await session.switch_user(who)
    await session.type(f"/ftjob cancel {job}")
    await expect(private_replies(session.tab)).to_contain_text(says)

    await session.switch_user("olivia")
    await expect(session.tab.locator("#messages")).not_to_contain_text(says)
    assert not [logged for logged in session.demo.api.request_log if logged.endpoint.startswith("POST")]


async def test_an_external_user_learns_nothing_about_jobs(session: BrowserSession) -> None:
    job = await track_job(session)
    await session.switch_user("sam")
    await session.type(f"/ftjob status {job}")
    await expect(private_replies(session.tab)).to_contain_text("Only members of this workspace can use ftjob")


async def test_the_create_form_shows_field_errors_and_then_creates_a_job(session: BrowserSession) -> None:
    await session.type("/ftjob create")
    modal = session.tab.locator("#modal")
    await expect(modal.get_by_label("Base model")).to_be_focused()
    await modal.get_by_label("Base model").fill("gpt-4o-mini-2024-07-18")
    await modal.get_by_label("Training file").select_option(session.demo.api.training_file)
    await modal.get_by_label("Epochs").fill("a thousand")
    await modal.get_by_role("button", name="Create").click()
    await expect(modal.get_by_role("alert")).to_be_visible()
    await expect(modal.get_by_label("Base model")).to_have_value("gpt-4o-mini-2024-07-18")

    await modal.get_by_label("Epochs").fill("3")
    session.demo.api.speed = 0.0
    await modal.get_by_role("button", name="Create").click()
    await expect(modal).to_contain_text("Created ftjob-")
    (job,) = session.demo.api.jobs.values()
    assert job["hyperparameters"]["n_epochs"] == 3
    await session.tab.keyboard.press("Escape")
    await expect(modal).to_be_hidden()
    await expect(card(session, job["id"])).to_contain_text("validating files")
    session.demo.api.speed = 60.0
    await expect(card(session, job["id"])).to_contain_text("succeeded")


async def test_the_home_tab_shows_tracked_jobs(session: BrowserSession) -> None:
    job = await track_job(session)
    session.demo.api.change(job, status="paused")
    await wait_for_replies(session, 1)
    await session.open_channel("ftjob: Home")
    home = session.tab.locator("#home")
    await expect(home).to_contain_text("Your tracked jobs")
    await expect(home).to_contain_text(f"{job} · paused")

    await expect(session.tab.get_by_label("Write a message")).to_be_hidden()
    await home.get_by_role("button", name=re.compile("Refresh this page")).click()
    views = session.demo.slack.request_log
    await views.wait_until(lambda: len(views.for_endpoint("views.publish")) == 2, why="the tab is shown anew")
    await expect(home).to_contain_text(job)


async def test_curves_are_shown_as_an_image(session: BrowserSession) -> None:
    job = session.demo.api.add_job(scenario=succeeds(0.5, steps=8))
    await expect(session.tab.locator("#jobs")).to_contain_text("succeeded")
    await session.type(f"/ftjob curves {job}")
    image = session.tab.locator("#messages figure img")
    await expect(image).to_be_visible(timeout=60_000)
    await expect(image).to_have_attribute("alt", re.compile("training loss 2.5 at step 1"))
    assert await image.evaluate("image => image.complete && image.naturalWidth > 400")


async def test_the_message_shortcut_tracks_the_jobs_in_a_message(session: BrowserSession) -> None:
    named, said = session.demo.api.add_job(status="running"), session.demo.api.add_job(status="queued")
    await session.type(f"Look at {named}, please.")
    line = session.tab.locator("#messages article.user").filter(has_text=named)
    await line.hover()
    await line.get_by_role("button", name="Track jobs in message").click()
    await expect(card(session, named)).to_contain_text("running")

    session.demo.member.post(f"And {said}?", session.demo.channel, thread_ts=session.demo.channel.messages[0].ts)
    await line.locator(".replies").click()
    reply = session.tab.locator("#replies article").filter(has_text=said)
    await reply.hover()
    await reply.get_by_role("button", name="Track jobs in message").click()
    await expect(card(session, said)).to_contain_text("queued")
    await expect(check_result(session, "Errors that Slack answered")).to_have_text("0")


async def test_an_unknown_shortcut_counts_as_an_error(session: BrowserSession) -> None:
    await session.type("Look at ftjob-abc123, please.")
    line = session.tab.locator("#messages article.user")
    await expect(line).to_have_count(1)
    shortcuts = session.demo.slack.workspace.app.shortcuts
    session.demo.slack.workspace.app = replace(session.demo.slack.workspace.app, shortcuts={})
    await line.hover()
    await line.get_by_role("button", name="Track jobs in message").click()
    await expect(session.tab.locator("#status-message")).to_contain_text("no such shortcut")
    await expect(check_result(session, "Errors that Slack answered")).to_have_text("1")
    assert next(iter(shortcuts)) in session.demo.slack.errors.pop()
