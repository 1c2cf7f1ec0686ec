"""The models that were made here, with the days they have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.blocks.parts import Message, code, context, more_button, plain, section

MOST_ROWS = 25
_SOON = 60
"""Days; what ends within them is marked."""


@dataclass(frozen=True)
class Made:
    """A model that was made here."""

    model: str
    ends: date | None
    """The day on which it stops, where that is announced."""
    created: float = 0.0
    account: str | None = None
    """Whose it is, where there are several accounts."""


def model_list(
    models: Sequence[Made],
    *,
    checkpoints: int,
    today: date,
    place: str,
    notes: Sequence[str] = (),
    start: int = 0,
    command: str = "models",
) -> Message:
    """Draw fine-tuned models, each with the day on which it stops, where that is announced.

    Args:
        models: those that stop first coming first.
        checkpoints: how many models of checkpoints there are beside them.
        today: the day in UTC.
        place: what to call the account, already safe.
        notes: what else is to be said, already safe.
        start: which of them comes first, from 0.
        command: what shows them, as it could be typed.
    """
    if not models:
        said = f"No fine-tuned model in {place} yet. One appears here as soon as a job succeeds."
        return Message(said, [section(said), *map(context, notes)])
    rows = [_row(each, today) for each in models[start : start + MOST_ROWS]]
    stopping = sum(each.ends is not None for each in models)
    many = "1 fine-tuned model" if len(models) == 1 else f"{len(models)} fine-tuned models"
    said = f"{many} in {place}; an end is announced for {stopping}."
    end = start + len(rows)
    last = [f"Numbers {start + 1:,} to {end:,} of {len(models):,}." if len(models) > len(rows) else ""]
    last += [f"Checkpoints are not shown ({checkpoints})." if checkpoints else ""]
    hidden = [" ".join(filter(None, last))] if any(last) else []
    more = more_button(f"{command} after:{end}", "models") if len(models) > end else []
    return Message(said, [section(f"*{said}*"), *map(section, rows), *map(context, [*hidden, *notes]), *more])


def _row(made: Made, today: date) -> str:
    whose = f" · {plain(made.account, 32)}" if made.account else ""
    model = code(made.model, 200 - len(whose))
    if made.ends is None:
        return f"{model} · no end announced{whose}"
    days = (made.ends - today).days
    left = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days" if days > 0 else "since then it answers nobody")
    sign = ":warning: " if days <= _SOON else ""
    return f"{sign}{model} · stops on {plain(made.ends.isoformat())}, {left}{whose}"
