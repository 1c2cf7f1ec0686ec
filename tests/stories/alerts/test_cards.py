"""The card of a job in a channel: edited in place, so that it always shows the present."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import ChannelMessage
from tests.world import FAST_TUNING, World

UPDATE = "chat.update"


def cards_of(world: World, job: str) -> list[ChannelMessage]:
    """Return the cards of a job that stand in #ml."""
    return [message for message in world.messages_about(job) if "ftjob_untrack" in message.buttons]


def card_of(world: World, job: str) -> ChannelMessage:
    """Return the one card of a job in #ml."""
    (card,) = cards_of(world, job)
    return card


async def until_card_says(world: World, job: str, *words: str) -> None:
    """Wait until the card of a job says all of these words."""
    await world.slack.request_log.wait_until(
        lambda: all(word in card_of(world, job).plain_text for word in words),
        why=f"{words} on the card",
    )


async def until_failed(world: World, times: int) -> None:
    """Wait until it is written down that the edits of the one card failed so often in a row."""
    with closing(sqlite3.connect(world.folder / "ftjob.db")) as store:
        async with asyncio.timeout(300):
            while store.execute("SELECT failures FROM card").fetchone()[0] < times:  # noqa: ASYNC110 - a row tells nobody
                await asyncio.sleep(0.01)


def step(world: World, job: str, step: int, loss: float, *, of: int = 100) -> None:
    """Let a running job log a step."""
    world.api.add_event(
        job,
        f"Step {step}/{of}: training loss={loss}",
        type="metrics",
        data={"step": step, "total_steps": of, "train_loss": loss},
    )


async def test_a_card_is_updated_through_its_job_and_nobody_is_notified_of_it_twice(lively: World) -> None:
    world = lively
    async with world.bot():
        job = world.api.add_job(status="queued", metadata={"team": "search", "slack_user": world.olivia.id})
        await world.say(f"track {job}")
        card = card_of(world, job)
        assert "· queued" in card.plain_text
        assert f"<@{world.olivia.id}>" in card.plain_text

        world.api.change(job, status="running")
        await until_card_says(world, job, "· running since ")
        step(world, job, 10, 2.0)
        step(world, job, 40, 0.5)
        await until_card_says(world, job, "running · 40%", "step 40/100", "loss 2.00 → 0.500")

        world.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::x", trained_tokens=5_768_000)
        await until_card_says(world, job, "· succeeded", "ft:gpt-4o-mini:acme::x", "5.77 M tokens")
        assert "step 40" not in card_of(world, job).plain_text

        await world.until_delivered(job, "Running", "Succeeded")
        assert card_of(world, job).ts == card.ts, "one card, from the beginning to the end"
        assert [message for message in world.messages_about(job) if message.thread_ts is None] == [card_of(world, job)]
        assert "ftjob_cancel" not in card_of(world, job).buttons


async def test_a_card_that_somebody_deleted_is_posted_again_once_and_updated_on(lively: World) -> None:
    world = lively
    async with world.bot():
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        first = card_of(world, job)
        first.deleted = True
        step(world, job, 10, 2.0)
        await world.slack.request_log.wait_until(lambda: cards_of(world, job), seconds=300, why="a new card")
        assert card_of(world, job).ts != first.ts

        step(world, job, 50, 1.0)
        await until_card_says(world, job, "running · 50%", "step 50/100")
        world.api.change(job, status="failed", error={"code": "invalid_training_file", "message": "Bad line 7."})
        await world.until_delivered(job, "Failed")
        await until_card_says(world, job, "Bad line 7.")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("answer", status=429, headers={"Retry-After": "1"}, body={"ok": False, "error": "ratelimited"}),
        Fault("answer", status=500, body="<html>"),
        Fault("answer", status=200, body={"ok": False, "error": "internal_error"}),
        Fault("drop"),
        Fault("late", seconds=0.2),
    ],
    ids=["rate limit", "500", "internal error", "dropped", "late"],
)
async def test_an_edit_that_slack_does_not_take_is_made_again(lively: World, fault: Fault) -> None:
    world = lively
    async with world.bot():
        job = world.api.add_job(status="queued")
        await world.say(f"track {job}")
        world.slack.faults.add(UPDATE, fault)
        world.api.change(job, status="running")
        await until_card_says(world, job, "· running")
        await world.until_delivered(job, "Running")


async def test_an_edit_that_slack_will_never_take_is_not_repeated_for_ever(world: World) -> None:
    world.tuning = FAST_TUNING
    async with world.bot():
        job = world.api.add_job(status="queued")
        await world.say(f"track {job}")
        world.slack.faults.add(UPDATE, Fault("answer", status=200, body={"ok": False, "error": "msg_too_long"}))
        world.api.change(job, status="running")
        await world.until_delivered(job, "Running")
        await world.slack.request_log.wait_until(lambda: len(world.slack.request_log.for_endpoint(UPDATE)) == 1)
        world.api.change(job, status="paused")
        await until_card_says(world, job, "· paused")
        assert len(world.slack.request_log.for_endpoint(UPDATE)) == 2


async def test_a_card_catches_up_after_a_restart(lively: World) -> None:
    world = lively
    job = world.api.add_job(status="running")
    async with world.bot():
        await world.say(f"track {job}")
    world.api.change(job, status="succeeded", fine_tuned_model="ft:x")
    async with world.bot():
        await until_card_says(world, job, "· succeeded", "ft:x")
        await world.until_delivered(job, "Succeeded")


async def test_a_card_says_at_once_that_its_job_was_untracked_and_offers_to_track_it(lively: World) -> None:
    world = lively
    async with world.bot():
        jobs = [world.api.add_job(status=status) for status in ("running", "succeeded", "queued")]
        for job in jobs:
            await world.say(f"track {job}")
        cards = {job: card_of(world, job) for job in jobs}
        await world.say(f"untrack {jobs[0]}")
        await until_untracked(world, cards[jobs[0]])
        assert "ftjob_untrack" in cards[jobs[1]].buttons, "the others are tracked still"
        await world.say("untrack all")
        for job in jobs:
            await until_untracked(world, cards[job])
        assert "subscri" not in "".join(card.plain_text for card in cards.values())


async def until_untracked(world: World, card: ChannelMessage) -> None:
    """Wait until a card names nobody who tracks its job, and has a button that tracks it."""
    await world.slack.request_log.wait_until(
        lambda: "No longer tracked here" in card.plain_text and "ftjob_track" in card.buttons, why=card.plain_text
    )
    assert "ftjob_untrack" not in card.buttons
    assert "racked by" not in card.plain_text.replace("No longer tracked", "")


async def test_a_card_of_a_subscription_stays_true_when_that_is_ended_and_so_do_later_alerts(lively: World) -> None:
    world = lively
    async with world.bot():
        await world.say("subscribe")
        job = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(lambda: cards_of(world, job), seconds=300, why="the card of a new job")
        await world.say("unsubscribe")
        world.api.change(job, status="running")
        await until_card_says(world, job, "· running")
        await world.until_delivered(job, "Running")
    told = world.messages_about(job)
    assert "channel is subscribed" not in "".join(message.plain_text for message in told)
    assert "/ftjob unsubscribe" not in "".join(message.plain_text for message in told)


async def test_a_card_of_a_job_that_a_new_subscription_tracks_again_says_so(lively: World) -> None:
    world = lively
    async with world.bot():
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        card = card_of(world, job)
        await world.say(f"untrack {job}")
        await until_untracked(world, card)
        await world.say("subscribe")
        await world.slack.request_log.wait_until(lambda: "ftjob_untrack" in card.buttons, why=card.plain_text)
        assert "racked" not in card.plain_text.replace("Untrack here", "")


async def test_a_job_that_the_api_forgot_says_so_on_its_card(world: World) -> None:
    world.tuning = FAST_TUNING
    async with world.bot():
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        del world.api.jobs[job]
        await until_card_says(world, job, "not found (last status: running)")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop"),
        Fault("answer", status=503, body="upstream connect error"),
        Fault("answer", status=200, body={"ok": False, "error": "service_unavailable"}),
        Fault("answer", status=200, body={"ok": False, "error": "word_of_tomorrow"}),
    ],
    ids=["dropped", "503", "unavailable", "unknown"],
)
async def test_a_card_of_a_finished_job_outlives_an_outage_of_any_length(world: World, fault: Fault) -> None:
    world.tuning = FAST_TUNING
    async with world.bot():
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        world.slack.faults.always(UPDATE, fault)
        world.api.change(job, status="failed", error={"code": "x", "message": "Bad line 7.", "param": None})
        await until_failed(world, 1)
    for times in range(2, 10):
        world.skip(2 * 3600)
        async with world.bot():
            await until_failed(world, times)
    world.slack.faults.clear()
    world.skip(2 * 3600)
    async with world.bot():
        await until_card_says(world, job, "Bad line 7.")


@pytest.mark.deep
async def test_cards_are_not_edited_where_nothing_happens(world: World) -> None:
    world.tuning = FAST_TUNING
    async with world.bot() as bot:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        step(world, job, 10, 2.0)
        await until_card_says(world, job, "step 10/100")
        edits = len(world.slack.request_log.for_endpoint(UPDATE))
        reads = len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}/events"))
        await world.until_quiet(bot)
        await world.slack.request_log.wait_until(
            lambda: len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}/events")) >= reads + 3,
            why="reads",
        )
        assert len(world.slack.request_log.for_endpoint(UPDATE)) == edits
