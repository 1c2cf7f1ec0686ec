"""A tracked job that the API does not know any more: told once, looked for ever less, found again."""

from collections.abc import AsyncIterator

import pytest

from bot.jobs.changes import ChangeKind
from bot.jobs.confirmation import CONFIRM_INTERVALS
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.poll.harness import INTERVAL, LIST, RETRIEVE, PollHarness, poll_harness
from tests.store.seeds import known_job

GONE, BACK, STATUS = ChangeKind.MISSING, ChangeKind.REAPPEARED, ChangeKind.STATUS
HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with FineTuningApi() as made:
        yield made


@pytest.fixture
async def view(database_url: str, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    async with poll_harness(database_url, api) as opened:
        yield opened


async def _tracked(view: PollHarness, status: str = "running") -> str:
    job = view.api.add_job(status=status)
    await view.track(job)
    return job


async def _sweeps(view: PollHarness, times: int, seconds: float = INTERVAL) -> int:
    """Sweep some times; return how often a job was asked for by itself."""
    asked = 0
    for _ in range(times):
        asked += (await view.poll_later(seconds)).count(RETRIEVE)
    return asked


async def _kinds(view: PollHarness) -> list[str]:
    return [row.kind for row in await view.changes()]


@pytest.mark.parametrize(("misses", "told"), [(1, []), (2, []), (3, [GONE]), (6, [GONE])])
async def test_a_job_is_gone_after_three_reads_without_it(view: PollHarness, misses: int, told: list[str]) -> None:
    job = await _tracked(view)
    del view.api.jobs[job]

    await _sweeps(view, misses)

    assert await _kinds(view) == told
    assert await view.pending() == [(job, "running")] * len(told)
    assert (await known_job(view.store, job)).missing is bool(told)
    assert not view.poller.is_failing


async def test_three_reads_in_a_moment_are_not_enough(view: PollHarness) -> None:
    job = await _tracked(view)
    del view.api.jobs[job]

    await _sweeps(view, 10, seconds=1)
    assert await _kinds(view) == []
    await _sweeps(view, 1, seconds=2 * INTERVAL)
    assert await _kinds(view) == [GONE]


async def test_one_read_that_finds_it_starts_the_count_anew(view: PollHarness) -> None:
    job = await _tracked(view)
    body = view.api.jobs[job]
    for _ in range(3):
        del view.api.jobs[job]
        await _sweeps(view, 2)
        view.api.jobs[job] = body
        await _sweeps(view, 1)
        assert (await known_job(view.store, job)).absence is None

    assert await _kinds(view) == []


@pytest.mark.parametrize(
    "fault",
    [Fault("answer", status=400), Fault("answer", status=200, body={"id": "ftjob-other"})],
    ids=["refused", "another job"],
)
async def test_only_a_404_is_a_read_without_the_job(view: PollHarness, fault: Fault) -> None:
    job = await _tracked(view)
    del view.api.jobs[job]
    view.api.faults.always(RETRIEVE, fault)

    # It is read again and again, though it rests longer each time.
    assert await _sweeps(view, 6) == 3

    assert await _kinds(view) == []
    assert (await known_job(view.store, job)).absence is None


@pytest.mark.deep
async def test_a_job_that_is_gone_is_looked_for_once_an_hour_for_a_week(view: PollHarness) -> None:
    job = await _tracked(view)
    del view.api.jobs[job]
    await _sweeps(view, 3)
    asked = len(view.api.request_log)

    assert await _sweeps(view, 24 * 6, seconds=600) <= 24
    for _ in range(6 * 24 + 2):
        await view.poll_later(HOUR + 1)
    assert (await known_job(view.store, job)).closed
    assert len(view.api.request_log) - asked <= 2 * 24 * 7, "a list and a read each"

    for _ in range(48):
        assert await view.poll_later(HOUR) == []
    assert await _kinds(view) == [GONE]


async def test_a_job_that_is_gone_costs_no_request_between_two_looks(view: PollHarness) -> None:
    job, other = await _tracked(view), await _tracked(view)
    del view.api.jobs[job]
    await _sweeps(view, 3)

    for _ in range(5):
        assert await view.poll_later() == [LIST]
    await view.store.channels.tracks.remove("C1", other)
    assert await view.poll_later() == []


@pytest.mark.parametrize("later", [INTERVAL, HOUR, 9 * DAY])
async def test_a_job_that_is_back_as_it_was_is_told_as_visible_again(view: PollHarness, later: float) -> None:
    job, _ = await _tracked(view), await _tracked(view)
    body = view.api.jobs.pop(job)
    await _sweeps(view, 3)
    await _sweeps(view, 3, seconds=later)
    view.api.jobs[job] = body

    await _sweeps(view, 3)

    assert await _kinds(view) == [GONE, BACK]
    found = await known_job(view.store, job)
    assert (found.missing, found.absence, found.closed) == (False, None, False)


async def test_a_job_that_is_back_in_another_state_is_told_by_that_alone(view: PollHarness) -> None:
    job = await _tracked(view)
    body = view.api.jobs.pop(job)
    await _sweeps(view, 3)
    view.api.jobs[job] = {**body, "status": "failed", "error": {"code": "c", "message": "m", "param": None}}

    await view.poll_later(HOUR + 1)
    await _sweeps(view, 2)

    assert await _kinds(view) == [GONE, STATUS]
    assert await view.pending() == [(job, "running"), (job, "failed")]
    assert not (await known_job(view.store, job)).missing


async def test_a_finished_job_that_is_back_unfinished_is_visible_first_and_believed_later(view: PollHarness) -> None:
    job, _ = await _tracked(view), await _tracked(view)
    view.api.change(job, status="cancelled")
    await view.poll_later()
    body = view.api.jobs.pop(job)
    await _sweeps(view, 3)
    view.api.jobs[job] = {**body, "status": "running"}

    await _sweeps(view, CONFIRM_INTERVALS + 2)

    assert await _kinds(view) == [STATUS, GONE, BACK, STATUS]


async def test_a_job_can_be_gone_again(view: PollHarness) -> None:
    job, _ = await _tracked(view), await _tracked(view)
    for _ in range(2):
        body = view.api.jobs.pop(job)
        await _sweeps(view, 4)
        view.api.jobs[job] = body
        await _sweeps(view, 2)

    assert await _kinds(view) == [GONE, BACK] * 2


async def test_an_alert_of_a_job_that_is_gone_has_what_was_last_known_of_it(view: PollHarness) -> None:
    job = await _tracked(view)
    view.api.change(job, status="paused")
    await view.poll_later()
    del view.api.jobs[job]
    await _sweeps(view, 3)

    *_, gone = await view.changes()
    recorded = await view.store.jobs.changes.find(gone.id)
    assert (recorded.change.kind, recorded.change.before, recorded.change.after.status) == (
        GONE,
        recorded.change.after,
        "paused",
    )
    assert recorded.job.model is not None
