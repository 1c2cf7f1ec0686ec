"""What training costs, by the prices that somebody configured: the bot knows none itself. Pure."""

from collections.abc import Mapping

MILLION = 1_000_000


def price_of(model: str | None, prices: Mapping[str, float]) -> float | None:
    """Return the price of a million trained tokens of a model, None where none is set: the longest prefix wins.

    A job that goes on training a fine-tuned model has its base's price: ``ft:gpt-4o-mini-2024-07-18:acme::x``.
    """
    base = (model or "").removeprefix("ft:")
    fitting = [prefix for prefix in prices if base.startswith(prefix)]
    return prices[max(fitting, key=len)] if fitting else None


def cost_of(tokens: int, price: float) -> float:
    """Return what some trained tokens cost."""
    return tokens / MILLION * price
