"""The OpenAI dialect, with literals: what is asked, and how the answers are read."""

from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

from bot.errors import InvalidResponse, MismatchedResponse, NotFound, ProviderError
from bot.jobs.actions import JobAction
from bot.providers.http.wire import Page, Request
from tests.builders import JOB, NOW, answer, job_body, list_body
from tests.jobs.openapi import example
from tests.providers.dialects import Spoken

OPENAI = Spoken()
BROKEN: list[Any] = [None, 5, "ftjob-x", [], {}, {"id": ""}, {"id": None}, {"id": 7}, {"object": "fine_tuning.job"}]


def read_page(body: Any, after: str | None = None) -> Page:
    return OPENAI.read_jobs(answer(body), now=NOW, after=after)


def ids(page: Page) -> list[str]:
    return [reading.snapshot.id for reading in page.fetched]


# --- requests ---


@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        (OPENAI.first_page(), Request("GET", "/fine_tuning/jobs", (("limit", "100"),))),
        (
            OPENAI.first_page(after="ftjob-9", limit=5, metadata={"team": "a&b", "env": "x"}),
            Request(
                "GET",
                "/fine_tuning/jobs",
                (("limit", "5"), ("after", "ftjob-9"), ("metadata[team]", "a&b"), ("metadata[env]", "x")),
            ),
        ),
        (OPENAI.retrieve_job(JOB), Request("GET", f"/fine_tuning/jobs/{JOB}")),
        (OPENAI.retrieve_job("../files"), Request("GET", "/fine_tuning/jobs/..%2Ffiles")),
        (OPENAI.job_action(JobAction.CANCEL, JOB), Request("POST", f"/fine_tuning/jobs/{JOB}/cancel")),
        (OPENAI.list_events(JOB), Request("GET", f"/fine_tuning/jobs/{JOB}/events", (("limit", "20"),))),
    ],
)
def test_a_read_is_one_request(asked: Request, request_: Request) -> None:
    assert asked == request_


@pytest.mark.parametrize("job_id", ["", ".", ".."])
def test_no_request_is_built_for_a_dot_segment(job_id: str) -> None:
    for ask in (OPENAI.retrieve_job, partial(OPENAI.job_action, JobAction.CANCEL), OPENAI.list_events, OPENAI.job_page):
        with pytest.raises(NotFound):
            ask(job_id)


def test_the_url_of_a_job_is_its_web_page() -> None:
    assert OPENAI.job_page(JOB) == f"https://platform.openai.com/finetune/{JOB}"
    assert OPENAI.job_page("a/../b?c") == "https://platform.openai.com/finetune/a%2F..%2Fb%3Fc"


# --- pages ---


def test_a_page_is_its_jobs_and_the_cursor_of_the_next() -> None:
    page = read_page(list_body(job_body(id="ftjob-3"), job_body(id="ftjob-2"), has_more=True))
    assert (ids(page), page.broken, page.after) == (["ftjob-3", "ftjob-2"], 0, "ftjob-2")


def test_the_last_page_has_no_cursor() -> None:
    assert read_page(list_body(job_body())).after is None
    assert read_page(list_body()).after is None


@pytest.mark.parametrize("has_more", [None, 0, "yes", "true", 1, [True]])
def test_only_a_true_has_more_is_more(has_more: Any) -> None:
    assert read_page({"data": [job_body()], "has_more": has_more}).after is None
    assert read_page({"data": [job_body()]}).after is None


def test_a_cursor_that_does_not_move_ends_the_list() -> None:
    body = list_body(job_body(id="ftjob-3"), job_body(id="ftjob-2"), has_more=True)
    assert read_page(body, after="ftjob-2").after is None
    assert read_page(body, after="ftjob-3").after == "ftjob-2"


def test_an_empty_page_that_promises_more_ends_the_list() -> None:
    assert read_page(list_body(has_more=True), after="ftjob-2").after is None


def test_broken_items_are_counted_and_lose_only_themselves() -> None:
    page = read_page(list_body(job_body(id="ftjob-2"), *BROKEN, job_body(id="ftjob-1"), has_more=True))
    assert (ids(page), page.broken, page.after) == (["ftjob-2", "ftjob-1"], len(BROKEN), "ftjob-1")


def test_the_cursor_passes_over_a_broken_last_item() -> None:
    assert read_page(list_body(job_body(id="ftjob-2"), None, has_more=True)).after == "ftjob-2"


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {}}, {"data": "ftjob-1"}, {"data": 5}])
def test_a_list_without_a_list_is_broken(body: Any) -> None:
    for read in (OPENAI.read_jobs, OPENAI.read_events):
        with pytest.raises(InvalidResponse) as caught:
            read(answer(body, x_request_id="req_7"), now=NOW)
        assert caught.value.request_id == "req_7"


@pytest.mark.parametrize("name", ["job.list.json", "wire.200.list.json"])
def test_the_example_lists_are_read_whole(name: str) -> None:
    body = example(name)
    page = read_page(body)
    assert ids(page) == [item["id"] for item in body["data"]]
    assert (page.broken, page.after) == (0, page.fetched[-1].snapshot.id if body["has_more"] else None)


# --- one job ---


def test_the_requested_job_is_read_in_full() -> None:
    reading = OPENAI.read_job(answer(job_body(status="failed")), JOB, now=NOW)
    assert (reading.snapshot.status, reading.job.model) == ("failed", "gpt-4o-mini-2024-07-18")


@pytest.mark.parametrize("body", [job_body(id="ftjob-other"), job_body(id=JOB.upper()), {"id": None}, {}, list_body()])
def test_a_response_with_another_job_is_rejected(body: Any) -> None:
    with pytest.raises(InvalidResponse) as caught:
        OPENAI.read_job(answer(body, x_request_id="req_7"), JOB, now=NOW)
    assert caught.value.request_id == "req_7"
    assert "ftjob-other" not in str(caught.value)


@pytest.mark.parametrize(
    ("ours", "theirs", "foreign"),
    [
        ("org-123", "org-123", False),
        ("org-123", "org-9", True),
        ("org-123", None, False),
        (None, "org-9", False),
        ("acme", "org-9", False),
        ("org-123", "acme", False),
    ],
)
def test_a_job_of_another_organization_is_rejected_where_both_are_known_by_id(
    ours: str | None, theirs: str | None, *, foreign: bool
) -> None:
    job = answer(job_body(organization_id=theirs))
    with pytest.raises(MismatchedResponse) if foreign else nullcontext():
        Spoken(organization=ours).read_job(job, JOB, now=NOW)
    listed = answer(list_body(job_body(organization_id=theirs), has_more=True))
    page = Spoken(organization=ours).read_jobs(listed, now=NOW)
    assert (len(page.fetched), page.foreign, page.broken) == ((0, 1, 0) if foreign else (1, 0, 0))
    assert page.after == JOB, "the next page is asked for all the same"


# --- events ---


@pytest.mark.parametrize("name", ["event.list.json", "azure.event.list.json"])
def test_events_come_oldest_first_whatever_their_order(name: str) -> None:
    body = example(name)
    events = OPENAI.read_events(answer(body), now=NOW)
    assert len(events) == len(body["data"])
    times = [event.created_at for event in events]
    assert times == sorted(item["created_at"] for item in body["data"])


def test_invalid_lines_are_left_out() -> None:
    events = OPENAI.read_events(answer(list_body({"message": "b"}, None, 5, "x", [], {"message": "a"})), now=NOW)
    assert [event.message for event in events] == ["a", "b"]


def test_lines_of_one_second_that_came_newest_first_are_reversed() -> None:
    lines = [{"message": text, "created_at": 5} for text in "cba"]
    assert [event.message for event in OPENAI.read_events(answer(list_body(*lines)), now=NOW)] == ["a", "b", "c"]


def test_every_read_function_passes_an_error_on() -> None:
    refused = answer("", 404)
    for read in (
        lambda: OPENAI.read_jobs(refused, now=NOW),
        lambda: OPENAI.read_job(refused, JOB, now=NOW),
        lambda: OPENAI.read_events(refused, now=NOW),
    ):
        with pytest.raises(ProviderError) as caught:
            read()
        assert type(caught.value) is NotFound
