"""Missing jobs: the API no longer knows a tracked job; one alert, ever rarer reads, and its reappearance."""

import pytest

from bot.jobs.changes import ChangeKind
from bot.jobs.debounce import CONFIRM_INTERVALS
from bot.sandbox.faults import Fault
from tests.poll.harness import INTERVAL, LIST, RETRIEVE, PollHarness
from tests.store.seeds import known_job

GONE, BACK, STATUS = ChangeKind.MISSING, ChangeKind.REAPPEARED, ChangeKind.STATUS
HOUR = 3600.0
DAY = 24 * HOUR


async def _tracked(harness: PollHarness, status: str = "running") -> str:
    job = harness.api.add_job(status=status)
    await harness.track(job)
    return job


async def _poll_times(harness: PollHarness, times: int, seconds: float = INTERVAL) -> int:
    """Poll ``times`` times; return how many single reads of a job that took."""
    asked = 0
    for _ in range(times):
        asked += (await harness.poll_later(seconds)).count(RETRIEVE)
    return asked


async def _kinds(harness: PollHarness) -> list[str]:
    return [row.kind for row in await harness.changes()]


@pytest.mark.parametrize(("misses", "told"), [(1, []), (2, []), (3, [GONE]), (6, [GONE])])
async def test_a_job_is_missing_after_three_reads_without_it(
    harness: PollHarness, misses: int, told: list[str]
) -> None:
    job = await _tracked(harness)
    del harness.api.jobs[job]

    await _poll_times(harness, misses)

    assert await _kinds(harness) == told
    assert await harness.pending() == [(job, "running")] * len(told)
    assert (await known_job(harness.store, job)).missing is bool(told)
    assert not harness.poller.is_failing


async def test_three_reads_in_a_moment_are_not_enough(harness: PollHarness) -> None:
    job = await _tracked(harness)
    del harness.api.jobs[job]

    await _poll_times(harness, 10, seconds=1)
    assert await _kinds(harness) == []
    await _poll_times(harness, 1, seconds=2 * INTERVAL)
    assert await _kinds(harness) == [GONE]


async def test_one_read_that_finds_the_job_resets_the_count(harness: PollHarness) -> None:
    job = await _tracked(harness)
    body = harness.api.jobs[job]
    for _ in range(3):
        del harness.api.jobs[job]
        await _poll_times(harness, 2)
        harness.api.jobs[job] = body
        await _poll_times(harness, 1)
        assert (await known_job(harness.store, job)).absence is None

    assert await _kinds(harness) == []


@pytest.mark.parametrize(
    "fault",
    [Fault("answer", status=400), Fault("answer", status=200, body={"id": "ftjob-other"})],
    ids=["refused", "another job"],
)
async def test_only_a_404_is_a_read_without_the_job(harness: PollHarness, fault: Fault) -> None:
    job = await _tracked(harness)
    del harness.api.jobs[job]
    harness.api.faults.always(RETRIEVE, fault)

    # It is read again and again, though it rests longer each time.
    assert await _poll_times(harness, 6) == 3

    assert await _kinds(harness) == []
    assert (await known_job(harness.store, job)).absence is None


@pytest.mark.deep
async def test_a_missing_job_is_read_once_an_hour_for_a_week(harness: PollHarness) -> None:
    job = await _tracked(harness)
    del harness.api.jobs[job]
    await _poll_times(harness, 3)
    asked = len(harness.api.request_log)

    assert await _poll_times(harness, 24 * 6, seconds=600) <= 24
    for _ in range(6 * 24 + 2):
        await harness.poll_later(HOUR + 1)
    assert (await known_job(harness.store, job)).closed
    assert len(harness.api.request_log) - asked <= 2 * 24 * 7, "a list and a read each"

    for _ in range(48):
        assert await harness.poll_later(HOUR) == []
    assert await _kinds(harness) == [GONE]


async def test_a_missing_job_costs_no_request_between_two_polls(harness: PollHarness) -> None:
    job, other = await _tracked(harness), await _tracked(harness)
    del harness.api.jobs[job]
    await _poll_times(harness, 3)

    for _ in range(5):
        assert await harness.poll_later() == [LIST]
    await harness.store.channels.tracks.remove("C1", other)
    assert await harness.poll_later() == []


@pytest.mark.parametrize("later", [INTERVAL, HOUR, 9 * DAY])
async def test_an_unchanged_job_that_reappears_is_alerted_as_reappeared(harness: PollHarness, later: float) -> None:
    job, _ = await _tracked(harness), await _tracked(harness)
    body = harness.api.jobs.pop(job)
    await _poll_times(harness, 3)
    await _poll_times(harness, 3, seconds=later)
    harness.api.jobs[job] = body

    await _poll_times(harness, 3)

    assert await _kinds(harness) == [GONE, BACK]
    found = await known_job(harness.store, job)
    assert (found.missing, found.absence, found.closed) == (False, None, False)


async def test_a_job_that_reappears_in_another_state_is_alerted_by_that_state_only(harness: PollHarness) -> None:
    job = await _tracked(harness)
    body = harness.api.jobs.pop(job)
    await _poll_times(harness, 3)
    harness.api.jobs[job] = {**body, "status": "failed", "error": {"code": "c", "message": "m", "param": None}}

    await harness.poll_later(HOUR + 1)
    await _poll_times(harness, 2)

    assert await _kinds(harness) == [GONE, STATUS]
    assert await harness.pending() == [(job, "running"), (job, "failed")]
    assert not (await known_job(harness.store, job)).missing


async def test_a_finished_job_that_reappears_unfinished_is_reappeared_first_and_confirmed_later(
    harness: PollHarness,
) -> None:
    job, _ = await _tracked(harness), await _tracked(harness)
    harness.api.change(job, status="cancelled")
    await harness.poll_later()
    body = harness.api.jobs.pop(job)
    await _poll_times(harness, 3)
    harness.api.jobs[job] = {**body, "status": "running"}

    await _poll_times(harness, CONFIRM_INTERVALS + 2)

    assert await _kinds(harness) == [STATUS, GONE, BACK, STATUS]


async def test_a_job_can_be_missing_again(harness: PollHarness) -> None:
    job, _ = await _tracked(harness), await _tracked(harness)
    for _ in range(2):
        body = harness.api.jobs.pop(job)
        await _poll_times(harness, 4)
        harness.api.jobs[job] = body
        await _poll_times(harness, 2)

    assert await _kinds(harness) == [GONE, BACK] * 2


async def test_an_alert_of_a_missing_job_has_its_last_known_properties(harness: PollHarness) -> None:
    job = await _tracked(harness)
    harness.api.change(job, status="paused")
    await harness.poll_later()
    del harness.api.jobs[job]
    await _poll_times(harness, 3)

    *_, gone = await harness.changes()
    recorded = await harness.store.jobs.changes.find(gone.id)
    assert (recorded.change.kind, recorded.change.before, recorded.change.after.status) == (
        GONE,
        recorded.change.after,
        "paused",
    )
    assert recorded.job.model is not None
