import pytest

from bot.jobs.prices import cost_of, price_of

PRICES = {"gpt-4o": 25.0, "gpt-4o-mini": 3.0}


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("gpt-4o-mini-2024-07-18", 3.0),
        ("gpt-4o-2024-08-06", 25.0),
        ("ft:gpt-4o-mini-2024-07-18:acme::x", 3.0),
        ("gpt-4.1", None),
        (None, None),
    ],
)
def test_the_longest_name_that_fits_has_the_price(model: str | None, price: float | None) -> None:
    assert price_of(model, PRICES) == price


def test_a_price_is_for_a_million_tokens() -> None:
    assert cost_of(5_768_000, 3.0) == pytest.approx(17.304)
