import pytest

from bot.jobs.ids import short_id
from bot.jobs.models import MAX_NAME_LENGTH, Job, display_name, job_name

LONG_ID = "ftjob-Qm3XvT8s2LzK9fW1aB7cD0eF"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"metadata": {"name": "ranker v7"}, "suffix": "other"}, "ranker v7"),
        ({"metadata": {"name": " \u200b "}, "suffix": "search"}, "search"),
        ({"metadata": {"name": 7}, "user_provided_suffix": "search"}, "search"),
        ({"fine_tuned_model": "ft:gpt-4o-mini:acme:search:7q8m"}, "search"),
        ({"fine_tuned_model": "ft:gpt-4o-mini:acme::7q8m"}, None),
        ({"metadata": {"name": "two\nlines\tof  it"}}, "two lines of it"),
        ({"metadata": {"name": "\u202eevil\u202c"}}, "evil"),
        ({"metadata": {"name": "\U0001f680"}}, "\U0001f680"),
        ({"metadata": {"name": "\U0001f468\u200d\U0001f52c lab"}}, "\U0001f468 \U0001f52c lab"),
        ({"metadata": {"name": "all"}}, "all"),
        ({"metadata": {"name": "\u05d3\u05d2\u05dd 7"}}, "\u05d3\u05d2\u05dd 7"),
        ({}, None),
    ],
)
def test_a_job_has_the_first_name_that_can_be_read(fields: dict[str, object], expected: str | None) -> None:
    assert job_name(Job.model_validate({"id": "ftjob-a", **fields})) == expected


def test_a_long_name_is_cut() -> None:
    name = job_name(Job.model_validate({"id": "ftjob-a", "metadata": {"name": "n" * 200}}))

    assert name == "n" * (MAX_NAME_LENGTH - 1) + "…"


def test_without_a_name_both_ends_of_the_id_stand_for_it() -> None:
    assert display_name(Job(id=LONG_ID)) == "ftjob-Qm3X…1aB7cD0eF"
    assert display_name(Job(id="ftjob-a")) == "ftjob-a"
    assert len(short_id(LONG_ID)) <= 20
