from datetime import date, timedelta

import pytest

from bot.jobs.deprecation import Deprecation, TrackedModel, base_model_of, date_of, due_deprecations
from bot.jobs.models import Model

BASE = "gpt-4o-mini-2024-07-18"
ONE, TWO = f"ft:{BASE}:acme::one", f"ft:{BASE}:acme::two"
ENDS = date(2027, 1, 14)


def told(days: int, *trained: TrackedModel, announced: dict[str, date] | None = None) -> list[Deprecation]:
    return due_deprecations(trained, {BASE: ENDS} if announced is None else announced, ENDS - timedelta(days))


@pytest.mark.parametrize(
    ("days", "mark"),
    [(400, None), (61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, None)],
)
def test_each_mark_is_reached_on_its_day_and_holds_until_the_next(days: int, mark: int | None) -> None:
    due = told(days, TrackedModel("ftjob-1", "C1", ONE))

    assert [(each.threshold, each.days_left, each.date) for each in due] == (
        [] if mark is None else [(mark, days, ENDS)]
    )


def test_a_channel_is_notified_once_of_all_its_models_of_one_base() -> None:
    due = told(
        30, TrackedModel("ftjob-2", "C1", TWO), TrackedModel("ftjob-1", "C1", ONE), TrackedModel("ftjob-1", "C2", ONE)
    )

    assert [(each.channel, each.jobs) for each in due] == [
        ("C1", (("ftjob-1", ONE), ("ftjob-2", TWO))),
        ("C2", (("ftjob-1", ONE),)),
    ]


def test_a_model_of_its_own_day_stops_on_that_if_it_is_the_earlier() -> None:
    announced = {BASE: ENDS, ONE: ENDS - timedelta(3), TWO: ENDS + timedelta(3)}

    assert date_of(ONE, announced) == ENDS - timedelta(3)
    assert date_of(TWO, announced) == ENDS
    assert date_of("ft:other:acme::x", announced) is None
    assert [
        each.date for each in told(7, *[TrackedModel("j", "C1", each) for each in (TWO, ONE)], announced=announced)
    ] == [
        ENDS - timedelta(3),
        ENDS,
    ]


@pytest.mark.parametrize(
    ("model", "base"), [(ONE, BASE), ("ft:gpt-4o:::x", "gpt-4o"), ("ft:", ""), ("gpt-4o", "gpt-4o"), ("", "")]
)
def test_a_fine_tuned_model_names_its_base(model: str, base: str) -> None:
    assert base_model_of(model) == base


@pytest.mark.parametrize("day", [None, "", "soon", "2027-13-01", 20270114, {}, [], "2027-01-14T00:00:00Z nonsense"])
def test_a_day_that_is_none_is_no_end(day: object) -> None:
    assert Model.model_validate({"id": ONE, "shutdown_date": day}).shutdown_date is None


def test_a_day_is_read_as_the_api_writes_it() -> None:
    assert Model.model_validate({"id": ONE, "shutdown_date": "2027-01-14"}).shutdown_date == ENDS
