import pytest

from bot.jobs.filters import MATCH_ALL, Filter, matches_status, union_of_statuses
from bot.jobs.models import Job
from bot.jobs.statuses import canonical_status

JOB = Job.model_validate(
    {
        "id": "ftjob-a",
        "model": "gpt-4o-mini-2024-07-18",
        "metadata": {"team": "search", "n": 1, "slack_user": "U0OLIVIA"},
    }
)
BARE = Job(id="ftjob-b")


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (MATCH_ALL, True),
        (Filter(statuses=("failed",)), True),
        (Filter(model="gpt-4o-mini-2024-07-18"), True),
        (Filter(model="GPT-4o*"), True),
        (Filter(model="gpt-4o"), False),
        (Filter(model="gpt-4o-mini"), True),
        (Filter(model="*-MINI"), True),
        (Filter(model="gpt-4o-mini-2024"), False),
        (Filter(model="gpt-4o-mini-2024-07-19"), False),
        (Filter(model="*mini*"), True),
        (Filter(model="gpt-4?-*"), True),
        (Filter(metadata=(("team", "search"),)), True),
        (Filter(metadata=(("team", "Search"),)), False),
        (Filter(metadata=(("team", "search"), ("ticket", "ML-7"))), False),
        (Filter(metadata=(("n", "1"),)), False),
        (Filter(owner="U0OLIVIA"), True),
        (Filter(owner="U0MILO"), False),
        (Filter(("failed",), "gpt-4o*", (("team", "search"),), "U0OLIVIA"), True),
        (Filter(("failed",), "gpt-3*", (("team", "search"),), "U0OLIVIA"), False),
    ],
)
def test_a_filter_takes_the_jobs_for_which_all_of_it_is_so(wanted: Filter, *, takes: bool) -> None:
    assert wanted.matches(JOB) is takes
    assert Filter.from_json(wanted.to_json()) == wanted


@pytest.mark.parametrize("wanted", [Filter(model="gpt*"), Filter(owner="U0OLIVIA"), Filter(metadata=(("a", "b"),))])
def test_a_job_that_says_nothing_of_itself_is_taken_by_no_narrow_filter(wanted: Filter) -> None:
    assert not wanted.matches(BARE)
    assert MATCH_ALL.matches(BARE)


def test_an_empty_filter_is_what_subscriptions_had_before_there_were_filters() -> None:
    assert MATCH_ALL.to_json() == "{}"


def test_what_two_filters_match_is_what_either_matches() -> None:
    assert union_of_statuses([("failed",), ("cancelled", "failed")]) == ("cancelled", "failed")
    assert union_of_statuses([("failed",), ()]) == ()


@pytest.mark.parametrize(
    ("status", "word"),
    [("Canceled", "cancelled"), ("user_error", "failed"), ("JOB_STATE_SUCCEEDED", "succeeded"), ("Queued", "queued")],
)
def test_ends_have_one_word_each(status: str, word: str) -> None:
    assert canonical_status(status) == word
    assert matches_status(status, (word,))
    assert not matches_status(status, ("paused",))
    assert matches_status(status, ())
