"""The models that were made here, with the days they have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.blocks.parts import Message, code_span, context, more_button, safe_text, section

MOST_ROWS = 25
_SOON = 60
"""Days; what ends within them is marked."""


@dataclass(frozen=True)
class FineTunedModel:
    """A model that was made here."""

    model: str
    shutdown_date: date | None
    """The day on which it stops, where that is announced."""
    created: float = 0.0
    account: str | None = None
    """Whose it is, where there are several accounts."""


def model_list(
    models: Sequence[FineTunedModel],
    *,
    checkpoints: int,
    today: date,
    account_label: str,
    notes: Sequence[str] = (),
    start: int = 0,
    command: str = "models",
) -> Message:
    """Draw fine-tuned models, each with the day on which it stops, where that is announced.

    Args:
        models: those that stop first coming first.
        checkpoints: how many models of checkpoints there are beside them.
        today: the day in UTC.
        account_label: what to call the account, already safe.
        notes: what else is to be said, already safe.
        start: which of them comes first, from 0.
        command: what shows them, as it could be typed.
    """
    if not models:
        said = f"No fine-tuned model in {account_label} yet. One appears here as soon as a job succeeds."
        return Message(said, [section(said), *map(context, notes)])
    rows = [_row(each, today) for each in models[start : start + MOST_ROWS]]
    stopping = sum(each.shutdown_date is not None for each in models)
    many = "1 fine-tuned model" if len(models) == 1 else f"{len(models)} fine-tuned models"
    said = f"{many} in {account_label}; an end is announced for {stopping}."
    end = start + len(rows)
    last = [f"Numbers {start + 1:,} to {end:,} of {len(models):,}." if len(models) > len(rows) else ""]
    last += [f"Checkpoints are not shown ({checkpoints})." if checkpoints else ""]
    hidden = [" ".join(filter(None, last))] if any(last) else []
    more = more_button(f"{command} after:{end}", "models") if len(models) > end else []
    return Message(said, [section(f"*{said}*"), *map(section, rows), *map(context, [*hidden, *notes]), *more])


def _row(made: FineTunedModel, today: date) -> str:
    whose = f" · {safe_text(made.account, 32)}" if made.account else ""
    model = code_span(made.model, 200 - len(whose))
    if made.shutdown_date is None:
        return f"{model} · no end announced{whose}"
    days = (made.shutdown_date - today).days
    left = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days" if days > 0 else "since then it answers nobody")
    sign = ":warning: " if days <= _SOON else ""
    return f"{sign}{model} · stops on {safe_text(made.shutdown_date.isoformat())}, {left}{whose}"
