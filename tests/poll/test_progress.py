"""How often the logs of running jobs are read."""

import pytest

from bot.app.process import tuning_of
from bot.poll.progress import PollBudget


def test_without_a_setting_the_budget_is_the_default() -> None:
    assert PollBudget.of(120.0) == PollBudget()
    assert tuning_of(120.0).cards.card_interval == 30.0


@pytest.mark.parametrize(("seconds", "most"), [(1.5, 300), (2.0, 300), (30.0, 120), (3600.0, 30), (86_400.0, 30)])
def test_a_shorter_interval_reads_more_logs_a_minute_up_to_a_limit(seconds: float, most: int) -> None:
    budget = PollBudget.of(seconds)
    assert (budget.every, budget.per_minute) == (seconds, most)
    assert budget.check_every <= min(10.0, seconds / 2), "what is due is found in time"


@pytest.mark.parametrize("seconds", [1.0, 7.5])
def test_a_card_is_updated_as_often_as_its_log_is_read(seconds: float) -> None:
    assert tuning_of(seconds).cards.card_interval == seconds
