"""Client when the API fails: each fault, over real connections, is one exact error."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from bot.errors import (
    AccessDenied,
    InvalidResponse,
    MismatchedResponse,
    NotFound,
    ProviderError,
    RateLimited,
    RequestRejected,
    TrainingClosed,
    Unreachable,
)
from bot.providers.http.transport import MAX_PAGE_BYTES
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.processes import free_port
from tests.builders import JOB, error_body
from tests.providers.harness import (
    CALLS,
    CANCEL,
    DEADLINE,
    MAX_WAIT,
    READ_KEY,
    RETRIEVE,
    WRITE_KEY,
    RequestRecorder,
    client_of,
    failure,
    new_api,
)
from tests.providers.raw_server import EndlessBody, RawServer, Responder, drips, ok_response, responds, response_head
from tests.stopwatch import stopwatch

T = TypeVar("T")
HTML = "<html><body>Service Unavailable</body></html>"
MISSING = "You have insufficient permissions. Missing scopes: api.fine_tuning.jobs.write. Check your role."


@dataclass(frozen=True)
class Row:
    """One fault, and what it has to become."""

    fault: Fault
    error: type[ProviderError]
    may_have_executed: bool | None = None
    """What ``Unreachable`` says; None for the other errors."""
    fields: tuple[tuple[str, Any], ...] = ()

    @property
    def waits(self) -> bool:
        """Whether the error comes with the deadline, and not with an answer."""
        return self.fault.kind in ("hang", "late")


def answers(status: int, body: Any = "", headers: Mapping[str, str] | None = None, *, accepted: bool = False) -> Fault:
    return Fault("answer", accepted=accepted, status=status, body=body, headers=headers or {})


FAULTS = {
    "hangs past the deadline": Row(Fault("hang"), Unreachable, may_have_executed=True),
    "hangs after doing it": Row(Fault("hang", accepted=True), Unreachable, may_have_executed=True),
    "answers too late": Row(Fault("late", seconds=3600), Unreachable, may_have_executed=True),
    "drops the connection": Row(Fault("drop"), Unreachable, may_have_executed=True),
    "drops it after doing it": Row(Fault("drop", accepted=True), Unreachable, may_have_executed=True),
    "500 with HTML": Row(answers(500, HTML), Unreachable, may_have_executed=True),
    "503 with HTML": Row(answers(503, HTML), Unreachable, may_have_executed=True),
    "503 after doing it": Row(answers(503, HTML, accepted=True), Unreachable, may_have_executed=True),
    "408": Row(answers(408), Unreachable, may_have_executed=True),
    "429": Row(answers(429, "", {"Retry-After": "7"}), RateLimited, fields=(("retry_after", 7.0),)),
    "429 without end": Row(answers(429, "", {"Retry-After": "9" * 400}), RateLimited, fields=(("retry_after", 300.0),)),
    "401": Row(
        answers(401, error_body("Incorrect API key provided.")), AccessDenied, fields=(("missing_scope", None),)
    ),
    "401 for a scope": Row(
        answers(401, error_body(MISSING)), AccessDenied, fields=(("missing_scope", "api.fine_tuning.jobs.write"),)
    ),
    "403": Row(answers(403, error_body("no", code="training_not_available")), TrainingClosed),
    "403 for a key": Row(answers(403, error_body("no")), AccessDenied),
    "404": Row(answers(404, error_body("Could not find fine tune")), NotFound),
    "400": Row(answers(400, error_body("Job is already over")), RequestRejected),
    "409": Row(answers(409, error_body("conflict")), RequestRejected),
    "200 with HTML": Row(answers(200, HTML), InvalidResponse),
    "200 with nothing": Row(answers(200), InvalidResponse),
    "200 with another job": Row(answers(200, {"id": "ftjob-other", "status": "running"}), MismatchedResponse),
    "204": Row(answers(204), InvalidResponse),
}


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to what is asked again while the machine is too busy for a short deadline."""
    async with asyncio.timeout(MAX_WAIT):
        while True:
            with suppress(Unreachable):
                return await ask()


@pytest.mark.parametrize("warm", [False, True], ids=["new connection", "used connection"])
@pytest.mark.parametrize("what", ["retrieve", "cancel"])
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_the_api_is_the_error_that_says_so(name: str, what: str, *, warm: bool) -> None:
    row, route = FAULTS[name], CANCEL if what == "cancel" else RETRIEVE
    api = new_api()
    watch = RequestRecorder(api)
    async with api, client_of(api.base_url, deadline=DEADLINE if row.waits else MAX_WAIT) as client:
        job = api.add_job(status="running")
        if warm:
            await answered(client.list_jobs)
        api.faults.always(route, row.fault)
        async with asyncio.timeout(MAX_WAIT):
            error = await failure(client, what, job)
        assert type(error) is row.error
        assert getattr(error, "may_have_executed", None) is row.may_have_executed
        assert all(getattr(error, field) == value for field, value in row.fields)
        # An action goes out once, whatever happens; the HTTP library may retry a read once.
        assert watch.count("POST", "/cancel") == (what == "cancel")
        assert watch.count("GET", job) <= 2
        api.faults.clear()
        assert (await answered(lambda: client.retrieve(job))).snapshot.id == job
        done = row.fault.accepted or row.fault.kind == "late"
        assert api.jobs[job]["status"] == ("cancelled" if what == "cancel" and done else "running")


@pytest.mark.parametrize("what", CALLS)
async def test_every_call_meets_faults_alike(api: FineTuningApi, what: str) -> None:
    api.faults.always("*", answers(503, HTML))
    async with client_of(api.base_url) as client:
        error = await failure(client, what, JOB)
    assert (type(error), str(error)) == (Unreachable, "HTTP 503")
    assert (error.request_id or "").startswith("req_")


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_nothing_was_sent_to_a_port_without_a_listener(what: str, scheme: str) -> None:
    async with client_of(f"{scheme}://127.0.0.1:{free_port()}/v1") as client:
        error = await failure(client, what, JOB)
    assert isinstance(error, Unreachable)
    assert error.may_have_executed is False


async def test_nothing_was_sent_to_a_server_without_tls(api: FineTuningApi) -> None:
    async with client_of(api.base_url.replace("http://", "https://")) as client:
        error = await failure(client, "cancel", JOB)
    assert isinstance(error, Unreachable)
    assert error.may_have_executed is False
    assert len(api.request_log) == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("what", ["retrieve", "cancel"])
async def test_a_redirect_is_not_followed_and_no_key_goes_elsewhere(api: FineTuningApi, status: int, what: str) -> None:
    async with FineTuningApi() as elsewhere, client_of(api.base_url) as client:
        place = f"{elsewhere.base_url}/fine_tuning/jobs/{JOB}"
        api.faults.add("*", answers(status, "", {"Location": place}))
        error = await failure(client, what, JOB)
        assert type(error) is InvalidResponse
        assert str(status) in str(error)
        assert (len(api.request_log), len(elsewhere.request_log)) == (1, 0)


# --- what no HTTP library would send ---

GARBAGE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.7\r\n\r\n",
    "a broken status": b"HTTP/1.1 twohundred OK\r\n\r\n",
    "a status line alone": b"HTTP/1.1 200 OK\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nwhat is this\r\n\r\n",
    "two lengths": response_head("Content-Length: 2", "Content-Length: 3") + b"{}",
    "a body that is cut": response_head("Content-Length: 100") + b'{"id": "ftjob-abc123"',
    "chunks that are none": response_head("Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
    "binary": bytes(range(256)) * 10,
    "nothing": b"",
}


@pytest.mark.parametrize("what", ["retrieve", "cancel"])
@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_no_response_and_leaves_an_action_unconfirmed(name: str, what: str) -> None:
    async with RawServer(responds(GARBAGE[name], then_close=True)) as server, client_of(server.base_url) as client:
        async with asyncio.timeout(MAX_WAIT):
            error = await failure(client, what, JOB)
        assert isinstance(error, Unreachable)
        assert error.may_have_executed is True
        assert server.requests == 1 or what == "retrieve"


@pytest.mark.parametrize("what", ["retrieve", "cancel"])
async def test_a_body_sent_byte_by_byte_is_cut_at_the_deadline(what: str) -> None:
    loop = asyncio.get_running_loop()
    async with RawServer(drips(DEADLINE / 10)) as server, client_of(server.base_url, deadline=DEADLINE) as client:
        began = loop.time()
        async with stopwatch() as watch:
            error = await failure(client, what, JOB)
        assert loop.time() - began > DEADLINE * 0.9
        assert watch.seconds < DEADLINE + 1
        assert isinstance(error, Unreachable)
        assert error.may_have_executed is True
        assert f"{DEADLINE:g} s" in str(error)
        await server.until_disconnected()


def chunked(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize(
    "body",
    [
        EndlessBody(f"Content-Length: {2**30}"),
        EndlessBody("Transfer-Encoding: chunked", frame=chunked),
        EndlessBody("Connection: close"),
    ],
    ids=["announced", "in chunks", "until the end"],
)
async def test_a_gigabyte_is_cut_before_it_is_in_memory(body: EndlessBody) -> None:
    async with RawServer(body) as server, client_of(server.base_url, deadline=MAX_WAIT) as client:
        tracemalloc.start()
        try:
            error = await failure(client, "retrieve", JOB)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (type(error), str(error)) == (InvalidResponse, "The response was larger than 8 MB.")
        await server.until_disconnected()
    assert MAX_PAGE_BYTES < body.sent < 4 * MAX_PAGE_BYTES
    assert peak < 3 * MAX_PAGE_BYTES


async def test_the_largest_page_is_still_read() -> None:
    body = b'{"id": "ftjob-abc123", "x": "' + b"x" * (MAX_PAGE_BYTES - 31) + b'"}'
    assert len(body) == MAX_PAGE_BYTES
    async with (
        RawServer(responds(ok_response(body))) as server,
        client_of(server.base_url, deadline=MAX_WAIT) as client,
    ):
        assert (await client.retrieve(JOB)).snapshot.id == JOB


async def test_an_unrequested_compressed_response_is_not_decompressed() -> None:
    bomb = gzip.compress(b" " * 2**26)
    assert len(bomb) < 2**17
    api = new_api()
    watch = RequestRecorder(api)
    async with api, client_of(api.base_url, deadline=MAX_WAIT) as client:
        api.faults.add("*", answers(200, bomb, {"Content-Encoding": "gzip", "Content-Type": "application/json"}))
        tracemalloc.start()
        try:
            error = await failure(client, "list", JOB)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert type(error) is InvalidResponse
    assert watch.requests[0].headers["Accept-Encoding"] == "identity"
    assert peak < 2**22


async def slow_to_notice(writer: asyncio.StreamWriter) -> None:
    writer.write(response_head("Content-Length: 100"))
    await asyncio.Event().wait()


@pytest.mark.parametrize("talk", [slow_to_notice, drips(0.01)], ids=["silent", "dripping"])
async def test_a_canceled_call_releases_its_connection(talk: Responder) -> None:
    async with RawServer(talk) as server, client_of(server.base_url, deadline=MAX_WAIT) as client:
        task = asyncio.create_task(client.retrieve(JOB))
        async with asyncio.timeout(MAX_WAIT):
            await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if talk is not slow_to_notice:
            await server.until_disconnected()


def test_the_two_keys_of_these_tests_differ() -> None:
    assert READ_KEY != WRITE_KEY
