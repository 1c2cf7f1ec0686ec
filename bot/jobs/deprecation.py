"""Model deprecations: which channels to notify of a model's shutdown date, and when. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

NOTICE_DAYS = (1, 7, 30, 60)
"""Days before the shutdown date; at each of them a channel gets one notice."""
_FINE_TUNED = "ft:"


@dataclass(frozen=True)
class TrackedModel:
    """A fine-tuned model whose job a channel tracks."""

    job_id: str
    channel: str
    model: str


@dataclass(frozen=True)
class Deprecation:
    """One notice: a channel's models with the same base model and shutdown date."""

    channel: str
    base_model: str
    shutdown_date: date
    days_left: int
    threshold: int
    """Which of ``NOTICE_DAYS`` is reached."""
    jobs: tuple[tuple[str, str], ...]
    """Job ID and model of each."""


def base_model_of(model: str) -> str:
    """Return the base of a fine-tuned model: "gpt-4o-mini-2024-07-18" of "ft:gpt-4o-mini-2024-07-18:acme::abc"."""
    return model.split(":")[1] if model.startswith(_FINE_TUNED) else model


def shutdown_date_of(model: str, shutdown_dates: Mapping[str, date]) -> date | None:
    """Return the earlier of a fine-tuned model's and its base model's shutdown dates; None if neither is announced."""
    dates = (shutdown_dates[each] for each in (model, base_model_of(model)) if each in shutdown_dates)
    return min(dates, default=None)


def due_deprecations(
    models: Iterable[TrackedModel], shutdown_dates: Mapping[str, date], today: date
) -> list[Deprecation]:
    """Return the notices that are due today, nearest shutdown date first.

    Args:
        models: every tracked model.
        shutdown_dates: announced shutdown dates by model.
        today: today's date in UTC, which the API uses.
    """
    groups: dict[tuple[str, str, date], set[tuple[str, str]]] = {}
    for each in models:
        if shutdown := shutdown_date_of(each.model, shutdown_dates):
            groups.setdefault((each.channel, base_model_of(each.model), shutdown), set()).add((each.job_id, each.model))
    due = []
    for (channel, base_model, shutdown), jobs in groups.items():
        days_left = (shutdown - today).days
        threshold = next((days for days in NOTICE_DAYS if 0 <= days_left <= days), None)
        if threshold is not None:
            due.append(Deprecation(channel, base_model, shutdown, days_left, threshold, tuple(sorted(jobs))))
    return sorted(due, key=lambda each: (each.shutdown_date, each.channel, each.base_model))
