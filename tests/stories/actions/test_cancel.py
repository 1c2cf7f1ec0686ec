import asyncio
from dataclasses import replace

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import JOBS_READ, ApiKey
from bot.sandbox.slack.messages import EphemeralMessage, SentReply
from tests.canaries import KEY, WRITE_KEY
from tests.world import World, cancel_request

CONFIRM = "ftjob_confirm"


async def test_an_operator_cancels_a_job_and_its_channel_is_notified_once(any_world: World) -> None:
    world = any_world
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        question = await world.say(f"cancel {job}")
        assert question.ephemeral
        assert "can't be undone" in question.plain_text
        assert world.actions == []

        answer = await world.press(question, CONFIRM)
        await world.until_delivered(job, "Cancel requested", "Canceled")
        await world.until_quiet(bot)

    assert world.actions == [cancel_request(job)]
    assert answer.ephemeral
    assert answer.replace_original, "the red button is gone"
    assert "canceled" in answer.plain_text
    card, ordered, told = world.ml.messages
    assert (ordered.thread_ts, ordered.reply_broadcast) == (card.ts, False)
    assert f"by <@{world.olivia.id}>" in ordered.plain_text
    assert (told.thread_ts, told.reply_broadcast) == (card.ts, True)
    assert world.api.jobs[other]["status"] == "running"
    assert world.ops.messages == []


@pytest.mark.parametrize(
    ("who", "said"),
    [("milo", "Only operators can do this"), ("gia", "Guests"), ("sam", "Only members of this workspace")],
)
async def test_nobody_but_an_operator_gets_a_confirmation(world: World, who: str, said: str) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"cancel {job}", by=who)

    assert said in answer.plain_text
    assert answer.ephemeral
    assert CONFIRM not in answer.buttons
    assert world.actions == []
    assert not world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}"), "not even a look"
    assert world.ml.messages == []


async def test_a_member_is_refused_on_every_transport_and_database(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS=world.olivia.id):
        answer = await world.say(f"cancel {job}", by="milo")

    assert "Only operators can do this" in answer.plain_text
    assert f"<@{world.olivia.id}>" in answer.plain_text
    assert world.actions == []


async def test_the_confirmation_says_what_is_at_stake(world: World) -> None:
    job = world.api.add_job(status="running", model="gpt-4o-mini-2024-07-18", trained_tokens=12_345)
    world.api.change(job, created_at=world.api.jobs[job]["created_at"] - 7500)

    async with world.bot():
        question = await world.say(f"cancel {job}")

    for fact in (job, "gpt-4o-mini-2024-07-18", "12,345", "2 h 5 min", "can't be undone"):
        assert fact in question.plain_text
    assert list(question.buttons) == [CONFIRM, "ftjob_dismiss"]
    assert job not in question.buttons[CONFIRM], "the button carries an opaque key"


async def test_a_finished_job_leaves_nothing_to_cancel(world: World) -> None:
    job = world.api.add_job(status="succeeded")

    async with world.bot():
        answer = await world.say(f"cancel {job}")
        world.api.change(job, finished_at=None)
        without_time = await world.say(f"cancel {job}")

    assert "Nothing to cancel" in answer.plain_text
    assert "it succeeded (" in answer.plain_text
    assert without_time.plain_text.strip().endswith("it succeeded.")
    assert answer.buttons == {}
    assert world.actions == []


async def test_a_job_that_ends_before_the_red_button_is_pressed_gets_no_action(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        world.api.change(job, status="succeeded")
        answer = await world.press(question, CONFIRM)

    assert "Nothing to cancel" in answer.plain_text
    assert answer.replace_original
    assert world.actions == []


async def test_a_double_click_on_the_red_button_is_one_action(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        clicks = await asyncio.gather(*(world.olivia.click(question, CONFIRM) for _ in range(2)))
        replies: list[SentReply] = [await click.reply() for click in clicks]

    assert world.actions == [cancel_request(job)]
    first, second = sorted(replies, key=lambda reply: "` was canceled." not in reply.plain_text)
    assert "` was canceled." in first.plain_text
    assert "You're already canceling" in second.plain_text
    assert not second.replace_original
    assert question.displayed
    assert "` was canceled." in question.displayed.plain_text, "whichever answer came last"


async def test_a_late_second_click_does_not_hide_what_the_first_one_did(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        assert isinstance(question.displayed, EphemeralMessage)
        still_seen = replace(question.displayed)
        await world.press(question, CONFIRM)
        late = await world.press(still_seen, CONFIRM)

    assert world.actions == [cancel_request(job)]
    assert "` was canceled." in late.plain_text, "the same words as the first time"
    assert late.ephemeral
    assert not late.replace_original
    assert "` was canceled." in question.displayed.plain_text


async def test_a_second_click_that_sees_what_the_first_one_did_leaves_its_action_alone(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        # The second one's look is answered when the order is carried out, and before the first one hears of that.
        world.api.faults.add("GET /fine_tuning/jobs/{id}", Fault("late", seconds=0.0), Fault("hang", seconds=1.0))
        world.api.faults.add("POST /fine_tuning/jobs/{id}/cancel", Fault("late", seconds=2.5))
        clicks = await asyncio.gather(*(world.olivia.click(question, CONFIRM) for _ in range(2)))
        replies: list[SentReply] = [await click.reply() for click in clicks]
        audit = await world.say("audit")

    assert world.actions == [cancel_request(job)]
    assert sorted(reply.replace_original for reply in replies) == [False, True]
    assert question.displayed
    assert "` was canceled." in question.displayed.plain_text
    assert not any("out of date" in reply.plain_text for reply in replies)
    assert "completed" in audit.plain_text, "the order has its end"


@pytest.mark.parametrize("who", ["milo", "otto"])
async def test_nobody_else_can_press_the_red_button(world: World, who: str) -> None:
    world.otto = world.slack.add_user("otto", is_owner=True)  # type: ignore[attr-defined]
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        answer = await world.press(question, CONFIRM, by=who)
        assert {"milo": "Only operators can do this", "otto": "This confirmation isn't yours"}[who] in answer.plain_text
        assert world.actions == []
        assert world.api.jobs[job]["status"] == "running"
        await world.press(question, CONFIRM)

    assert world.actions == [cancel_request(job)], "it still waited for the one who was asked"


async def test_the_red_button_works_for_ten_minutes(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        old = await world.say(f"cancel {job}")
        world.skip(601)
        answer = await world.press(old, CONFIRM)
        assert world.actions == []
        fresh = await world.say(f"cancel {job}")
        world.skip(590)
        await world.press(fresh, CONFIRM)

    assert "/ftjob cancel" in answer.plain_text
    assert world.actions == [cancel_request(job)]


async def test_cancel_takes_one_job_at_a_time(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(2)]

    async with world.bot():
        for asked in (f"cancel {' '.join(jobs)}", "cancel all", "cancel"):
            answer = await world.say(asked)
            assert "Usage" in answer.plain_text
            assert answer.buttons == {}

    assert len(world.api.request_log) == 0


async def test_a_confirmation_survives_a_restart(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
    async with world.bot():
        answer = await world.press(question, CONFIRM)

    assert "` was canceled." in answer.plain_text
    assert world.actions == [cancel_request(job)]


async def test_an_action_uses_the_write_key_and_reading_does_not(world: World) -> None:
    world.api.keys = {KEY: ApiKey("reader", frozenset({JOBS_READ})), WRITE_KEY: ApiKey("writer")}
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        answer = await world.press(question, CONFIRM)

    assert "` was canceled." in answer.plain_text
    used = {(entry.endpoint.split()[0], entry.credential) for entry in world.api.request_log}
    assert used == {("GET", "reader"), ("POST", "writer")}
