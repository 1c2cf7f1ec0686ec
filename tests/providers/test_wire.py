"""What an answer means, with literal answers."""

import math
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import from_json

from bot.errors import (
    AccessDenied,
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    RequestRejected,
    TrainingClosed,
    Unreachable,
)
from bot.providers.http.refusals import QUOTA_PAUSE, retry_after
from bot.providers.http.wire import Request, Response, fetched_job, json_of, path_segment
from tests.builders import JOB, NOW, answer, error_body, job_body
from tests.jobs.openapi import JSON
from tests.jobs.openapi import example as example_of

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"

ERRORS: dict[str, tuple[Response, type[ProviderError], str]] = {
    "400": (answer(error_body("Job cannot be cancelled"), 400), RequestRejected, "Job cannot be cancelled"),
    "400 html": (answer(HTML, 400), RequestRejected, "HTTP 400"),
    "401": (answer(error_body("Incorrect API key", code="invalid_api_key"), 401), AccessDenied, "Incorrect API key"),
    "401 without a body": (answer("", 401), AccessDenied, "HTTP 401"),
    "403": (answer(error_body("Not here"), 403), AccessDenied, "Not here"),
    "404": (answer(error_body("Could not find fine tune: 123"), 404), NotFound, "Could not find fine tune: 123"),
    "404 html": (answer(HTML, 404), NotFound, "HTTP 404"),
    "408": (answer("", 408), Unreachable, "HTTP 408"),
    "409": (answer(error_body("conflict"), 409), RequestRejected, "conflict"),
    "422": (answer(error_body("no"), 422), RequestRejected, "no"),
    "429": (answer(error_body("Slow down"), 429), RateLimited, "Slow down"),
    "500": (answer(error_body("The server had an error", kind="server_error"), 500), Unreachable, "The server had"),
    "502 html": (answer(HTML, 502), Unreachable, "HTTP 502"),
    "503 html": (answer(HTML, 503), Unreachable, "HTTP 503"),
    "599": (answer("", 599), Unreachable, "HTTP 599"),
    "202": (answer(job_body(), 202), InvalidResponse, "Unexpected HTTP status 202"),
    "204": (answer("", 204), InvalidResponse, "Unexpected HTTP status 204"),
    "302": (answer("", 302, location="https://evil.example/"), InvalidResponse, "Unexpected HTTP status 302"),
    "200 html": (answer(HTML), InvalidResponse, "a JSON object"),
    "200 empty": (answer(""), InvalidResponse, "a JSON object"),
    "200 cut": (answer('{"id": "ftjob-a'), InvalidResponse, "a JSON object"),
    "200 list": (answer([job_body()]), InvalidResponse, "a JSON object"),
    "200 null": (answer("null"), InvalidResponse, "a JSON object"),
    "200 not UTF-8": (answer(b'{"id": "\xff"}'), InvalidResponse, "a JSON object"),
    "200 too deep": (answer("[" * 100_000), InvalidResponse, "a JSON object"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_unsuccessful_response_is_its_error(name: str) -> None:
    bad, kind, said = ERRORS[name]
    with pytest.raises(ProviderError) as caught:
        json_of(bad, now=NOW)
    assert type(caught.value) is kind
    assert said in str(caught.value)


def test_a_successful_response_is_its_json_object() -> None:
    assert json_of(answer(job_body()), now=NOW) == job_body()


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_after_a_server_error_the_request_may_have_taken_effect(status: int) -> None:
    with pytest.raises(Unreachable) as caught:
        json_of(answer(HTML, status), now=NOW)
    assert caught.value.may_have_executed is True


@pytest.mark.parametrize("name", [name for name in ERRORS if not name.startswith("200 not")])
def test_every_error_keeps_the_id_of_the_request(name: str) -> None:
    bad, _, _ = ERRORS[name]
    with pytest.raises(ProviderError) as caught:
        json_of(Response(bad.status, {"x-request-id": "req_1", "apim-request-id": "other"}, bad.body), now=NOW)
    assert caught.value.request_id == "req_1"


def test_azures_request_id_is_kept_where_there_is_no_other() -> None:
    assert answer(apim_request_id="a-1").request_id == "a-1"
    assert answer().request_id is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "just words"}, "just words"),
        (error_body({"nested": "object"}), "HTTP 400"),
        (error_body(None), "HTTP 400"),
        (error_body(5), "HTTP 400"),
        ({"error": None}, "HTTP 400"),
        ({"error": ["x"]}, "HTTP 400"),
        ({"code": 5, "message": "As Google says it."}, "As Google says it."),
        ([], "HTTP 400"),
        ("null", "HTTP 400"),
    ],
)
def test_any_error_envelope_gives_a_sentence(body: Any, said: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        json_of(answer(body, 400), now=NOW)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        ("You may not. Missing scopes: api.fine_tuning.jobs.write. Check that", "api.fine_tuning.jobs.write"),
        ("Missing scopes: api.files.read, api.model.read", "api.files.read"),
        ("Missing scopes: api.fine_tuning.jobs.read", "api.fine_tuning.jobs.read"),
        ("missing scope: api.files.read", "api.files.read"),
        ("Incorrect API key provided.", None),
        ("Missing scopes: ", None),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_the_scope_that_a_key_lacks_is_named(message: str, scope: str | None, status: int) -> None:
    with pytest.raises(AccessDenied) as caught:
        json_of(answer(error_body(message), status), now=NOW)
    assert caught.value.missing_scope == scope


@pytest.mark.parametrize(
    "key", ["sk-proj-abc_DEF-123", "sk-abc***xyz", "xoxb-1-2-abc", "xapp-1-A-2", "whsec_abcdef", "sk-svcacct-x"]
)
def test_a_key_echoed_by_the_api_is_redacted(key: str) -> None:
    with pytest.raises(AccessDenied) as caught:
        json_of(answer(error_body(f"Incorrect API key provided: {key}. You can find"), 401), now=NOW)
    assert key not in str(caught.value)
    assert key.split("-", 1)[-1].split("_", 1)[-1] not in str(caught.value)
    assert "You can find" in str(caught.value)


def test_an_endless_message_is_cut() -> None:
    with pytest.raises(RequestRejected) as caught:
        json_of(answer(error_body("x" * 100_000), 400), now=NOW)
    assert len(str(caught.value)) == 500


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("error.400.job_not_cancellable.json", 400, RequestRejected),
        ("error.401.invalid_api_key.json", 401, AccessDenied),
        ("error.403.training_not_available.json", 403, TrainingClosed),
        ("error.404.not_found.json", 404, NotFound),
        ("error.429.rate_limited.json", 429, RateLimited),
        ("error.500.server_error.json", 500, Unreachable),
        ("wire.404.retrieve.json", 404, NotFound),
        ("wire.404.cancel.json", 404, NotFound),
        ("wire.404.events.json", 404, NotFound),
    ],
)
def test_an_example_error_is_decoded_with_the_apis_message(name: str, status: int, kind: type[ProviderError]) -> None:
    body = example_of(name)
    with pytest.raises(kind) as caught:
        json_of(answer(body, status), now=NOW)
    assert str(caught.value)[:20] == body["error"]["message"][:20]


# --- how long to wait ---

PAUSES = [
    (None, 1.0),
    ("", 1.0),
    ("0", 1.0),
    ("0.2", 1.0),
    ("7", 7.0),
    ("2.5", 2.5),
    (" 30 ", 30.0),
    ("300", 300.0),
    ("301", 300.0),
    ("86400", 300.0),
    ("-5", 1.0),
    ("nan", 1.0),
    ("inf", 1.0),
    ("-inf", 1.0),
    ("1e400", 1.0),
    ("99999999999999999999", 300.0),
    ("soon", 1.0),
    ("Mon, 21 Sep 2026 14:14:02 GMT", 42.0),
    ("Mon, 21 Sep 2026 16:14:02 +0200", 42.0),
    ("Mon, 21 Sep 2026 14:13:00 GMT", 1.0),
    ("Mon, 21 Sep 2026 23:33:20 GMT", 300.0),
    ("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", 1.0),
    ("Mon, 1 Jan 2026 00:00:00 +99999999999999999999", 1.0),
    ("Mon, 99 Foo 2026 99:99:99 GMT", 1.0),
]


@pytest.mark.parametrize(("header", "seconds"), PAUSES)
def test_retry_after_is_honoured_within_bounds(header: str | None, seconds: float) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert retry_after(headers, NOW) == seconds
    with pytest.raises(RateLimited) as caught:
        json_of(Response(429, headers, b""), now=NOW)
    assert caught.value.retry_after == seconds


@given(st.text() | st.floats().map(str) | st.datetimes().map(format_datetime) | st.integers().map(str))
@example("Mon, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
def test_any_retry_after_gives_a_pause_within_bounds(header: str) -> None:
    seconds = retry_after({"retry-after": header}, NOW)
    assert math.isfinite(seconds)
    assert 1 <= seconds <= 300


def test_a_spent_quota_is_no_rate_limit_and_waits_longest() -> None:
    with pytest.raises(RateLimited) as caught:
        json_of(answer(error_body("You exceeded your quota", code="insufficient_quota"), 429, retry_after="2"), now=NOW)
    assert caught.value.retry_after == QUOTA_PAUSE == 900


# --- parts ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (JOB, JOB),
        ("a/b", "a%2Fb"),
        ("../x", "..%2Fx"),
        ("a?b#c", "a%3Fb%23c"),
        ("ft:a::b", "ft%3Aa%3A%3Ab"),
        ("a%2Fb", "a%252Fb"),
        ("a\r\nb", "a%0D%0Ab"),
        ("\u00e9", "%C3%A9"),
    ],
)
def test_a_path_segment_holds_one_name(text: str, expected: str) -> None:
    assert path_segment(text) == expected


@pytest.mark.parametrize("step", ["", ".", ".."])
def test_a_dot_segment_is_no_name(step: str) -> None:
    with pytest.raises(NotFound):
        path_segment(step)


def test_only_a_get_is_no_action() -> None:
    assert not Request("GET", "/x").needs_write_key
    assert Request("POST", "/x").needs_write_key


def unchanged(item: Any) -> Any:
    return item


@given(JSON)
def test_any_item_is_a_fetched_job_or_none(item: Any) -> None:
    reading = fetched_job(item, unchanged)
    is_job = isinstance(item, dict) and isinstance(item.get("id"), str) and 1 <= len(item["id"]) <= 200
    assert (reading is not None) == is_job


@given(st.binary() | st.text().map(str.encode), st.integers(100, 599))
def test_any_response_is_an_object_or_a_provider_error(body: bytes, status: int) -> None:
    try:
        value = json_of(Response(status, {}, body), now=NOW)
    except ProviderError:
        assert status != 200 or not body.startswith(b"{}")
    else:
        assert (status, value) == (200, from_json(body))


def test_a_fetched_job_keeps_the_whole_body() -> None:
    body = job_body(surprise={"deep": [1]})
    reading = fetched_job(body, unchanged)
    assert reading is not None
    assert reading.body == body
    assert reading.job.model_extra == {"surprise": {"deep": [1]}}
