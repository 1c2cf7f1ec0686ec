import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.poll.plan import PAGE_SIZE, further_pages


def requests(pages: int, places: list[int]) -> int:
    """Return the requests after the first page: the pages, and one for each job that is on none of them."""
    return pages + sum(place >= (pages + 1) * PAGE_SIZE for place in places)


def plan(*places: int) -> int:
    jobs = {f"ftjob-{n}": place for n, place in enumerate(places)}
    return further_pages(list(jobs), jobs)


@pytest.mark.parametrize(
    ("places", "pages"),
    [
        ((), 0),
        ((5,), 0),
        ((99,), 0),
        ((100,), 1),
        ((199,), 1),
        ((200,), 0),
        ((150, 250), 2),
        ((250, 251), 2),
        ((350, 351), 0),
        ((350, 351, 352), 3),
        ((150, 5000), 1),
        ((10_000, 20_000), 0),
        (tuple(range(100, 1000)), 9),
    ],
)
def test_the_cheapest_number_of_pages_is_read(places: tuple[int, ...], pages: int) -> None:
    assert plan(*places) == pages


def test_a_thousand_live_jobs_take_ten_requests() -> None:
    beyond = list(range(100, 1000))

    assert 1 + requests(plan(*beyond), beyond) == 10


def test_positions_of_jobs_that_are_not_missing_do_not_count() -> None:
    assert further_pages(["ftjob-a"], {"ftjob-a": 10_000, "ftjob-b": 100, "ftjob-c": 101}) == 0


@given(st.lists(st.integers(0, 3000), max_size=80))
def test_no_plan_is_cheaper_and_none_of_the_same_cost_shows_more(places: list[int]) -> None:
    pages = plan(*places)
    every_cost = [requests(count, places) for count in range(max(places, default=0) // PAGE_SIZE + 2)]

    assert every_cost[pages] == min(every_cost)
    assert min(every_cost) not in every_cost[pages + 1 :]
