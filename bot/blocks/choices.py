"""Distinct labels for the options of a menu or a row of buttons. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.interactive import job_value
from bot.blocks.parts import strip_invisible
from bot.jobs.ids import short_id

MAX_LABEL_LENGTH = 75
"""Characters of a button or an option: https://docs.slack.dev/reference/block-kit."""
_ID_WIDTHS = (20, 32, 44, 60)
"""Characters of an ID, in the order tried: labels that are still equal get more."""


@dataclass(frozen=True)
class Choice:
    """One option."""

    id: str
    name: str | None
    detail: str = ""
    """More about it: a status, or size and date."""
    account: str | None = None
    """Name of the account of a job, if there are several."""

    @property
    def value(self) -> str:
        """Value of its option or button."""
        return job_value(self.id, self.account)


def distinct_labels(choices: Sequence[Choice]) -> list[str]:
    """Return a distinct label for each choice, plain text: its name, as much of its ID as needed, and its detail."""
    labels = [_label(each, 0 if _name(each) else _ID_WIDTHS[0]) for each in choices]
    for room in _ID_WIDTHS:
        if not (twice := _duplicates(labels)):
            break
        labels = [_label(each, room) if label in twice else label for each, label in zip(choices, labels, strict=True)]
    twice = _duplicates(labels)
    return [
        f"{nth}. {label}"[:MAX_LABEL_LENGTH] if label in twice else label for nth, label in enumerate(labels, start=1)
    ]


def _duplicates(labels: Sequence[str]) -> set[str]:
    return {label for label, times in Counter(labels).items() if times > 1}


def _name(choice: Choice) -> str:
    return " ".join(strip_invisible(choice.name or "").split())


def _label(choice: Choice, room: int) -> str:
    """Return the label of a choice with ``room`` characters of its ID; a long name is cut in favor of the rest."""
    job_id = short_id(strip_invisible(choice.id), room) if room else ""
    suffix = " · ".join([part for part in (job_id, choice.detail) if part])
    name, left = _name(choice), MAX_LABEL_LENGTH - len(suffix) - len(" · ")
    if len(name) > left:
        name = name[: left - 1] + "…" if left > 1 else ""
    return " · ".join([part for part in (name, suffix) if part])[:MAX_LABEL_LENGTH] or "?"
