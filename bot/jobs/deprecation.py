"""Model deprecations: which channels to notify of a model's shutdown date or last training date, and when. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date as Day  # noqa: N812 - a class, whose name a field has

NOTICE_DAYS = (1, 7, 30, 60)
"""Days before a date; at each of them a channel gets one notice."""
_FINE_TUNED = "ft:"
_AZURE_FINE_TUNED = ".ft-"
"""Between the base of a model of Azure and its own ID."""


@dataclass(frozen=True)
class TrackedModel:
    """A fine-tuned model whose job a channel tracks."""

    job_id: str
    channel: str
    model: str


@dataclass(frozen=True)
class Deprecation:
    """One notice: a channel's models with the same base model and date."""

    channel: str
    base_model: str
    date: Day
    days_left: int
    threshold: int
    """Which of ``NOTICE_DAYS`` is reached."""
    jobs: tuple[tuple[str, str], ...]
    """Job ID and model of each."""


def base_model_of(model: str) -> str:
    """Return the base of a fine-tuned model: "gpt-4o-mini-2024-07-18" of "ft:gpt-4o-mini-2024-07-18:acme::abc"."""
    return model.split(":")[1] if model.startswith(_FINE_TUNED) else model.split(_AZURE_FINE_TUNED, maxsplit=1)[0]


def date_of(model: str, dates: Mapping[str, Day]) -> Day | None:
    """Return the earlier of a fine-tuned model's and its base model's dates; None if neither is announced."""
    return min((dates[each] for each in (model, base_model_of(model)) if each in dates), default=None)


def due_deprecations(models: Iterable[TrackedModel], dates: Mapping[str, Day], today: Day) -> list[Deprecation]:
    """Return the notices that are due today, nearest date first.

    Args:
        models: every tracked model.
        dates: announced dates of one kind by model: of their shutdown, or of the last training with them.
        today: today's date in UTC, which the API uses.
    """
    groups: dict[tuple[str, str, Day], set[tuple[str, str]]] = {}
    for each in models:
        if announced := date_of(each.model, dates):
            group = (each.channel, base_model_of(each.model), announced)
            groups.setdefault(group, set()).add((each.job_id, each.model))
    due = []
    for (channel, base_model, announced), jobs in groups.items():
        days_left = (announced - today).days
        threshold = next((days for days in NOTICE_DAYS if 0 <= days_left <= days), None)
        if threshold is not None:
            due.append(Deprecation(channel, base_model, announced, days_left, threshold, tuple(sorted(jobs))))
    return sorted(due, key=lambda each: (each.date, each.channel, each.base_model))
