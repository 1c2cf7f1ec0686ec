"""Jobs from the specification's schema and from nowhere: whatever comes, only a job without an id is lost."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import from_json

from bot.jobs.changes import change_between, state_of
from bot.jobs.models import Event, Job, Snapshot
from tests.deep import max_examples
from tests.jobs.openapi import JSON, MAX_ID_LENGTH, schemas, validator, values_of

FIELDS = [*schemas()["FineTuningJob"]["properties"], "organisation_id", "usage_metrics", "is_final", "id "]
HOSTILE = st.fixed_dictionaries({}, optional={"id": JSON} | dict.fromkeys(FIELDS[1:], JSON))
IDS = st.text(min_size=1, max_size=MAX_ID_LENGTH)

seen: list[str] = []
"""One status for each generated job."""


def _check(body: dict[str, Any]) -> Job:
    """Read a body with a good id and return the job, after checking what holds for every job."""
    job, snapshot = Job.model_validate(body), Snapshot.model_validate(body)
    assert job.id == snapshot.id == body["id"]
    assert job.status == snapshot.status
    assert 0 < len(job.status) <= 40
    for time in (job.created_at, job.finished_at, job.estimated_finish):
        assert time is None or (math.isfinite(time) and time > 0)
    for count in (job.trained_tokens, job.seed):
        assert count is None or 0 <= count < 2**63
    taken = job.duration()
    assert taken is None or taken >= 0
    assert change_between(state_of(snapshot), state_of(job)) is None
    return job


MOST = max_examples(1000, 200)


@settings(max_examples=MOST, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(values_of("FineTuningJob"), IDS)
def _a_job_of_the_specification_keeps_its_id_and_status(body: dict[str, Any], job_id: str) -> None:
    body["id"] = job_id
    assert validator("FineTuningJob").is_valid(body)
    job = _check(body)
    assert job.status == body["status"]
    assert job.fine_tuned_model == (body["fine_tuned_model"] or None)
    assert job.metadata == body.get("metadata")
    seen.append(job.status)


def test_jobs_of_the_specification_keep_their_id_and_status() -> None:
    seen.clear()
    _a_job_of_the_specification_keeps_its_id_and_status()
    assert len(seen) >= MOST
    assert set(seen) == set(schemas()["FineTuningJob"]["properties"]["status"]["enum"])


@settings(max_examples=300, deadline=None)
@given(HOSTILE, IDS)
def test_any_json_in_any_field_is_a_job_as_long_as_it_has_an_id(body: dict[str, Any], job_id: str) -> None:
    _check(body | {"id": job_id})


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_only_the_id_can_make_a_job_unreadable(body: dict[str, Any]) -> None:
    has_id = isinstance(body.get("id"), str) and 1 <= len(body["id"]) <= MAX_ID_LENGTH
    if has_id:
        assert Job.model_validate(body).id == body["id"]
        return
    with pytest.raises(ValidationError) as caught:
        Job.model_validate(body)
    assert {problem["loc"] for problem in caught.value.errors()} == {("id",)}


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_anything_at_all_is_a_job_or_a_validation_error(value: Any) -> None:
    for model in (Job, Snapshot, Event):
        try:
            model.model_validate(value)
        except ValidationError:
            assert model is not Event or not isinstance(value, dict)


@settings(max_examples=100, deadline=None)
@given(HOSTILE, IDS)
def test_a_job_read_from_bytes_is_the_job_read_from_values(body: dict[str, Any], job_id: str) -> None:
    body["id"] = job_id
    from_bytes = Job.model_validate(from_json(json.dumps(body).encode()))
    assert from_bytes.model_dump_json() == Job.model_validate(body).model_dump_json()
