"""The list of fine-tuned models with their shutdown dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.blocks.parts import Message, code_span, context, more_button, safe_text, section

MOST_ROWS = 25
_SOON = 60
"""Days; a shutdown within them gets a warning sign."""


@dataclass(frozen=True)
class FineTunedModel:
    """A fine-tuned model of an account."""

    model: str
    shutdown_date: date | None
    """Announced shutdown date; None without one."""
    created: float = 0.0
    account: str | None = None
    """Name of its account, if there are several."""


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
    """Return a page of fine-tuned models with their announced shutdown dates.

    Args:
        models: all of them, nearest shutdown first.
        checkpoints: how many checkpoint models are left out.
        today: today's date in UTC.
        account_label: name of the account, safe mrkdwn.
        notes: remarks below the list, safe mrkdwn.
        start: index of the first one on the page.
        command: command that shows the list, for the button to the next page.
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
