"""Requests to the stand-in API: keys, scopes, rate limits and pages; every response follows the specification."""

import pytest

from bot.sandbox.openai.api.keys import FILES_READ, JOBS_READ, JOBS_WRITE, MODELS_READ, PERMISSIONS, ApiKey
from bot.sandbox.openai.server import FineTuningApi
from tests.sandbox.clock import Clock
from tests.sandbox.openai.contract import Caller, example, ids, specified_routes, without_parameter_names

JOBS = "/fine_tuning/jobs"
UNKNOWN = "ftjob-000000000000000000000000"


# --- the specification ---


def served(api: FineTuningApi) -> set[str]:
    """Return every route of the stand-in, without the names of path parameters."""
    known = (route for route in api.app.router.routes() if route.resource and route.method != "*")
    return {
        without_parameter_names(f"{route.method} {route.resource.canonical[3:]}") for route in known if route.resource
    }


async def test_every_route_of_the_specification_is_served(api: FineTuningApi) -> None:
    assert served(api) == specified_routes()


async def test_an_unknown_path_is_an_invalid_url(call: Caller) -> None:
    status, body = await call("GET", "/fine_tuning/nothing")
    assert (status, body["error"]["message"]) == (404, "Invalid URL (GET /v1/fine_tuning/nothing)")


async def test_every_response_has_the_services_headers(call: Caller) -> None:
    await call("GET", JOBS)
    headers = call.headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-processing-ms"].isdigit()


async def test_an_error_response_has_a_request_id(call: Caller) -> None:
    await call("GET", f"{JOBS}/{UNKNOWN}")
    assert call.headers["x-request-id"].startswith("req_")


# --- keys ---


async def test_a_request_without_a_key_is_rejected(call: Caller) -> None:
    status, body = await call("GET", JOBS, key="")
    assert (status, body["error"]["code"]) == (401, None)


async def test_a_wrong_key_gets_the_contracts_error(call: Caller) -> None:
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
async def test_a_key_without_the_scope_gets_401(
    api: FineTuningApi, call: Caller, method: str, path: str, scope: str
) -> None:
    api.keys["sk-none"] = ApiKey("nobody", frozenset())
    status, body = await call(method, path, key="sk-none")
    assert status == 401
    assert f"Missing scopes: {scope}." in body["error"]["message"]


async def test_a_read_only_key_cannot_cancel(api: FineTuningApi, call: Caller) -> None:
    api.keys["sk-read"] = ApiKey("reader", frozenset({JOBS_READ}))
    job_id = api.add_job()
    assert (await call("POST", f"{JOBS}/{job_id}/cancel", key="sk-read"))[0] == 401
    assert api.jobs[job_id]["status"] == "queued"


async def test_a_job_of_another_project_is_not_found(api: FineTuningApi, call: Caller) -> None:
    api.keys["sk-other"] = ApiKey("other", project="proj_other")
    job_id = api.add_job()
    assert (await call("GET", f"{JOBS}/{job_id}", key="sk-other"))[0] == 404
    assert ids((await call("GET", JOBS, key="sk-other"))[1]) == []


async def test_requests_above_the_rate_limit_get_429_until_a_minute_has_passed(
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


async def test_jobs_are_newest_first_and_paged_by_twenty(api: FineTuningApi, call: Caller) -> None:
    made = [api.add_job() for _ in range(21)]
    status, body = await call("GET", JOBS)
    assert status == 200
    assert made[:0:-1] == ids(body)
    assert {"object", "data", "has_more"} == set(body)
    assert body["has_more"] is True


async def test_job_pages_have_no_gaps_or_repeats(api: FineTuningApi, call: Caller) -> None:
    made = [api.add_job() for _ in range(7)]
    seen: list[str] = []
    more, after = True, dict[str, str]()
    while more:
        _, body = await call("GET", JOBS, limit="3", **after)
        seen += ids(body)
        more, after = body["has_more"], {"after": seen[-1]}
    assert made[::-1] == seen


async def test_created_at_never_decreases(api: FineTuningApi, clock: Clock) -> None:
    first = api.add_job()
    clock.now -= 100
    second = api.add_job()
    assert api.jobs[first]["created_at"] <= api.jobs[second]["created_at"]


async def test_a_deleted_job_is_not_found_and_not_listed(api: FineTuningApi, call: Caller) -> None:
    stays, goes = api.add_job(), api.add_job()
    del api.jobs[goes]
    assert [stays] == ids((await call("GET", JOBS))[1])
    assert (await call("GET", f"{JOBS}/{goes}"))[0] == 404


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "1.5", "", "9" * 5000])
async def test_a_limit_that_is_not_a_positive_integer_is_rejected(call: Caller, limit: str) -> None:
    status, body = await call("GET", JOBS, limit=limit)
    assert (status, body["error"]["param"]) == (400, "limit")


@pytest.mark.parametrize("path", [JOBS, "/files"])
async def test_an_unknown_cursor_is_rejected(call: Caller, path: str) -> None:
    status, body = await call("GET", path, after=UNKNOWN)
    assert (status, body["error"]["param"]) == (400, "after")


async def test_jobs_can_be_filtered_by_several_metadata_pairs(api: FineTuningApi, call: Caller) -> None:
    both = api.add_job(metadata={"team": "ml", "run": "7", "more": "x"})
    api.add_job(metadata={"team": "ml"})
    api.add_job()
    _, body = await call("GET", JOBS, **{"metadata[team]": "ml", "metadata[run]": "7"})
    assert [both] == ids(body)


async def test_jobs_can_be_filtered_to_those_without_metadata(api: FineTuningApi, call: Caller) -> None:
    api.add_job(metadata={"team": "ml"})
    plain = api.add_job()
    assert [plain] == ids((await call("GET", JOBS, metadata="null"))[1])
