import pytest

from bot.jobs.models import Job
from bot.jobs.names import job_name, model_suffix


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
