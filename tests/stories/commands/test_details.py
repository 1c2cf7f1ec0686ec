"""The Details button opens a window at once, fills it, and answers in the channel where Slack opened none."""

import pytest

from bot.sandbox.faults import Fault
from tests.world import World

DETAILS = "ftjob_details"


async def test_details_show_all_of_a_job_in_a_window_of_its_own(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running", metadata={"note": "n" * 512}, seed=4711)
    other = world.api.add_job(status="running")

    async with world.bot():
        card = await world.say(f"status {job}")
        exchange = await world.milo.click(card, DETAILS)
        assert exchange.acked
        window = await exchange.modal()
        await world.slack.request_log.wait_until(lambda: job in window.plain_text, why="the window is filled")

    assert window.user == world.milo.id
    assert "n" * 512 in window.plain_text
    assert "4711" in window.plain_text
    assert other not in window.plain_text
    assert exchange.replies == [], "nothing besides the window"
    assert world.actions == []
    assert world.ml.messages == []


async def test_where_slack_opens_no_window_the_job_is_shown_to_that_person_alone(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        card = await world.say(f"status {job}")
        world.slack.faults.add(
            "views.open", Fault("answer", status=200, body={"ok": False, "error": "expired_trigger_id"})
        )
        exchange = await world.olivia.click(card, DETAILS)
        answer = await exchange.reply()

    assert job in answer.plain_text
    assert answer.ephemeral
    assert not answer.replace_original
    assert [entry.endpoint for entry in world.slack.request_log].count("views.open") == 1, "it is not tried again"
    assert world.slack.workspace.views == {}


async def test_a_guest_is_refused_in_the_window_and_a_missing_job_is_reported_there(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        card = await world.say(f"status {job}")
        world.api.jobs.pop(job)
        world.skip(3)
        refused = await (await world.gia.click(card, DETAILS)).modal()
        gone = await (await world.olivia.click(card, DETAILS)).modal()
        await world.slack.request_log.wait_until(lambda: "Guests" in refused.plain_text, why="the guest is refused")
        await world.slack.request_log.wait_until(
            lambda: "I couldn't find job" in gone.plain_text, why="the job is gone"
        )

    assert job not in refused.plain_text


@pytest.mark.parametrize("times", [1, 2])
async def test_details_that_a_window_may_show_are_not_posted_beside_it(world: World, times: int) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        card = await world.say(f"status {job}")
        world.slack.faults.add("views.update", *[Fault("drop", accepted=True)] * times)
        exchange = await world.olivia.click(card, DETAILS)
        window = await exchange.modal()
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint("views.update")) == 2, why="it is made sure"
        )

    # A bot that stops lets what it is about to say go out.
    assert job in window.plain_text
    assert exchange.replies == []
