"""Client when all is well: what it sends, with which key, over which connection."""

import asyncio
import random

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from bot.errors import AccessDenied, NotFound, ProviderError
from bot.jobs.actions import JobAction
from bot.providers.account import Account
from bot.providers.client import Client
from bot.providers.http.wire import FetchedJob
from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.job_store import ORGANIZATION, PROJECT
from bot.sandbox.openai.api.keys import FILES_READ, JOBS_READ, ApiKey
from bot.sandbox.openai.server import FineTuningApi
from tests.builders import job_body, list_body
from tests.providers.harness import (
    CALLS,
    CANCEL,
    JOBS,
    MAX_WAIT,
    READ_KEY,
    WRITE_KEY,
    RequestRecorder,
    assert_no_secret,
    call,
    client_of,
    new_api,
)
from tests.providers.raw_server import RawServer, ok_response, responds


async def test_a_job_is_read_in_full(api: FineTuningApi, client: Client) -> None:
    job = api.add_job(status="running", metadata={"team": "search"})
    reading = await client.retrieve(job)
    assert reading.body == {name: value for name, value in api.jobs[job].items() if value is not None}
    assert (reading.job.id, reading.job.metadata) == (job, {"team": "search"})


async def test_every_page_is_read_and_each_job_once(api: FineTuningApi, client: Client) -> None:
    made = [api.add_job() for _ in range(250)]
    read, after = list[str](), None
    for _ in range(3):
        page = await client.list_jobs(after=after)
        read += [reading.snapshot.id for reading in page.fetched]
        after = page.after
    assert after is None
    assert read == made[::-1]
    assert len(api.request_log) == 3


async def test_jobs_are_selected_by_any_metadata(api: FineTuningApi, client: Client) -> None:
    chosen = api.add_job(metadata={"team": "a&b=c d/\u00e9?#", "env": "x"})
    api.add_job(metadata={"team": "other", "env": "x"})
    page = await client.list_jobs(limit=10, metadata={"team": "a&b=c d/\u00e9?#", "env": "x"})
    assert [reading.snapshot.id for reading in page.fetched] == [chosen]


async def test_events_are_the_newest_lines_oldest_first(api: FineTuningApi, client: Client) -> None:
    job = api.add_job()
    for number in range(30):
        api.add_event(job, f"line {number}")
    assert [event.message for event in await client.events(job, limit=3)] == ["line 27", "line 28", "line 29"]


async def test_a_cancel_ends_the_job(api: FineTuningApi, client: Client) -> None:
    job = api.add_job(status="running")
    reading = await client.execute(JobAction.CANCEL, job)
    assert (reading.snapshot.status, api.jobs[job]["status"]) == ("cancelled", "cancelled")


# --- keys and headers ---


async def test_the_write_key_is_used_only_for_the_cancel(api: FineTuningApi, client: Client) -> None:
    job = api.add_job(status="running")
    for what in CALLS:
        await call(client, what, job)
    used = {entry.endpoint: entry.credential for entry in api.request_log}
    assert used == {
        f"GET {JOBS}": "watch",
        f"GET {JOBS}/{{id}}": "watch",
        f"GET {JOBS}/{{id}}/events": "watch",
        CANCEL: "order",
    }


async def test_without_a_write_key_the_read_key_is_used_or_the_missing_scope_is_named(
    api: FineTuningApi,
) -> None:
    job = api.add_job(status="running")
    async with client_of(api.base_url, deadline=MAX_WAIT, write_key=None) as client:
        with pytest.raises(AccessDenied) as caught:
            await client.execute(JobAction.CANCEL, job)
    assert caught.value.missing_scope == "api.fine_tuning.jobs.write"
    assert (caught.value.request_id or "").startswith("req_")
    assert [entry.credential for entry in api.request_log] == ["watch"]
    assert api.jobs[job]["status"] == "running"


async def test_organization_and_project_are_sent_and_no_url_has_a_secret() -> None:
    api = new_api()
    watch = RequestRecorder(api)
    async with api, client_of(api.base_url, deadline=MAX_WAIT, organization=ORGANIZATION, project=PROJECT) as client:
        job = api.add_job(status="running")
        for what in CALLS:
            await call(client, what, job)
    assert len(watch.requests) == len(CALLS)
    for request in watch.requests:
        assert request.headers["OpenAI-Organization"] == ORGANIZATION
        assert request.headers["OpenAI-Project"] == PROJECT
        assert request.headers["Accept-Encoding"] == "identity"
        assert request.headers["User-Agent"] == "ftjob"
        assert request.headers["Authorization"] in {f"Bearer {READ_KEY}", f"Bearer {WRITE_KEY}"}
        assert not any(key in str(request.url) for key in (READ_KEY, WRITE_KEY))
        assert request.body_exists is False


async def test_organization_and_project_are_not_sent_where_not_configured() -> None:
    api = new_api()
    watch = RequestRecorder(api)
    async with api, client_of(api.base_url, deadline=MAX_WAIT) as client:
        await client.list_jobs()
    assert not {"OpenAI-Organization", "OpenAI-Project"} & set(watch.requests[0].headers)


async def test_the_url_of_an_id_stays_under_its_path() -> None:
    api = new_api()
    watch = RequestRecorder(api)
    async with api, client_of(api.base_url, deadline=MAX_WAIT) as client:
        for job_id in ("../files", "a/cancel", "a?limit=1", "a#b", "a%2Fb", "..%2F..", "a\r\nX: y"):
            with pytest.raises(ProviderError):
                await client.retrieve(job_id)
    assert [request.raw_path for request in watch.requests] == [
        "/v1/fine_tuning/jobs/..%2Ffiles",
        "/v1/fine_tuning/jobs/a%2Fcancel",
        "/v1/fine_tuning/jobs/a%3Flimit=1",
        "/v1/fine_tuning/jobs/a%23b",
        "/v1/fine_tuning/jobs/a%252Fb",
        "/v1/fine_tuning/jobs/..%252F..",
        "/v1/fine_tuning/jobs/a%0D%0AX:%20y",
    ]


@pytest.mark.parametrize("key", ["gateway-0123456789abcdef", "AKIA0123456789", "sk-0123456789abcdef"])
async def test_a_key_echoed_by_the_api_is_redacted_in_any_form(api: FineTuningApi, key: str) -> None:
    api.faults.add("*", Fault("answer", status=401, body={"error": {"message": f"Incorrect API key: {key}."}}))
    async with client_of(api.base_url, deadline=MAX_WAIT, key=SecretStr(key)) as client:
        with pytest.raises(AccessDenied) as caught:
            await client.list_jobs()
    assert str(caught.value).startswith("Incorrect API key: ")
    assert key not in str(caught.value)
    assert_no_secret(caught.value)


def test_an_account_shows_no_key() -> None:
    account = Account("a", "https://x/v1", SecretStr(READ_KEY), SecretStr(WRITE_KEY))
    assert READ_KEY not in f"{account!r} {account!s}"
    assert WRITE_KEY not in f"{account!r} {account!s}"


def test_an_account_is_named_after_its_project() -> None:
    assert Account("a", "https://x/v1", SecretStr("k"), project="proj_1").display_name == "project `proj_1`"
    assert Account("a", "https://x/v1", SecretStr("k")).display_name == "your project"


# --- counting ---


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"account": "test"} | labels) or 0.0


async def test_broken_items_and_responses_are_counted(api: FineTuningApi, client: Client) -> None:
    broken, answers = counted("ftjob_invalid_jobs_total"), counted(*_ANSWERS[0], **_ANSWERS[1])
    api.faults.add(f"GET {JOBS}", Fault("answer", status=200, body=list_body(None, job_body(), {"id": ""})))
    page = await client.list_jobs()
    assert (len(page.fetched), page.broken) == (1, 2)
    assert counted("ftjob_invalid_jobs_total") == broken + 2
    assert counted(*_ANSWERS[0], **_ANSWERS[1]) == answers + 1


_ANSWERS = (("ftjob_provider_requests_total",), {"method": "GET", "status": "200"})


# --- connections ---


async def test_one_connection_serves_many_requests() -> None:
    api = new_api()
    watch = RequestRecorder(api)
    async with api, client_of(api.base_url, deadline=MAX_WAIT) as client:
        job = api.add_job(status="running")
        for _ in range(5):
            for what in CALLS[:3]:
                await call(client, what, job)
        await client.execute(JobAction.CANCEL, job)
        assert len(watch.requests) == 16
        assert len(watch.peers) == 1


async def test_concurrent_requests_share_twenty_connections() -> None:
    api = new_api(latency=0.01)
    watch = RequestRecorder(api)
    async with api, client_of(api.base_url, deadline=MAX_WAIT) as client:
        job = api.add_job()
        await asyncio.gather(*(client.retrieve(job) for _ in range(100)))
        assert len(watch.requests) == 100
        assert 2 <= len(watch.peers) <= 20


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    body = ok_response(b'{"object": "list", "data": [], "has_more": false}')
    async with RawServer(responds(body, then_close=True)) as server, client_of(server.base_url) as client:
        for _ in range(3):
            assert (await client.list_jobs()).fetched == ()
        assert server.requests == 3


async def test_two_hundred_requests_half_of_them_cut_short_leave_no_connection_behind() -> None:
    dice = random.Random(7)  # noqa: S311 - moments, not secrets
    answer = ok_response(b'{"id": "ftjob-1"}')

    async def talk(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(dice.uniform(0, 0.02))
        writer.write(answer)

    async def one(client: Client, number: int) -> FetchedJob | BaseException:
        task = asyncio.create_task(client.retrieve("ftjob-1"))
        if number % 2:
            asyncio.get_running_loop().call_later(dice.uniform(0, 0.1), task.cancel)
        return (await asyncio.gather(task, return_exceptions=True))[0]

    async with RawServer(talk) as server:
        async with client_of(server.base_url, deadline=MAX_WAIT) as client:
            ends = await asyncio.gather(*(one(client, number) for number in range(200)))
            assert all(isinstance(end, FetchedJob) for end in ends[::2])
            cut = [end for end in ends[1::2] if isinstance(end, asyncio.CancelledError)]
            assert len(cut) >= 30
            # A leak of one connection for each would have used up the pool of 20 by now.
            again = await asyncio.gather(*(client.retrieve("ftjob-1") for _ in range(60)))
            assert len(again) == 60
            assert server.open_connections <= 20
        await server.until_disconnected()


async def test_checkpoints_and_the_bytes_of_a_file_are_read(api: FineTuningApi) -> None:
    job = api.add_job(status="running")
    names = [api.add_checkpoint(job, step) for step in (1, 2, 3)]
    content = bytes(range(256))
    file = api.add_file(content, purpose="fine-tune-results")
    api.keys[READ_KEY] = ApiKey("watch", frozenset({JOBS_READ, FILES_READ}))
    async with client_of(api.base_url, deadline=MAX_WAIT) as client:
        newest = await client.checkpoints(job, limit=2)
        assert [each.fine_tuned_model_checkpoint for each in newest] == [names[2], names[1]]
        (oldest,) = await client.checkpoints(job, after=newest[-1].id)
        assert (oldest.fine_tuned_model_checkpoint, oldest.step_number) == (names[0], 1)
        assert await client.file_content(file) == content
        with pytest.raises(NotFound):
            await client.file_content("file-nope")


async def test_a_file_that_the_key_may_not_read_names_the_scope(api: FineTuningApi, client: Client) -> None:
    file = api.add_file(b"step\n", purpose="fine-tune-results")
    with pytest.raises(AccessDenied) as caught:
        await client.file_content(file)
    assert caught.value.missing_scope == FILES_READ
    assert_no_secret(caught.value)
