"""The models that were made here, with the days they have left."""

from collections.abc import Sequence
from datetime import date

from bot.blocks.parts import Message, code, context, plain, section

MOST_ROWS = 25
_SOON = 60
"""Days; what ends within them is marked."""


def model_list(models: Sequence[tuple[str, date | None]], *, checkpoints: int, today: date, place: str) -> Message:
    """Draw fine-tuned models, each with the day on which it stops, where that is announced.

    Args:
        models: those that stop first coming first.
        checkpoints: how many models of checkpoints there are beside them.
        today: the day in UTC.
        place: what to call the account, already safe.
    """
    if not models:
        said = f"No fine-tuned model in {place} yet. One appears here as soon as a job succeeds."
        return Message(said, [section(said)])
    rows = [_row(model, ends, today) for model, ends in models[:MOST_ROWS]]
    stopping = sum(ends is not None for _, ends in models)
    many = "1 fine-tuned model" if len(models) == 1 else f"{len(models)} fine-tuned models"
    said = f"{many} in {place}; an end is announced for {stopping}."
    notes = [f"The first {MOST_ROWS} of {len(models)}." if len(models) > MOST_ROWS else ""]
    notes += [f"Checkpoints are not shown ({checkpoints})." if checkpoints else ""]
    last = [context(" ".join(filter(None, notes)))] if any(notes) else []
    return Message(said, [section(f"*{said}*"), *map(section, rows), *last])


def _row(model: str, ends: date | None, today: date) -> str:
    if ends is None:
        return f"{code(model, 200)} · no end announced"
    days = (ends - today).days
    left = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days" if days > 0 else "since then it answers nobody")
    sign = ":warning: " if days <= _SOON else ""
    return f"{sign}{code(model, 200)} · stops on {plain(ends.isoformat())}, {left}"
