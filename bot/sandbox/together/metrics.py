"""Metrics of a fine-tune: one row for each step of the training and one for each evaluation, filtered as requested."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from bot.sandbox.openai.api.wire import ApiError, JsonObject
from bot.sandbox.openai.native_jobs import integer
from bot.sandbox.together.event_log import EPOCHS

LEARNING_RATE = 1e-05
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class _Row:
    """One object of the response."""

    step: int
    at: float
    is_training: bool
    body: JsonObject


def filtered_metrics(logged: Sequence[JsonObject], query: Mapping[str, str]) -> list[JsonObject]:
    """Return the rows of GET /metrics in the order of time; ``resolution`` thins those of the training alone.

    Raises:
        ApiError: a parameter has an invalid value.
    """
    rows = [row for event in logged for row in _rows(event)]
    if text := query.get("global_step_from"):
        rows = [row for row in rows if row.step >= integer(text, "global_step_from")]
    if text := query.get("global_step_to"):
        rows = [row for row in rows if row.step <= integer(text, "global_step_to")]
    if text := query.get("logged_at_from"):
        rows = [row for row in rows if row.at >= _moment(text, "logged_at_from")]
    if text := query.get("logged_at_to"):
        rows = [row for row in rows if row.at <= _moment(text, "logged_at_to")]
    if text := query.get("resolution"):
        rows = _thinned(rows, integer(text, "resolution"))
    return [row.body for row in rows]


def _rows(event: JsonObject) -> Iterator[_Row]:
    """Yield the rows of one step. The step of an evaluation, too, is in train/global_step."""
    data, at = event["data"], event["created_at"]
    step, total = data["step"], data["total_steps"]
    # Client's type of a value: float; documents: nanoseconds since the epoch.
    where = {
        "timestamp": int(at) * _NANOSECONDS,
        "train/global_step": step,
        "train/epoch": round(step * EPOCHS / total, 4),
    }
    loss = data.get("train_loss")
    if loss is not None:
        rate = LEARNING_RATE * (1 - (step - 1) / total)
        values = {"train/loss": loss, "train/grad_norm": round(loss / 2, 5), "train/learning_rate": rate}
        yield _Row(step, at, is_training=True, body=where | values)
    if data.get("full_valid_loss") is not None:
        yield _Row(step, at, is_training=False, body=where | {"eval/loss": data["full_valid_loss"]})


def _thinned(rows: list[_Row], most: int) -> list[_Row]:
    if most < 1:
        raise ApiError(HTTPStatus.BAD_REQUEST, "resolution must be positive", param="resolution")
    training = [row for row in rows if row.is_training]
    if len(training) <= most:
        return rows
    last = len(training) - 1
    kept = {id(training[round(number * last / max(most - 1, 1))]) for number in range(most)}
    return [row for row in rows if not row.is_training or id(row) in kept]


def _moment(text: str, name: str) -> float:
    """Return seconds since the epoch; a time without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name}: {text!r} is not a time", param=name) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
