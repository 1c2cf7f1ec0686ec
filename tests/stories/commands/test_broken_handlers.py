"""A bug in a handler: the person gets a ref and no more, and the bot goes on."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.app.bot import Bot
from bot.sandbox.slack.messages import SentReply
from tests.world import World

HOUR = "3600"
CONFIRM = "ftjob_confirm"
INTERNALS = re.compile(r"Error|Exception|Traceback|\.py|/[a-z]+/|sqlite|sqlalchemy|no such table|SELECT", re.IGNORECASE)


@asynccontextmanager
async def without(bot: Bot, table: str) -> AsyncIterator[None]:
    """Take a table away, so that what needs it breaks in a way that nobody expects."""
    async with bot.store.db.transaction() as tx:
        await tx.execute(text(f"ALTER TABLE {table} RENAME TO away"))
    yield
    async with bot.store.db.transaction() as tx:
        await tx.execute(text(f"ALTER TABLE away RENAME TO {table}"))


def ref_of(answer: SentReply) -> str:
    """Return the ref of an answer that says nothing else of what is wrong."""
    assert "Something went wrong. Try again." in answer.plain_text
    assert INTERNALS.findall(f"{answer.text} {answer.blocks}") == []
    [ref] = re.findall(r"ref: `(\S*)`", answer.plain_text)
    assert re.fullmatch(r"[0-9a-f]{8}", ref)
    return str(ref)


@pytest.mark.parametrize(
    ("typed", "table", "times"),
    [
        ("status {job}", "track", 100),
        ("track {job}", "track", 25),
        ("untrack {job}", "track", 25),
        ("untrack all", "track", 25),
        ("tracked", "track", 25),
        ("subscribe", "subscription", 25),
        ("unsubscribe", "subscription", 25),
        ("cancel {job}", "confirmation", 25),
        ("outbox", "delivery", 25),
        ("about", "account", 25),
    ],
)
async def test_a_handler_that_breaks_many_times_shows_a_ref_alone_and_the_next_command_works(
    world: World, typed: str, table: str, times: int
) -> None:
    job = world.api.add_job(status="running")
    command = typed.format(job=job)

    async with world.bot(FTJOB_POLL_SECONDS=HOUR) as bot:
        async with without(bot, table):
            with capture_logs() as logs:
                exchanges = await asyncio.gather(*(world.olivia.command(command, world.ml) for _ in range(times)))
                answers = [await exchange.reply() for exchange in exchanges]
        after = await world.say(command)

    assert all(exchange.acked for exchange in exchanges)
    refs = {ref_of(answer) for answer in answers}
    assert len(refs) == times
    assert "Something went wrong" not in after.plain_text
    assert {entry["ref"] for entry in logs if entry["event"] == "command.failed"} == refs, "the ref leads to the log"
    assert world.actions == []


async def test_the_red_button_of_a_broken_store_submits_nothing_and_works_afterwards(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS=HOUR) as bot:
        message = await world.say(f"cancel {job}")
        async with without(bot, "confirmation"):
            with capture_logs():
                for _ in range(25):
                    ref_of(await world.press(message, CONFIRM))
        assert world.actions == []
        done = await world.press(message, CONFIRM)

    assert "` was canceled." in done.plain_text
    assert len(world.actions) == 1
