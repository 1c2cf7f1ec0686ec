"""Who may ask the stand-in API what, and how it lists jobs; every answer is held to the specification."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.openai.api.keys import FILES_READ, JOBS_READ, JOBS_WRITE, MODELS_READ, PERMISSIONS, ApiKey
from bot.sandbox.openai.server import FineTuningApi
from tests.sandbox.openai.contract import Caller, Clock, example, held_to_the_contract, ids, nameless, routes

JOBS = "/fine_tuning/jobs"
UNKNOWN = "ftjob-000000000000000000000000"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def api(clock: Clock) -> AsyncIterator[FineTuningApi]:
    async with held_to_the_contract(clock) as running:
        yield running


@pytest.fixture
async def call(api: FineTuningApi) -> AsyncIterator[Caller]:
    async with Caller(api) as caller:
        yield caller


# --- the specification ---


def served(api: FineTuningApi) -> set[str]:
    """Return every route of the stand-in, with nameless path parameters."""
    known = (route for route in api.app.router.routes() if route.resource and route.method != "*")
    return {nameless(f"{route.method} {route.resource.canonical[3:]}") for route in known if route.resource}


async def test_every_route_of_the_specification_is_served(api: FineTuningApi) -> None:
    assert served(api) == routes()


async def test_an_unknown_path_is_an_invalid_url(call: Caller) -> None:
    status, body = await call("GET", "/fine_tuning/nothing")
    assert (status, body["error"]["message"]) == (404, "Invalid URL (GET /v1/fine_tuning/nothing)")


async def test_every_answer_carries_the_headers_of_the_service(call: Caller) -> None:
    await call("GET", JOBS)
    headers = call.headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-processing-ms"].isdigit()


async def test_a_refusal_carries_a_request_id_too(call: Caller) -> None:
    await call("GET", f"{JOBS}/{UNKNOWN}")
    assert call.headers["x-request-id"].startswith("req_")


# --- keys ---


async def test_a_request_without_a_key_is_refused(call: Caller) -> None:
    status, body = await call("GET", JOBS, key="")
    assert (status, body["error"]["code"]) == (401, None)


async def test_a_wrong_key_is_refused_in_the_words_of_the_contract(call: Caller) -> None:
    assert (401, example("error.401.invalid_api_key.json")) == await call("GET", JOBS, key="sk-wrong")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", JOBS, JOBS_READ),
        ("POST", JOBS, JOBS_WRITE),
        ("GET", f"{JOBS}/{UNKNOWN}", JOBS_READ),
        ("POST", f"{JOBS}/{UNKNOWN}/cancel", JOBS_WRITE),
        ("POST", f"{JOBS}/{UNKNOWN}/pause", JOBS_WRITE),
        ("POST", f"{JOBS}/{UNKNOWN}/resume", JOBS_WRITE),
        ("GET", f"{JOBS}/{UNKNOWN}/events", JOBS_READ),
        ("GET", f"{JOBS}/{UNKNOWN}/checkpoints", JOBS_READ),
        ("GET", "/files", FILES_READ),
        ("GET", "/models", MODELS_READ),
        ("GET", "/fine_tuning/checkpoints/ft:x/permissions", PERMISSIONS),
    ],
)
async def test_a_key_without_the_scope_is_refused_with_401(
    api: FineTuningApi, call: Caller, method: str, path: str, scope: str
) -> None:
    api.keys["sk-none"] = ApiKey("nobody", frozenset())
    status, body = await call(method, path, key="sk-none")
    assert status == 401
    assert f"Missing scopes: {scope}." in body["error"]["message"]


async def test_a_reading_key_may_not_cancel_and_changes_nothing(api: FineTuningApi, call: Caller) -> None:
    api.keys["sk-read"] = ApiKey("reader", frozenset({JOBS_READ}))
    job_id = api.add_job()
    assert (await call("POST", f"{JOBS}/{job_id}/cancel", key="sk-read"))[0] == 401
    assert api.jobs[job_id]["status"] == "queued"


async def test_a_job_of_another_project_does_not_exist(api: FineTuningApi, call: Caller) -> None:
    api.keys["sk-other"] = ApiKey("other", project="proj_other")
    job_id = api.add_job()
    assert (await call("GET", f"{JOBS}/{job_id}", key="sk-other"))[0] == 404
    assert ids((await call("GET", JOBS, key="sk-other"))[1]) == []


async def test_requests_above_the_rate_meet_429_until_a_minute_has_passed(
    api: FineTuningApi, call: Caller, clock: Clock
) -> None:
    api.api_keys.per_minute = 2
    await call("GET", JOBS)
    clock.now += 20
    await call("GET", JOBS)
    assert (429, example("error.429.rate_limited.json")) == await call("GET", JOBS)
    assert call.headers["retry-after"] == "40"
    clock.now += 40
    assert (await call("GET", JOBS))[0] == 200


# --- lists ---


async def test_the_newest_job_comes_first_and_the_page_has_twenty(api: FineTuningApi, call: Caller) -> None:
    made = [api.add_job() for _ in range(21)]
    status, body = await call("GET", JOBS)
    assert status == 200
    assert made[:0:-1] == ids(body)
    assert {"object", "data", "has_more"} == set(body)
    assert body["has_more"] is True


async def test_pages_follow_each_other_without_gap_or_repeat(api: FineTuningApi, call: Caller) -> None:
    made = [api.add_job() for _ in range(7)]
    seen: list[str] = []
    more, after = True, dict[str, str]()
    while more:
        _, body = await call("GET", JOBS, limit="3", **after)
        seen += ids(body)
        more, after = body["has_more"], {"after": seen[-1]}
    assert made[::-1] == seen


async def test_a_later_job_is_never_older(api: FineTuningApi, clock: Clock) -> None:
    first = api.add_job()
    clock.now -= 100
    second = api.add_job()
    assert api.jobs[first]["created_at"] <= api.jobs[second]["created_at"]


async def test_a_job_that_was_taken_out_is_unknown_and_leaves_the_list(api: FineTuningApi, call: Caller) -> None:
    stays, goes = api.add_job(), api.add_job()
    del api.jobs[goes]
    assert [stays] == ids((await call("GET", JOBS))[1])
    assert (await call("GET", f"{JOBS}/{goes}"))[0] == 404


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "1.5", "", "9" * 5000])
async def test_a_limit_that_is_not_a_positive_integer_is_refused(call: Caller, limit: str) -> None:
    status, body = await call("GET", JOBS, limit=limit)
    assert (status, body["error"]["param"]) == (400, "limit")


@pytest.mark.parametrize("path", [JOBS, "/files"])
async def test_an_unknown_cursor_is_refused(call: Caller, path: str) -> None:
    status, body = await call("GET", path, after=UNKNOWN)
    assert (status, body["error"]["param"]) == (400, "after")


async def test_jobs_can_be_chosen_by_all_of_several_metadata_pairs(api: FineTuningApi, call: Caller) -> None:
    both = api.add_job(metadata={"team": "ml", "run": "7", "more": "x"})
    api.add_job(metadata={"team": "ml"})
    api.add_job()
    _, body = await call("GET", JOBS, **{"metadata[team]": "ml", "metadata[run]": "7"})
    assert [both] == ids(body)


async def test_jobs_without_metadata_can_be_chosen(api: FineTuningApi, call: Caller) -> None:
    api.add_job(metadata={"team": "ml"})
    plain = api.add_job()
    assert [plain] == ids((await call("GET", JOBS, metadata="null"))[1])
