import asyncio
from dataclasses import replace

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import JOBS_READ, Key
from bot.sandbox.slack.messages import Ephemeral, Reply
from tests.canaries import KEY, WRITE_KEY
from tests.world import World, cancelling

RED = "ftjob_confirm"


async def test_an_operator_cancels_a_job_and_its_channel_is_told_once(any_world: World) -> None:
    world = any_world
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        question = await world.say(f"cancel {job}")
        assert question.ephemeral
        assert "cannot be undone" in question.plain
        assert world.orders == []

        answer = await world.press(question, RED)
        await world.until_told(job, "Cancel ordered", "Cancelled")
        await world.settled(bot)

    assert world.orders == [cancelling(job)]
    assert answer.ephemeral
    assert answer.replace_original, "the red button is gone"
    assert "cancelled" in answer.plain
    card, ordered, told = world.ml.messages
    assert (ordered.thread_ts, ordered.reply_broadcast) == (card.ts, False)
    assert f"by <@{world.olivia.id}>" in ordered.plain
    assert (told.thread_ts, told.reply_broadcast) == (card.ts, True)
    assert world.api.jobs[other]["status"] == "running"
    assert world.ops.messages == []


@pytest.mark.parametrize(("who", "said"), [("milo", "Admins and owners"), ("gia", "Guests"), ("sam", "members of")])
async def test_nobody_but_an_operator_gets_as_far_as_the_question(world: World, who: str, said: str) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"cancel {job}", by=who)

    assert said in answer.plain
    assert answer.ephemeral
    assert RED not in answer.buttons
    assert world.orders == []
    assert not world.api.ledger.of("GET /fine_tuning/jobs/{id}"), "not even a look"
    assert world.ml.messages == []


async def test_a_member_is_refused_on_every_transport_and_database(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS=world.olivia.id):
        answer = await world.say(f"cancel {job}", by="milo")

    assert "may not" in answer.plain
    assert f"<@{world.olivia.id}>" in answer.plain
    assert world.orders == []


async def test_the_question_says_what_is_at_stake(world: World) -> None:
    job = world.api.add_job(status="running", model="gpt-4o-mini-2024-07-18", trained_tokens=12_345)
    world.api.change(job, created_at=world.api.jobs[job]["created_at"] - 7500)

    async with world.bot():
        question = await world.say(f"cancel {job}")

    for fact in (job, "gpt-4o-mini-2024-07-18", "12,345", "2 h 5 min", "cannot be undone"):
        assert fact in question.plain
    assert list(question.buttons) == [RED]
    assert job not in question.buttons[RED], "the button carries an opaque key"


async def test_a_finished_job_leaves_nothing_to_cancel(world: World) -> None:
    job = world.api.add_job(status="succeeded")

    async with world.bot():
        answer = await world.say(f"cancel {job}")
        world.api.change(job, finished_at=None)
        without_time = await world.say(f"cancel {job}")

    assert "Nothing to cancel" in answer.plain
    assert "It succeeded (" in answer.plain
    assert without_time.plain.strip().endswith("It succeeded.")
    assert answer.buttons == {}
    assert world.orders == []


async def test_a_job_that_ends_before_the_red_button_is_pressed_gets_no_order(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        world.api.change(job, status="succeeded")
        answer = await world.press(question, RED)

    assert "Nothing to cancel" in answer.plain
    assert answer.replace_original
    assert world.orders == []


async def test_a_double_click_on_the_red_button_is_one_order(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        clicks = await asyncio.gather(*(world.olivia.click(question, RED) for _ in range(2)))
        replies: list[Reply] = [await click.reply() for click in clicks]

    assert world.orders == [cancelling(job)]
    first, second = sorted(replies, key=lambda reply: "Cancel sent" not in reply.plain)
    assert "Cancel sent" in first.plain
    assert "is already being cancelled by you" in second.plain
    assert not second.replace_original
    assert question.shown
    assert "Cancel sent" in question.shown.plain, "whichever answer came last"


async def test_a_late_second_click_does_not_hide_what_the_first_one_did(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        assert isinstance(question.shown, Ephemeral)
        still_seen = replace(question.shown)
        await world.press(question, RED)
        late = await world.press(still_seen, RED)

    assert world.orders == [cancelling(job)]
    assert "Cancel sent" in late.plain, "the same words as the first time"
    assert late.ephemeral
    assert not late.replace_original
    assert "Cancel sent" in question.shown.plain


async def test_a_second_click_that_sees_what_the_first_one_did_leaves_its_order_alone(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        # The second one's look is answered when the order is carried out, and before the first one hears of that.
        world.api.faults.add("GET /fine_tuning/jobs/{id}", Fault("late", seconds=0.0), Fault("hang", seconds=1.0))
        world.api.faults.add("POST /fine_tuning/jobs/{id}/cancel", Fault("late", seconds=2.5))
        clicks = await asyncio.gather(*(world.olivia.click(question, RED) for _ in range(2)))
        replies: list[Reply] = [await click.reply() for click in clicks]
        audit = await world.say("audit")

    assert world.orders == [cancelling(job)]
    assert sorted(reply.replace_original for reply in replies) == [False, True]
    assert question.shown
    assert "Cancel sent" in question.shown.plain
    assert not any("out of date" in reply.plain for reply in replies)
    assert "carried out" in audit.plain, "the order has its end"


@pytest.mark.parametrize("who", ["milo", "otto"])
async def test_nobody_else_can_press_the_red_button(world: World, who: str) -> None:
    world.otto = world.slack.add_person("otto", is_owner=True)  # type: ignore[attr-defined]
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        answer = await world.press(question, RED, by=who)
        assert "may not" in answer.plain
        assert world.orders == []
        assert world.api.jobs[job]["status"] == "running"
        await world.press(question, RED)

    assert world.orders == [cancelling(job)], "it still waited for the one who was asked"


async def test_the_red_button_works_for_ten_minutes(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        old = await world.say(f"cancel {job}")
        world.skip(601)
        answer = await world.press(old, RED)
        assert world.orders == []
        fresh = await world.say(f"cancel {job}")
        world.skip(590)
        await world.press(fresh, RED)

    assert "/ftjob cancel" in answer.plain
    assert world.orders == [cancelling(job)]


async def test_cancel_takes_one_job_at_a_time(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(2)]

    async with world.bot():
        for asked in (f"cancel {' '.join(jobs)}", "cancel all", "cancel"):
            answer = await world.say(asked)
            assert "Usage" in answer.plain
            assert answer.buttons == {}

    assert len(world.api.ledger) == 0


async def test_a_question_that_survives_a_restart_can_still_be_answered(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
    async with world.bot():
        answer = await world.press(question, RED)

    assert "Cancel sent" in answer.plain
    assert world.orders == [cancelling(job)]


async def test_an_order_uses_the_key_for_orders_and_reading_does_not(world: World) -> None:
    world.api.keys = {KEY: Key("reader", frozenset({JOBS_READ})), WRITE_KEY: Key("writer")}
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        answer = await world.press(question, RED)

    assert "Cancel sent" in answer.plain
    used = {(entry.what.split()[0], entry.credential) for entry in world.api.ledger}
    assert used == {("GET", "reader"), ("POST", "writer")}
