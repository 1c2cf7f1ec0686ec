"""Jobs as they were really answered, read whole; and the odd spellings of "nothing" one by one."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot.jobs.models import Event, Job, JobError, Snapshot, job_name, model_suffix
from tests.builders import job_body
from tests.jobs.openapi import example, example_jobs, validator

EXAMPLES = example_jobs()
REFERENCE = (
    "id object created_at finished_at error fine_tuned_model hyperparameters model organization_id result_files status"
    " trained_tokens training_file validation_file integrations seed metadata method estimated_finish"
).split()
"""The properties of the reference class, and ``estimated_finish``."""


def test_there_are_23_example_jobs_from_three_sources() -> None:
    assert len(EXAMPLES) == 23
    assert sum(name.startswith("azure.") for name in EXAMPLES) == 4
    assert sum(name.startswith("wire.") for name in EXAMPLES) == 5


def test_all_examples_but_one_break_the_specification_so_that_a_strict_model_would_lose_them() -> None:
    assert [name for name, body in EXAMPLES.items() if validator("FineTuningJob").is_valid(body)] == [
        "synthetic.job.failed.json[0]"
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_parses_as_a_job_and_as_a_snapshot(name: str) -> None:
    body = EXAMPLES[name]
    job, snapshot = Job.model_validate(body), Snapshot.model_validate(body)
    assert (job.id, job.status) == (body["id"], body["status"])
    assert snapshot.model_dump() == job.model_dump(include=set(Snapshot.model_fields))
    assert job.fine_tuned_model == (body.get("fine_tuned_model") or None)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loses_nothing_that_it_says(name: str) -> None:
    body = EXAMPLES[name]
    job = Job.model_validate(body)
    for field, value in body.items():
        if value and field not in ("organisation_id", "error", "integrations", "estimated_finish"):
            assert getattr(job, field) == value, field
    assert job.organization_id == (body.get("organization_id") or body.get("organisation_id"))
    assert len(job.integrations) == len(body.get("integrations") or [])


def test_the_model_has_every_property_of_the_reference_class() -> None:
    assert len(REFERENCE) == 19
    assert set(REFERENCE) <= set(Job.model_fields)


def test_a_job_needs_nothing_but_an_id() -> None:
    job = Job.model_validate({"id": "ftjob-1"})
    assert (job.status, job.error, job.result_files, job.integrations) == ("unknown", None, [], [])
    assert [getattr(job, name) for name in ("created_at", "trained_tokens", "hyperparameters", "seed")] == [None] * 4
    assert not job.is_final


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": None}, {"id": 7}, {"id": ["ftjob-1"]}, {"id": "x" * 201}])
def test_without_a_usable_id_it_is_no_job(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Job.model_validate(body)
    with pytest.raises(ValidationError):
        Snapshot.model_validate(body)


@pytest.mark.parametrize("value", [0, "", None, -1, True, "1790000000", [], {}, 1e18, float("nan"), float("inf")])
def test_what_is_no_time_is_no_time(value: Any) -> None:
    job = Job.model_validate(job_body(created_at=value, finished_at=value, estimated_finish=value))
    assert (job.created_at, job.finished_at, job.estimated_finish) == (None, None, None)


@pytest.mark.parametrize("value", ["", None, -1, True, "5", [], {}, 2**63, 1e300, float("nan"), float("-inf")])
def test_what_is_no_count_is_no_count(value: Any) -> None:
    job = Job.model_validate(job_body(trained_tokens=value, seed=value))
    assert (job.trained_tokens, job.seed) == (None, None)


def test_zero_tokens_are_a_count() -> None:
    assert Job.model_validate(job_body(trained_tokens=0)).trained_tokens == 0


@pytest.mark.parametrize("value", [None, "", {}, [], 0, False, {"code": None, "message": None, "param": None}, 5])
def test_an_error_that_says_nothing_is_none(value: Any) -> None:
    assert Job.model_validate(job_body(error=value)).error is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("out of money", JobError(message="out of money")),
        ({"code": "invalid_training_file"}, JobError(code="invalid_training_file")),
        ({"code": 429, "message": "slow down"}, JobError(message="slow down")),
        ({"message": "bad", "param": "training_file"}, JobError(message="bad", param="training_file")),
    ],
)
def test_an_error_keeps_what_it_says(value: Any, expected: JobError) -> None:
    assert Job.model_validate(job_body(error=value)).error == expected


def test_an_error_does_not_make_a_job_failed() -> None:
    job = Job.model_validate(job_body(status="running", error={"message": "retrying"}))
    assert not job.is_final


@pytest.mark.parametrize("value", [None, 5, "", "x" * 41, ["running"], {}])
def test_a_status_that_is_no_word_is_unknown(value: Any) -> None:
    assert Job.model_validate(job_body(status=value)).status == "unknown"


def test_a_status_that_nobody_knows_survives_as_text_and_is_not_final() -> None:
    snapshot = Snapshot.model_validate(job_body(status="Defragmenting"))
    assert (snapshot.status, snapshot.is_final) == ("Defragmenting", False)


def test_the_british_spelling_of_the_organisation_is_read() -> None:
    body = job_body(organisation_id="org-uk")
    del body["organization_id"]
    assert Job.model_validate(body).organization_id == "org-uk"


def test_lists_keep_what_fits_and_drop_the_rest() -> None:
    job = Job.model_validate(job_body(result_files=["file-1", None, 2], integrations=[{"type": "wandb"}, "x", None]))
    assert (job.result_files, job.integrations) == (["file-1"], [{"type": "wandb"}])
    nothing = Job.model_validate(job_body(result_files=None, integrations=None))
    assert (nothing.result_files, nothing.integrations) == ([], [])


def test_fields_that_nobody_has_heard_of_are_kept() -> None:
    job = Job.model_validate(job_body(usage_metrics={"a": 1}, model_config="mine", is_final="no"))
    assert job.model_extra == {"usage_metrics": {"a": 1}, "model_config": "mine", "is_final": "no"}
    assert job.is_final is False


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "succeeded", "created_at": 100, "finished_at": 160}, 60.0),
        ({"status": "succeeded", "created_at": 160, "finished_at": 100}, 0.0),
        ({"status": "succeeded", "created_at": 100, "finished_at": None}, None),
        ({"status": "succeeded", "created_at": None, "finished_at": 100}, None),
        ({"status": "paused", "created_at": 100, "finished_at": 160}, None),
    ],
)
def test_how_long_a_job_took_is_known_once_it_is_over(fields: dict[str, Any], expected: float | None) -> None:
    assert Job.model_validate(job_body(**fields)).duration() == expected


@pytest.mark.parametrize("name", ["event.list.json", "azure.event.list.json"])
def test_every_example_event_parses(name: str) -> None:
    items = example(name)["data"]
    assert len(items) >= 2
    for item in items:
        event = Event.model_validate(item)
        assert (event.id, event.message, event.created_at) == (item["id"], item["message"], item["created_at"])


def test_an_event_without_anything_is_a_line_of_information() -> None:
    event = Event.model_validate({"level": None, "message": None, "data": None})
    assert (event.level, event.message, event.data, event.created_at) == ("info", "", None, None)


@pytest.mark.parametrize("key", ["sk-proj-0123456789abcdef", "xoxb-0123456789-abcdef"])
def test_a_key_that_an_error_or_a_log_line_repeats_is_not_kept(key: str) -> None:
    said = f"Incorrect API key provided: {key} for wandb"
    errors = [Snapshot.model_validate({"id": "x", "error": error}).error for error in ({"message": said}, said)]
    told = [error.message for error in errors if error] + [Event.model_validate({"message": said}).message]
    assert told == [f"Incorrect API key provided: {key[: key.index('-')]}-... for wandb"] * 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"metadata": {"name": " ranker "}, "suffix": "search"}, "ranker"),
        ({"metadata": {"name": ""}, "suffix": "search"}, "search"),
        ({"user_provided_suffix": "search"}, "search"),
        ({"fine_tuned_model": "ft:gpt-4o-mini-2024-07-18:acme:search:AbC123"}, "search"),
        ({"fine_tuned_model": "ft:gpt-4o-mini-2024-07-18:acme::AbC123"}, None),
        ({"metadata": {"name": 7}, "suffix": None, "user_provided_suffix": []}, None),
        ({}, None),
    ],
)
def test_a_job_is_called_by_its_name_or_its_suffix(fields: dict[str, object], expected: str | None) -> None:
    assert job_name(Job.model_validate({"id": "ftjob-abc123", **fields})) == expected


@pytest.mark.parametrize("model", [None, "", "gpt-4o", "ft:a:b:c", "xx:a:b:c:d", "ft:a:b:c:d:e"])
def test_a_model_of_another_shape_has_no_suffix(model: str | None) -> None:
    assert model_suffix(model) is None
