"""What training measured, step by step: from a job's result file, or from its log while it runs. Pure.

Result files: https://platform.openai.com/docs/guides/fine-tuning (newer ones are base64 text of a CSV, older ones a CSV).
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
MOST_ROWS = 200_000
NOT_MEASURED = -1.0
"""What stands in some result files, and in metrics made of them, for "not measured"."""
_STEP = "step"


@dataclass(frozen=True)
class Curve:
    """One measure over the steps."""

    name: str
    points: tuple[tuple[int, float], ...]
    """Step and value, by step; finite, and never empty."""

    @property
    def is_reward(self) -> bool:
        """Whether more is better."""
        return self.name.endswith("reward")

    @property
    def best(self) -> tuple[int, float]:
        """The point with the least loss, or with the greatest reward."""
        return (max if self.is_reward else min)(self.points, key=lambda point: point[1])


def read_results(content: bytes) -> list[Curve]:
    """Return the curves of a result file, none where it is no result file or holds no measure that we know."""
    try:
        # Lines end at CR and LF alone: str.splitlines knows more ends, which may stand inside a cell.
        return _curves(csv.DictReader(islice(io.StringIO(_text(content), newline=""), MOST_ROWS)))
    except csv.Error:
        return []


def curves_of(events: Iterable[Event]) -> list[Curve]:
    """Return the curves of a job's log so far."""
    return _curves(event.data for event in events if event.data)


def _text(content: bytes) -> str:
    text = content.decode("utf-8", errors="replace").lstrip("\ufeff")
    if text.lower().startswith(_STEP):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", errors="replace")
    except (binascii.Error, ValueError):
        return text


def _curves(rows: Iterable[Mapping[str, Any]]) -> list[Curve]:
    """Return rewards alone where there are any: a loss beside them is on another scale, and nobody looks for it."""
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
    """Return a measurement as a finite number; None where the cell holds none.

    Azure writes -1 where it did not measure. Cross-entropy, DPO's loss and an accuracy are never negative, and a
    validation is seldom exactly -1; a training reward may be, and any other negative number counts everywhere.
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
