"""Training costs by configured prices; the bot knows no prices itself. Pure."""

from collections.abc import Mapping

MILLION = 1_000_000


def price_of(model: str | None, prices: Mapping[str, float]) -> float | None:
    """Return the price of a million trained tokens for a model; None if none is set. The longest matching prefix wins.

    A fine-tuned model that is trained further has its base model's price: ``ft:gpt-4o-mini-2024-07-18:acme::x``.
    """
    base = (model or "").removeprefix("ft:")
    matching = [prefix for prefix in prices if base.startswith(prefix)]
    return prices[max(matching, key=len)] if matching else None


def cost_of(tokens: int, price: float) -> float:
    """Return the cost of trained tokens at a price per million."""
    return tokens / MILLION * price
