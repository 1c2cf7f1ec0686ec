"""The bot dies on an order's way, and two processes get the same order: it is given once, and people hear its end."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from bot.commands.execute import UNCONFIRMED_TIMEOUT
from bot.jobs.actions import Decision
from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import SentReply
from tests.world import World, cancel_request, headline

CONFIRM = "ftjob_confirm"
ROUNDS = 3


@pytest.mark.parametrize(
    ("point", "orders", "end", "told"),
    [
        ("before_action", 0, Decision.UNKNOWN, ("Cancel request not confirmed", "Cancel request not confirmed")),
        ("after_action", 1, Decision.DONE, ("Canceled", "Cancel request completed")),
        ("before_action_outcome", 1, Decision.DONE, ("Canceled", "Cancel request completed")),
    ],
)
async def test_an_action_whose_bot_dies_is_looked_up_and_reported(
    world: World, point: str, orders: int, end: Decision, told: tuple[str, str]
) -> None:
    in_the_thread, in_private = told
    job = world.api.add_job(status="running")
    private = world.slack.direct_message(world.olivia)

    async with world.process(FTJOB_CRASH_AT=point, FTJOB_POLL_SECONDS="3600") as process:
        await world.say(f"track {job}")
        question = await world.say(f"cancel {job}")
        await world.olivia.click(question, CONFIRM)
        await process.wait()
        assert process.returncode == -9
    assert world.actions == [cancel_request(job)] * orders
    world.skip(UNCONFIRMED_TIMEOUT + 1)

    async with world.bot() as last:
        await world.until_delivered(job, "Cancel requested", in_the_thread)
        await world.slack.request_log.wait_until(lambda: private.messages, why="Olivia is told")
        await world.until_quiet(last)
        audit = [row async for row in last.store.actions.audit.all()]
        again = await world.press(question, CONFIRM)
        assert await last.store.actions.audit.first_broken() is None

    assert world.actions == [cancel_request(job)] * orders
    assert [headline(message) for message in private.messages] == [in_private]
    assert job in private.messages[0].plain_text
    ordered = [(row.entry.decision, row.entry.source) for row in audit if row.entry.confirmation_key]
    assert ordered == [(Decision.SUBMITTED, "button"), (end, "start")]
    assert private.messages[0].plain_text.endswith(again.text), "who presses again reads the same"


async def test_two_people_who_press_at_once_on_two_processes_submit_one_action(
    tmp_path: Path, postgres_url: str
) -> None:
    async with World(tmp_path, database_url=postgres_url) as world:
        world.otto = world.slack.add_user("otto", is_owner=True)  # type: ignore[attr-defined]
        jobs = [world.api.add_job(status="running") for _ in range(ROUNDS)]
        async with world.process(), world.process():
            # Slack deals what it sends to the connections in turn: what two people do goes to both processes.
            await world.slack.request_log.wait_until(
                lambda: len(world.slack.sockets.active) == 2, why="both are connected"
            )
            for job in jobs:
                replies = await _pressed_by_two(world, job)
                assert sorted("` was canceled." in reply.plain_text for reply in replies) == [False, True]
                winner, loser = ("olivia", 1) if "` was canceled." in replies[0].plain_text else ("otto", 0)
                assert replies[loser].plain_text.startswith(f"<@{getattr(world, winner).id}> ")
        assert world.actions == [cancel_request(job) for job in jobs]
        assert world.slack.violations == []
    assert sorted(await _decisions(postgres_url)) == sorted(["done", "duplicate", "ordered"] * ROUNDS)


async def _pressed_by_two(world: World, job: str) -> list[SentReply]:
    """Let Olivia and Otto be asked and press; both processes read the job before one of them orders anything."""
    questions = [await world.say(f"cancel {job}", by=who) for who in ("olivia", "otto")]
    world.api.faults.add("GET /fine_tuning/jobs/{id}", *[Fault("late", seconds=1.0)] * 2)
    presses = zip(questions, ("olivia", "otto"), strict=True)
    return await asyncio.gather(*(world.press(question, CONFIRM, by=who) for question, who in presses))


async def _decisions(url: str) -> list[str]:
    """Return what the audit says of presses and orders, all of which name their job."""
    database = await asyncpg.connect(url)
    rows = await database.fetch("SELECT decision FROM audit WHERE job_id IS NOT NULL AND decision <> 'asked'")
    await database.close()
    return [row["decision"] for row in rows]
