"""One job that is trouble, in the whole bot: it hangs, or is larger than a page; every other job is told as ever."""

import pytest

from bot.sandbox.faults import Fault
from tests.builders import graded
from tests.world import World

LIST = "GET /fine_tuning/jobs"
ONE = "GET /fine_tuning/jobs/{id}"
PAGE = 100
MIB = 2**20


@pytest.mark.parametrize(
    "fault", [Fault("hang"), Fault("answer", status=500), Fault("answer", status=403)], ids=["silence", "500", "403"]
)
async def test_a_job_that_cannot_be_read_keeps_no_other_result_back(world: World, fault: Fault) -> None:
    bad = world.api.add_job(status="running", created_at=1_700_000_000)
    for _ in range(2 * PAGE):
        world.api.add_job(status="succeeded")
    others = [world.api.add_job(status="running") for _ in range(3)]
    async with world.bot() as bot:
        for job in (bad, *others):
            await world.say(f"track {job}")
        read = len(world.api.request_log.for_endpoint(ONE))
        world.api.faults.always(f"{ONE} {bad}", fault)
        await world.api.request_log.wait_until(
            lambda: len(world.api.request_log.for_endpoint(ONE)) > read, why="the job is read alone"
        )
        for job in others:
            world.api.change(job, status="cancelled")
        for job in others:
            await world.until_delivered(job, "Canceled")
        assert bot.broken_parts() == []

        world.api.change(bad, status="cancelled")
        world.api.faults.clear()
        await world.until_delivered(bad, "Canceled", seconds=300)


@pytest.mark.parametrize(("jobs", "length"), [(40, 250_000), (6, 2_000_000), (1, 20 * MIB)])
async def test_jobs_that_are_too_large_for_a_page_are_posted_and_listed(world: World, jobs: int, length: int) -> None:
    old = [world.api.add_job(status="succeeded", method=graded(length)) for _ in range(jobs)]
    async with world.bot(FTJOB_POLL_SECONDS="1", FTJOB_OPS_CHANNEL=world.ops.id):
        await world.say("subscribe")
        new = world.api.add_job(status="queued", method=graded(length), metadata={"name": "grader v2"})
        await world.slack.request_log.wait_until(lambda: world.messages_about(new), why="the new job is announced")
        world.api.change(new, status="running")
        await world.until_delivered(new, "Running")

        listed = await world.say("list")
        assert new in listed.text or new in str(listed.blocks)
        assert old[-1] in str(listed.blocks)
        shown = await world.say(f"status {new}")
        assert new in str(shown.blocks)

        large = [message for message in world.ops.messages if "MB, so I read it separately" in message.text]
        assert len(large) == (2 if length > 8 * MIB else 0)
        assert sum("Job *grader v2*" in message.text for message in large) == len(large) / 2
