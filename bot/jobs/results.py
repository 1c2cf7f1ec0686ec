"""Training metrics by step, from a job's result file or from its events. Pure.

Result files: https://platform.openai.com/docs/guides/fine-tuning. Newer ones are a CSV in base64, older ones a CSV.
"""

import base64
import binascii
import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bot.jobs.models import Event

_NAMES = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "full validation loss",
    "train_mean_reward": "training reward",
    "full_valid_mean_reward": "validation reward",
    "valid_mean_reward": "validation reward",
}
MAX_ROWS = 200_000
NOT_MEASURED = -1.0
"""The value that some result files, and metrics made of them, have for a step without a measurement."""
_STEP = "step"


@dataclass(frozen=True)
class Curve:
    """One metric over the steps."""

    name: str
    points: tuple[tuple[int, float], ...]
    """Step and finite value, sorted by step; never empty."""

    @property
    def is_reward(self) -> bool:
        """Whether higher is better."""
        return self.name.endswith("reward")

    @property
    def best(self) -> tuple[int, float]:
        """The point with the lowest loss, or with the highest reward."""
        return (max if self.is_reward else min)(self.points, key=lambda point: point[1])


def read_results(content: bytes) -> list[Curve]:
    """Return the curves in a result file; an empty list for any other file, or one without a known metric."""
    try:
        # Rows end at CR and LF only: str.splitlines splits at more characters, which a cell may hold.
        return _curves(csv.DictReader(islice(io.StringIO(_text(content), newline=""), MAX_ROWS)))
    except csv.Error:
        return []


def curves_of(events: Iterable[Event]) -> list[Curve]:
    """Return the curves in a job's events so far."""
    return _curves(event.data for event in events if event.data)


def curves_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """Return the curves in rows of metrics, each with ``step`` and the columns of a result file."""
    return _curves(rows)


def _text(content: bytes) -> str:
    text = content.decode("utf-8", errors="replace").lstrip("\ufeff")
    if text.lower().startswith(_STEP):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", errors="replace")
    except (binascii.Error, ValueError):
        return text


def _curves(rows: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """Return the curves in rows; rewards only, if there are any, because losses are on another scale."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        for name, step, value in _measurements(row):
            found.setdefault(name, {})[step] = value
    curves = [Curve(name, tuple(sorted(points.items()))) for name, points in found.items()]
    return [curve for curve in curves if curve.is_reward] or curves


def _measurements(row: Mapping[str, Any]) -> Iterator[tuple[str, int, float]]:
    step = _number(row.get(_STEP))
    if step is None or not 0 <= step < 10**12:
        return
    for column, name in _NAMES.items():
        if (value := parse_measurement(column, row.get(column))) is not None:
            yield name, int(step), value


def parse_measurement(column: str, value: Any) -> float | None:
    """Return a metric's value as a finite number; None for a cell without one.

    Azure writes -1 for "not measured". Cross-entropy, DPO's loss and an accuracy are never negative, and a validation
    metric is seldom exactly -1; a training reward may be, so there -1 is a value.
    """
    number = _number(value)
    is_unmeasured = number == NOT_MEASURED and ("valid" in column or column.endswith(("loss", "accuracy")))
    return None if is_unmeasured else number


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None
