import asyncio

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import JOBS_READ, ApiKey
from bot.sandbox.slack.messages import SentReply
from tests.canaries import KEY
from tests.stopwatch import within
from tests.world import World, cancel_request

CONFIRM = "ftjob_confirm"
CANCEL = "POST /fine_tuning/jobs/{id}/cancel"
RETRIEVE = "GET /fine_tuning/jobs/{id}"
READS = 2
"""How often aiohttp itself sends a GET whose connection drops."""


async def cancelled(world: World, job: str, *faults: Fault) -> SentReply:
    """Let Olivia ask for a cancel, confirm it, and return the answer; the order meets ``faults``."""
    question = await world.say(f"cancel {job}")
    world.api.faults.add(CANCEL, *faults)
    exchange = await world.olivia.click(question, CONFIRM)
    return await exchange.reply()


async def test_an_action_that_was_executed_without_a_response_is_not_sent_again(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        answer = await cancelled(world, job, Fault("drop", accepted=True))
        await world.until_delivered(job, "Cancel requested", "Canceled")
        await world.until_quiet(bot)

    assert world.actions == [cancel_request(job)]
    assert "didn't confirm" in answer.plain_text
    assert "canceled" in answer.plain_text


async def test_an_action_that_was_lost_is_not_sent_again_and_the_reply_says_that_the_job_goes_on(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        answer = await cancelled(world, job, Fault("drop"))
        await world.until_quiet(bot)

    assert world.actions == [cancel_request(job)]
    assert "didn't confirm" in answer.plain_text
    assert "running" in answer.plain_text
    assert world.delivered(job) == ["Cancel requested"], "and it is watched still"


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", {"ok": True}, {"object": "fine_tuning.job", "id": "x"}])
async def test_an_action_whose_response_makes_no_sense_is_looked_up(world: World, body: object) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await cancelled(world, job, Fault("answer", accepted=True, status=200, body=body))

    assert world.actions == [cancel_request(job)]
    assert "canceled" in answer.plain_text
    assert "aren't affected" not in answer.plain_text


async def test_where_nothing_can_be_learned_the_answer_says_so(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        world.api.faults.add(CANCEL, Fault("drop", accepted=True))
        world.api.faults.add(RETRIEVE, Fault("late", seconds=0.0), *[Fault("drop")] * READS * 3)
        exchange = await world.olivia.click(question, CONFIRM)
        answer = await exchange.reply()

    assert world.actions == [cancel_request(job)]
    (order,) = world.api.request_log.for_endpoint(CANCEL)
    reads = [entry.at - order.at for entry in world.api.request_log.for_endpoint(RETRIEVE) if entry.at > order.at]
    assert len(reads) == READS * 3
    assert reads[READS] >= 0.98, "the order may take a moment to show"
    assert reads[-1] >= 3.98
    assert "may still go through" in answer.plain_text.replace("\n", " ")
    assert "/ftjob status" in answer.plain_text


async def test_an_action_that_the_api_refuses_is_reported_with_its_reason_and_the_state_of_the_job(
    world: World,
) -> None:
    job = world.api.add_job(status="running")
    refusal = Fault("answer", status=400, body={"error": {"message": "Job is <locked> by another operation."}})

    async with world.bot():
        answer = await cancelled(world, job, refusal)

    assert world.actions == [cancel_request(job)]
    assert "Job is &lt;locked&gt; by another operation" in answer.plain_text
    assert "running" in answer.plain_text
    assert "` was canceled." not in answer.plain_text


async def test_a_job_that_ended_in_the_meantime_is_reported_as_it_ended(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        question = await world.say(f"cancel {job}")
        # It ends between our look and our order: what the look saw comes late enough for that.
        world.api.faults.add(RETRIEVE, Fault("late", seconds=0.5))
        exchange = await world.olivia.click(question, CONFIRM)
        async with within(5):
            while world.api.faults.is_queued(RETRIEVE):  # noqa: ASYNC110 - the API's side of it tells nobody
                await asyncio.sleep(0.01)
        world.api.change(job, status="succeeded")
        answer = await exchange.reply()
        await world.until_delivered(job, "Succeeded", "Cancel requested", "Cancel request not completed")
        await world.until_quiet(bot)

    assert world.actions == [cancel_request(job)]
    assert "rejected" in answer.plain_text
    assert "it succeeded" in answer.plain_text


async def test_a_key_without_the_right_to_cancel_is_reported_with_the_scope_that_it_lacks(world: World) -> None:
    world.api.keys[KEY] = ApiKey("reader", frozenset({JOBS_READ}))
    job = world.api.add_job(status="running")

    async with world.bot(OPENAI_WRITE_API_KEY=""):
        answer = await cancelled(world, job)

    assert "api.fine_tuning.jobs.write" in answer.plain_text
    assert answer.ephemeral
    assert world.actions == [cancel_request(job)]
    assert world.api.jobs[job]["status"] == "running"


async def test_an_action_that_meets_a_rate_limit_is_not_retried_automatically(world: World) -> None:
    job = world.api.add_job(status="running")
    limit = Fault("answer", status=429, headers={"Retry-After": "7"}, body={"error": {"message": "Slow down."}})

    async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id) as bot:
        answer = await cancelled(world, job, limit)
        await world.say("about")
        await world.until_quiet(bot)

    assert "7 s" in answer.plain_text
    assert world.ops.messages == [], "the key is good"
    assert world.actions == [cancel_request(job)]
