"""When models stop: which of them people are told of, and when. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

NOTICE_DAYS = (1, 7, 30, 60)
"""People are told once when so many days are left."""
_FINE_TUNED = "ft:"


@dataclass(frozen=True)
class TrackedModel:
    """A model that a channel followed the making of."""

    job_id: str
    channel: str
    model: str


@dataclass(frozen=True)
class Deprecation:
    """What a channel is to be told: all its models that stop for one reason on one day."""

    channel: str
    base_model: str
    shutdown_date: date
    days_left: int
    """How many are left."""
    threshold: int
    """Which of ``DAYS`` is reached; each is told once."""
    jobs: tuple[tuple[str, str], ...]
    """The jobs concerned, each with its model."""


def base_model_of(model: str) -> str:
    """Return the model that a fine-tuned one was made of: "ft:gpt-4o-mini-2024-07-18:acme::abc" says so itself."""
    return model.split(":")[1] if model.startswith(_FINE_TUNED) else model


def shutdown_date_of(model: str, shutdown_dates: Mapping[str, date]) -> date | None:
    """Return when a fine-tuned model stops: with its base, or before, where that is announced."""
    return min((shutdown_dates[each] for each in (model, base_model_of(model)) if each in shutdown_dates), default=None)


def due_deprecations(
    models: Iterable[TrackedModel], shutdown_dates: Mapping[str, date], today: date
) -> list[Deprecation]:
    """Return what channels are to be told today, the nearest end first.

    Args:
        models: every model that somebody follows.
        shutdown_dates: the days on which models stop, by model.
        today: the day in UTC, as the API counts.
    """
    groups: dict[tuple[str, str, date], set[tuple[str, str]]] = {}
    for each in models:
        if ends := shutdown_date_of(each.model, shutdown_dates):
            groups.setdefault((each.channel, base_model_of(each.model), ends), set()).add((each.job_id, each.model))
    due = []
    for (channel, base, ends), jobs in groups.items():
        days = (ends - today).days
        mark = next((mark for mark in NOTICE_DAYS if 0 <= days <= mark), None)
        if mark is not None:
            due.append(Deprecation(channel, base, ends, days, mark, tuple(sorted(jobs))))
    return sorted(due, key=lambda each: (each.shutdown_date, each.channel, each.base_model))
