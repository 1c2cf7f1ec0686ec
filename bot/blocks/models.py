"""The list of fine-tuned models with their shutdown dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.blocks.interactive import more_button
from bot.blocks.parts import Message, code_span, context, counted, format_day, in_days, safe_text, section

MAX_ROWS = 25
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
        text = f"No fine-tuned models in {account_label} yet. Models appear here when jobs succeed."
        return Message(text, [section(text), *map(context, notes)])
    rows = [model_row(each, today) for each in models[start : start + MAX_ROWS]]
    announced = sum(each.shutdown_date is not None for each in models)
    dated = f", {announced} with a retirement date" if announced else ""
    title = f"{counted(len(models), 'fine-tuned model')} in {account_label}{dated}."
    end = start + len(rows)
    hidden = [f"Showing {start + 1:,}\u2013{end:,} of {len(models):,}."] if len(models) > len(rows) else []
    hidden += [f"{counted(checkpoints, 'checkpoint')} hidden."] if checkpoints else []
    remarks = [*([" ".join(hidden)] if hidden else []), *notes]
    more = more_button(f"{command} after:{end}", "models") if len(models) > end else []
    return Message(title, [section(f"*{title}*"), *map(section, rows), *map(context, remarks), *more])


def model_row(model: FineTunedModel, today: date) -> str:
    """Return a fine-tuned model with its announced shutdown date, safe mrkdwn; ``today`` is today's date in UTC."""
    account = f" · {safe_text(model.account, 32)}" if model.account else ""
    name = code_span(model.model, 200 - len(account))
    if model.shutdown_date is None:
        return f"{name}{account}"
    days, date_ = (model.shutdown_date - today).days, format_day(model.shutdown_date)
    retires = f"retires {date_} ({in_days(days)})" if days >= 0 else f"retired {date_}"
    sign = ":warning: " if days <= _SOON else ""
    return f"{sign}{name} · {retires}{account}"
