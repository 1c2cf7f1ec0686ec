"""Pages that are too large are read in smaller ones, and one large job is read alone; nothing else is lost."""

import json
from collections.abc import AsyncIterator

import pytest

from bot.errors import InvalidResponse
from bot.providers.client import Client
from bot.providers.http.transport import MAX_JOB_BYTES, MAX_PAGE_BYTES
from bot.providers.pages.sizes import TTL, PageSizes
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.together.server import TogetherApi
from bot.telemetry.redaction import MAX_TEXT_LENGTH
from tests.builders import graded
from tests.providers.harness import MAX_WAIT, client_of

MIB = 2**20


@pytest.fixture
async def client(api: FineTuningApi) -> AsyncIterator[Client]:
    async with client_of(api.base_url, deadline=4 * MAX_WAIT) as opened:
        yield opened


def _asked(api: FineTuningApi) -> list[int]:
    return [int(entry.request["query"]["limit"]) for entry in api.request_log.for_endpoint("GET /fine_tuning/jobs")]


async def _all(client: Client) -> list[str]:
    page = await client.list_jobs()
    found = [each.snapshot.id for each in page.fetched]
    while page.after:
        page = await client.list_jobs(after=page.after)
        found += [each.snapshot.id for each in page.fetched]
    return found


@pytest.mark.parametrize(
    ("sizes", "at_first", "then"),
    [
        ([250_000] * 40, [100, 25, 100], [25, 100]),
        ([1_500_000] * 7, [100, 25, 5, 100], [5, 100]),
        ([10] * 30 + [6 * MIB] * 2 + [10] * 3, [100, 25, 5, 1] * 4 + [100], [1, 1, 1, 1, 100]),
        ([10] * 3 + [9 * MIB], [100, 25, 5, 1, 100], [1, 100]),
        ([10], [100], [100]),
    ],
    ids=["forty long graders", "seven longer ones", "two in the middle", "the newest", "a short one"],
)
async def test_every_job_is_read_once_in_smaller_pages_whose_size_is_remembered(
    api: FineTuningApi, client: Client, sizes: list[int], at_first: list[int], then: list[int]
) -> None:
    jobs = [api.add_job(method=graded(size)) for size in sizes]

    assert sorted(await _all(client)) == sorted(jobs)
    assert _asked(api) == at_first
    assert sorted(await _all(client)) == sorted(jobs)
    assert _asked(api)[len(at_first) :] == then


@pytest.mark.parametrize("size", [9 * MIB, 20 * MIB, MAX_JOB_BYTES - MIB])
async def test_one_large_job_is_read_alone_and_its_long_texts_are_shortened(
    api: FineTuningApi, client: Client, size: int
) -> None:
    job = api.add_job(status="paused", method=graded(size))

    for reading in ((await client.list_jobs()).fetched[0], await client.retrieve(job)):
        assert (reading.snapshot.id, reading.snapshot.status) == (job, "paused")
        assert reading.size > size
        source = reading.body["method"]["reinforcement"]["grader"]["source"]
        assert MAX_TEXT_LENGTH <= len(source) < MIB


async def test_a_job_that_is_too_large_even_by_itself_hides_no_other(api: FineTuningApi, client: Client) -> None:
    old, huge, new = (api.add_job(method=graded(size)) for size in (10, MAX_JOB_BYTES + MIB, 10))

    assert sorted(await _all(client)) == sorted([old, new])
    page = await client.list_jobs(after=new)
    assert (page.unreadable, page.after, page.broken) == ((huge,), huge, 1)
    with pytest.raises(InvalidResponse, match="larger than 64 MB"):
        await client.retrieve(huge)


async def test_many_short_texts_are_not_kept_whatever_their_total_size(api: FineTuningApi, client: Client) -> None:
    job = api.add_job(method={"type": "dpo", "dpo": {"notes": ["short"] * (MAX_PAGE_BYTES // 8)}})

    with pytest.raises(InvalidResponse, match="larger than 8 MB"):
        await client.retrieve(job)


async def test_a_log_with_large_lines_is_read_in_smaller_parts(api: FineTuningApi, client: Client) -> None:
    job = api.add_job(status="running")
    for n in range(20):
        api.add_event(job, f"line {n}", data={"dump": "x" * MIB})

    events = await client.events(job)

    assert [event.message for event in events] == [f"line {n}" for n in range(15, 20)]


async def test_a_job_is_found_by_its_metadata_behind_a_large_one(api: FineTuningApi, client: Client) -> None:
    wanted = api.add_job(metadata={"ftjob_request": "abc"}, method=graded(9 * MIB))
    found = await client.find("ftjob_request", "abc")

    assert found
    assert found.snapshot.id == wanted


def test_larger_pages_are_tried_again_after_a_while() -> None:
    sizes = PageSizes()
    assert list(sizes.to_try(None, 100, now=0.0)) == [100, 25, 5, 1]

    sizes.remember(None, 5, now=0.0)

    assert list(sizes.to_try(None, 100, now=TTL - 1)) == [5, 1]
    assert list(sizes.to_try("ftjob-1", 100, now=1.0)) == [100, 25, 5, 1]
    assert list(sizes.to_try(None, 3, now=1.0)) == [3, 1]
    assert list(sizes.to_try(None, 1, now=1.0)) == [1]
    assert list(sizes.to_try(None, 100, now=TTL)) == [100, 25, 5, 1]


def test_a_limited_number_of_page_sizes_is_remembered() -> None:
    sizes = PageSizes()
    for n in range(1000):
        sizes.remember(f"ftjob-{n}", 1, now=0.0)

    remembered = [n for n in range(1000) if next(sizes.to_try(f"ftjob-{n}", 100, now=1.0)) == 1]
    assert 0 < len(remembered) <= 200
    assert remembered[-1] == 999


@pytest.mark.parametrize(("jobs", "is_read"), [(20_000, True), (160_000, False)])
async def test_a_list_that_comes_at_once_may_be_larger_than_a_page(jobs: int, *, is_read: bool) -> None:
    job = {"id": "ft-1", "status": "completed", "created_at": "2026-09-21T12:00:00Z", "training_file": "f" * 400}
    async with TogetherApi() as together:
        body = json.dumps({"data": [{**job, "id": f"ft-{n}"} for n in range(jobs)]})
        assert (len(body) > MAX_PAGE_BYTES, len(body) < MAX_JOB_BYTES) == (True, is_read)
        together.faults.always("GET /fine-tunes", Fault("answer", status=200, body=body))
        async with client_of(together.base_url, deadline=4 * MAX_WAIT, provider="together") as client:
            if is_read:
                assert len((await client.list_jobs()).fetched) == jobs
            else:
                with pytest.raises(InvalidResponse, match="larger than 64 MB"):
                    await client.list_jobs()
