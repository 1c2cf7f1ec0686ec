"""The page of ``ftjob try`` in a real browser: what people do there, with the real bot behind it."""

import re
from dataclasses import replace

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, ViewportSize, expect

from bot.sandbox.openai.scenarios import succeeds
from bot.sandbox.slack.messages import texts_in
from bot.sandbox.slack.workspace import BOT_USER
from tests.sandbox.demo.page.browser import NARROW, PATIENCE, WIDE, Visit


def card(visit: Visit, job: str) -> Locator:
    """Return the card of a job in the channel."""
    return visit.tab.locator("#messages article.bot").filter(has_text=job).filter(has=visit.tab.locator(".actions"))


def verdict(visit: Visit, name: str) -> Locator:
    return visit.tab.locator("#check-results div").filter(has_text=name).locator("dd")


async def tracked(visit: Visit, **fields: object) -> str:
    """Let a job be tracked from the composer, and wait for its card."""
    job = visit.scene.api.add_job(**{"status": "running", **fields})  # type: ignore[arg-type]
    await visit.type(f"/ftjob track {job}")
    await expect(card(visit, job)).to_contain_text(job)
    # A bot that is killed before it says so may not remember it.
    await expect(visit.tab.locator("article.ephemeral").filter(has_text=job).first).to_be_visible()
    return job


async def until_replies(visit: Visit, count: int) -> None:
    """Wait until the channel's threads hold so many replies."""

    def held() -> bool:
        return sum(message.thread_ts is not None for message in visit.scene.channel.messages) == count

    await visit.scene.slack.request_log.wait_until(held, seconds=PATIENCE / 1000, why=f"{count} replies")


async def test_a_channel_subscribes_and_a_card_moves_through_its_life(visit: Visit) -> None:
    await visit.type("/ftjob subscribe")
    await expect(visit.tab.locator("article.ephemeral")).to_contain_text("Only visible to you")
    await expect(visit.tab.locator("#messages")).to_contain_text("subscribed this channel")

    job = visit.scene.api.add_job(scenario=succeeds(6.0, steps=8))
    for state in ("Running", "Succeeded"):
        await expect(card(visit, job)).to_contain_text(state)
    await expect(card(visit, job)).to_contain_text("(edited)")
    await expect(card(visit, job).get_by_role("button", name=re.compile("Cancel"))).to_have_count(0)
    await expect(verdict(visit, "doubled")).to_have_text("0")
    await expect(verdict(visit, "not told yet")).to_have_text("0")


async def test_a_thread_tells_each_step_and_the_end_stands_in_the_channel_too(visit: Visit) -> None:
    job = await tracked(visit)
    visit.scene.api.change(job, status="paused")
    await expect(card(visit, job).locator(".replies")).to_have_text("1 reply")
    visit.scene.api.change(job, status="failed", error={"code": "x", "message": "No luck.", "param": None})
    await expect(visit.tab.locator("#messages")).to_contain_text("replied to a thread")
    await card(visit, job).first.locator(".replies").click()

    replies = visit.tab.locator("#replies article")
    await expect(replies).to_have_count(3)
    await expect(replies.nth(1)).to_contain_text("Paused")
    await expect(replies.nth(2)).to_contain_text("No luck.")
    await visit.tab.get_by_role("button", name="Close the thread").click()
    await expect(visit.tab.locator("#thread")).to_be_hidden()


async def test_a_cancel_is_asked_for_and_only_the_red_button_of_the_question_gives_it(visit: Visit) -> None:
    job = await tracked(visit)
    await card(visit, job).get_by_role("button", name="Ask whether to cancel").click()
    question = visit.tab.locator("article.ephemeral").filter(has_text="This cannot be undone")
    await expect(question).to_have_count(1)
    assert not [entry for entry in visit.scene.api.request_log if entry.endpoint.startswith("POST")]

    await question.get_by_role("button", name="for good").click()
    await expect(visit.tab.locator("#messages")).to_contain_text("is cancelled now")
    await expect(card(visit, job).first).to_contain_text("Cancelled")
    assert len([entry for entry in visit.scene.api.request_log if entry.endpoint.startswith("POST")]) == 1


@pytest.mark.parametrize(("who", "says"), [("milo", "You may not do this."), ("gia", "Guests of this workspace")])
async def test_others_are_refused_and_told_who_may(visit: Visit, who: str, says: str) -> None:
    job = await tracked(visit)
    await visit.become(who)
    await visit.type(f"/ftjob cancel {job}")
    await expect(visit.tab.locator("article.ephemeral")).to_contain_text(says)

    await visit.become("olivia")
    await expect(visit.tab.locator("#messages")).not_to_contain_text(says)
    assert not [entry for entry in visit.scene.api.request_log if entry.endpoint.startswith("POST")]


async def test_a_stranger_is_answered_nothing_of_jobs(visit: Visit) -> None:
    job = await tracked(visit)
    await visit.become("sam")
    await visit.type(f"/ftjob status {job}")
    await expect(visit.tab.locator("article.ephemeral")).to_contain_text("I answer only members of this workspace")


async def test_a_form_says_what_is_wrong_at_its_field_and_then_makes_a_job(visit: Visit) -> None:
    await visit.type("/ftjob create")
    modal = visit.tab.locator("#modal")
    await expect(modal.get_by_label("Base model")).to_be_focused()
    await modal.get_by_label("Base model").fill("gpt-4o-mini-2024-07-18")
    await modal.get_by_label("Training file").select_option(visit.scene.api.training_file)
    await modal.get_by_label("Epochs").fill("a thousand")
    await modal.get_by_role("button", name="Create").click()
    await expect(modal.get_by_role("alert")).to_be_visible()
    await expect(modal.get_by_label("Base model")).to_have_value("gpt-4o-mini-2024-07-18")

    await modal.get_by_label("Epochs").fill("3")
    visit.scene.api.speed = 0.0
    await modal.get_by_role("button", name="Create").click()
    await expect(modal).to_contain_text("Created.")
    (job,) = visit.scene.api.jobs.values()
    assert job["hyperparameters"]["n_epochs"] == 3
    await visit.tab.keyboard.press("Escape")
    await expect(modal).to_be_hidden()
    await expect(card(visit, job["id"])).to_contain_text("Validating files")
    visit.scene.api.speed = 60.0
    await expect(card(visit, job["id"])).to_contain_text("Succeeded")


async def test_the_home_tab_shows_what_one_tracks(visit: Visit) -> None:
    job = await tracked(visit)
    visit.scene.api.change(job, status="paused")
    await until_replies(visit, 1)
    await visit.go("ftjob: Home")
    home = visit.tab.locator("#home")
    await expect(home).to_contain_text("Jobs that you track")
    await expect(home).to_contain_text(f"Paused · {job}")

    await expect(visit.tab.get_by_label("Write a message")).to_be_hidden()
    await home.get_by_role("button", name=re.compile("Show the present state")).click()
    views = visit.scene.slack.request_log
    await views.wait_until(lambda: len(views.for_endpoint("views.publish")) == 2, why="the tab is shown anew")
    await expect(home).to_contain_text(job)


async def test_the_curves_of_a_job_are_a_picture(visit: Visit) -> None:
    job = visit.scene.api.add_job(scenario=succeeds(0.5, steps=8))
    await expect(visit.tab.locator("#jobs")).to_contain_text("succeeded")
    await visit.type(f"/ftjob curves {job}")
    picture = visit.tab.locator("#messages figure img")
    await expect(picture).to_be_visible(timeout=60_000)
    await expect(picture).to_have_attribute("alt", re.compile("training loss 2.5 at step 1"))
    assert await picture.evaluate("image => image.complete && image.naturalWidth > 400")


@pytest.mark.parametrize("trouble", ["slack-500", "slack-lost", "slack-429"])
async def test_slack_breaks_and_the_ledger_stays_clean(visit: Visit, trouble: str) -> None:
    job = await tracked(visit)
    await visit.tab.locator("#fault-slack").select_option(trouble)
    visit.scene.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::abc")
    await expect(visit.tab.locator("#request-log li.bad").filter(has_text="chat.").first).to_be_visible()
    await visit.tab.locator("#fault-slack").select_option("")
    await expect(verdict(visit, "not told yet")).to_have_text("0", timeout=60_000)
    await expect(verdict(visit, "doubled")).to_have_text("0")


async def test_the_bot_is_killed_and_comes_back_with_what_happened_meanwhile(visit: Visit) -> None:
    job = await tracked(visit)
    await visit.tab.get_by_role("button", name="Kill it").click()
    await expect(visit.tab.locator("#bot-state")).to_have_text("Killed.")
    visit.scene.api.change(job, status="failed")
    await visit.type("/ftjob help")
    await expect(visit.tab.locator("#status-message")).to_contain_text("dispatch_failed")

    await visit.tab.get_by_role("button", name="Start it again").click()
    await expect(visit.tab.locator("#bot-state")).to_contain_text("start number 2")
    await expect(card(visit, job).first).to_contain_text("Failed")
    await expect(verdict(visit, "doubled")).to_have_text("0")
    await expect(verdict(visit, "not told yet")).to_have_text("0")


async def test_jobs_live_at_the_speed_that_is_set_and_end_as_they_are_told(visit: Visit) -> None:
    await visit.tab.get_by_role("button", name="Pause", exact=True).click()
    await visit.tab.get_by_label("seconds").fill("10")
    await visit.tab.get_by_role("button", name="Create").click()
    row = visit.tab.locator("#jobs li")
    await expect(row).to_contain_text("validating files")
    await visit.tab.get_by_role("button", name=re.compile("^60")).click()
    await expect(row).to_contain_text("succeeded")

    await visit.tab.get_by_role("button", name="Pause", exact=True).click()
    await visit.tab.get_by_role("button", name="Create").click()
    newest = row.first
    await newest.get_by_label(re.compile("Let ftjob-.* fail with")).select_option("exceeded_quota")
    await expect(newest).to_contain_text("failed")
    await newest.get_by_role("button", name=re.compile("into the composer")).click()
    await visit.tab.keyboard.press("Enter")
    await expect(visit.tab.locator("article.ephemeral")).to_contain_text("You exceeded your current quota")


async def test_the_shortcut_of_a_message_tracks_the_jobs_that_it_names(visit: Visit) -> None:
    named, said = visit.scene.api.add_job(status="running"), visit.scene.api.add_job(status="queued")
    await visit.type(f"Look at {named}, please.")
    line = visit.tab.locator("#messages article.user").filter(has_text=named)
    await line.hover()
    await line.get_by_role("button", name="Track jobs in message").click()
    await expect(card(visit, named)).to_contain_text("Running")

    visit.scene.member.post(f"And {said}?", visit.scene.channel, thread_ts=visit.scene.channel.messages[0].ts)
    await line.locator(".replies").click()
    reply = visit.tab.locator("#replies article").filter(has_text=said)
    await reply.hover()
    await reply.get_by_role("button", name="Track jobs in message").click()
    await expect(card(visit, said)).to_contain_text("Queued")
    await expect(verdict(visit, "Errors that Slack answered")).to_have_text("0")


async def test_a_shortcut_that_the_app_does_not_have_is_seen_as_an_error(visit: Visit) -> None:
    await visit.type("Look at ftjob-abc123, please.")
    line = visit.tab.locator("#messages article.user")
    await expect(line).to_have_count(1)
    shortcuts = visit.scene.slack.workspace.app.shortcuts
    visit.scene.slack.workspace.app = replace(visit.scene.slack.workspace.app, shortcuts={})
    await line.hover()
    await line.get_by_role("button", name="Track jobs in message").click()
    await expect(visit.tab.locator("#status-message")).to_contain_text("no such shortcut")
    await expect(verdict(visit, "Errors that Slack answered")).to_have_text("1")
    assert next(iter(shortcuts)) in visit.scene.slack.errors.pop()


async def test_what_happens_while_the_bot_is_removed_is_parked_and_told_when_it_is_invited(visit: Visit) -> None:
    job = await tracked(visit)
    await visit.tab.get_by_role("button", name="Remove ftjob from this channel").click()
    await expect(visit.tab.locator("#membership")).to_have_text("Invite ftjob to this channel")
    visit.scene.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::abc")
    posts = visit.scene.slack.request_log

    def refused() -> list[str]:
        return [entry.response["error"] for entry in posts.for_endpoint("chat.postMessage") if not entry.accepted]

    assert set(await posts.wait_until(refused, seconds=PATIENCE / 1000, why="a post is refused")) == {"not_in_channel"}

    await visit.type("/ftjob outbox")
    await expect(visit.tab.locator("article.ephemeral").last).to_contain_text("not_in_channel")
    assert not [message for message in visit.scene.channel.messages if message.thread_ts]
    await visit.tab.get_by_role("button", name="Invite ftjob to this channel").click()
    await expect(visit.tab.locator("#messages")).to_contain_text("replied to a thread")
    await expect(card(visit, job).first).to_contain_text("Succeeded")
    await expect(verdict(visit, "not told yet")).to_have_text("0")
    await expect(verdict(visit, "doubled")).to_have_text("0")


async def test_the_keyboard_is_enough(visit: Visit) -> None:
    await visit.tab.keyboard.press("Tab")
    await visit.tab.keyboard.press("Enter")
    await expect(visit.tab.get_by_label("Write a message")).to_be_focused()
    await visit.tab.keyboard.type("/ftjob su")
    await expect(visit.tab.locator("#hints button")).to_have_count(1)
    await visit.tab.keyboard.press("Shift+Tab")
    await visit.tab.keyboard.press("Enter")
    await expect(visit.tab.get_by_label("Write a message")).to_have_value("/ftjob subscribe")
    await visit.tab.keyboard.press("Enter")
    await expect(visit.tab.locator("#messages")).to_contain_text("subscribed this channel")


async def test_the_newest_message_stays_in_view_unless_somebody_looks_at_earlier_ones(visit: Visit) -> None:
    for count in range(30):
        visit.scene.member.post(f"Line {count}.", visit.scene.channel)
    newest = visit.tab.locator("#messages article").last
    await expect(newest).to_contain_text("Line 29.")
    await visit.tab.get_by_label("Write a message").fill("/ftjob ")
    await expect(visit.tab.locator("#hints button")).to_have_count(6)
    await expect(newest).to_be_in_viewport(ratio=0.9)
    visit.scene.member.post("While the hints are open.", visit.scene.channel)
    await expect(newest).to_contain_text("While the hints")
    await expect(newest).to_be_in_viewport(ratio=0.9)

    await visit.tab.locator("#messages").evaluate("list => list.scrollTo(0, 0)")
    visit.scene.member.post("While somebody reads.", visit.scene.channel)
    await expect(newest).to_contain_text("While somebody")
    await expect(newest).not_to_be_in_viewport()
    await visit.type("/ftjob tracked")
    await expect(newest).to_contain_text("Only visible to you")
    await expect(newest).to_be_in_viewport(ratio=0.9)


async def test_a_thread_that_is_opened_leaves_the_channel_at_its_end(visit: Visit) -> None:
    job = await tracked(visit)
    visit.scene.api.change(job, status="failed", error={"code": "x", "message": "No luck.", "param": None})
    for _ in range(20):
        visit.scene.member.post(
            "As long as it takes to fill two lines where there is less of a place. " * 2, visit.scene.channel
        )
    newest = visit.tab.locator("#messages article").last
    await expect(newest).to_contain_text("As long as")
    await visit.tab.locator("#messages .replies").first.evaluate("button => button.click()")
    await expect(visit.tab.locator("#replies article").first).to_be_visible()
    visit.scene.member.post("While the thread is open.", visit.scene.channel)
    await expect(newest).to_contain_text("While the thread")
    await expect(newest).to_be_in_viewport(ratio=0.9)


async def test_a_channel_where_something_was_said_is_marked_until_it_is_looked_at(visit: Visit) -> None:
    other = visit.scene.slack.add_channel("random")
    row = visit.tab.locator("#channels").get_by_role("button", name="random")
    await expect(row).to_be_visible()
    visit.scene.member.post("Look at this.", other)
    await expect(row).to_contain_text("1 unread")
    await visit.go("random")
    await expect(visit.tab.locator("#messages")).to_contain_text("Look at this.")
    await expect(row).not_to_contain_text("unread")


async def test_menus_and_questions_before_a_press_work_as_in_slack(visit: Visit) -> None:
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
    visit.scene.slack.handle(
        "chat.postMessage",
        {"channel": visit.scene.channel.id, "text": "Menus", "blocks": [{"type": "actions", "elements": elements}]},
    )
    await visit.tab.get_by_role("button", name="Loud").click()
    await visit.tab.locator("#confirm").get_by_role("button", name="No").click()
    await expect(visit.tab.locator("#confirm")).to_be_hidden()
    assert presses(visit) == 0

    await visit.tab.get_by_role("button", name="Loud").click()
    await expect(visit.tab.locator("#confirm strong")).to_have_text("loud")
    await visit.tab.locator("#confirm").get_by_role("button", name="Go on").click()
    await visit.tab.locator("#messages select").first.select_option("two")
    await visit.tab.locator("#messages select").last.select_option("one")
    await visit.scene.slack.request_log.wait_until(lambda: presses(visit) == 3, why="three presses")
    await expect(visit.tab.locator("#status-message")).to_have_text("")


def presses(visit: Visit) -> int:
    """Return how often something in a message was pressed or chosen: each time the bot is given a URL to answer at."""
    return sum(token.startswith("actions/") for token in visit.scene.slack.workspace.response_urls)


async def test_every_message_of_the_ledger_stands_on_the_page_with_the_same_text(visit: Visit) -> None:
    job = await tracked(visit)
    for count, status in enumerate(("paused", "running", "failed"), start=1):
        visit.scene.api.change(job, status=status)
        await until_replies(visit, count)
    await expect(card(visit, job).first.locator(".replies")).to_have_text("3 replies")
    await expect(card(visit, job).first).to_contain_text("took")
    await card(visit, job).first.locator(".replies").click()

    took = [entry for entry in visit.scene.slack.request_log if entry.endpoint == "chat.postMessage" and entry.accepted]
    posted = {entry.response["ts"] for entry in took}
    messages = [message for message in visit.scene.channel.messages if message.user == BOT_USER]
    assert {message.ts for message in messages} == posted, "the bot's process sent each, and no other"
    shown = await visit.tab.locator("#messages, #replies").all_inner_texts()
    for message in messages:
        words = re.findall(
            r"[\w-]{4,}",
            re.sub(r"<!date[^>]*>|<[@#!][^>]*>|<https?:[^|>]*\||:[a-z_]+:", " ", "\n".join(texts_in(message.blocks))),
        )
        missing = [word for word in words if word not in "\n".join(shown)]
        assert missing == [], message.text


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_serious_keeps_anybody_out(visit: Visit, size: ViewportSize, scheme: str) -> None:
    await visit.tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    job = await tracked(visit)
    visit.scene.api.change(job, status="failed", error={"code": "x", "message": "No luck.", "param": None})
    await expect(verdict(visit, "not told yet")).to_have_text("0")
    await visit.type("/ftjob status")
    await visit.tab.set_viewport_size(size)
    assert await serious(visit) == []
    for pane in ("Channels", "Behind the scenes"):
        if size is NARROW:
            await visit.tab.locator("#tabs").get_by_role("button", name=pane).click()
            assert await serious(visit) == []
    assert await visit.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    if size is NARROW:
        await visit.tab.locator("#tabs").get_by_role("button", name="Messages").click()
    await card(visit, job).first.locator(".replies").click()
    await expect(visit.tab.locator("#replies article").first).to_be_visible()
    assert await serious(visit) == []
    await visit.tab.get_by_role("button", name="Close the thread").click()
    await visit.type("/ftjob create")
    await expect(visit.tab.locator("#modal")).to_be_visible()
    assert await serious(visit) == []
    await visit.tab.keyboard.press("Escape")
    await expect(visit.tab.locator("#modal")).to_be_hidden()
    if size is NARROW:
        await visit.tab.locator("#tabs").get_by_role("button", name="Channels").click()
    await visit.go("ftjob: Home")
    await expect(visit.tab.locator("#home")).to_contain_text("Jobs that you track")
    assert await serious(visit) == []


async def serious(visit: Visit) -> list[str]:
    """Return what axe-core has against the page as it stands, if that is serious."""
    found = await Axe().run(visit.tab)
    return [
        f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}"
        for each in found.response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
