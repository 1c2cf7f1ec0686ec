"""A trainer's call: the present state of one run of a job, and what it has not been acknowledged for yet. Pure.

Parsed strictly: what cannot be understood is rejected with the name of its field, and nothing of the call is stored.
"""

import math
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from bot.jobs.statuses import is_final
from bot.net import strict_json
from bot.net.urls import check_http
from bot.telemetry.redaction import redacted, without_secrets
from bot.text import storable

STATUSES = frozenset({"queued", "running", "paused", "succeeded", "failed", "cancelled"})
UNRECOGNIZED = "?"
"""What follows a word that means a final status elsewhere, but not here."""
MAX_STEP = 10**12
MAX_SERIES = 16
"""Names of metrics in one call."""
DEFAULT_HEARTBEAT = 60
"""Seconds between two calls, for a trainer that does not say."""
MAX_MESSAGE_LENGTH = 4000
_MAX_SEQ = 2**53 - 1
_MAX_TIME = 253_402_300_799
"""The last second of the year 9999."""
_MAX_PAIRS = 16
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
_SERIES = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,63}", re.ASCII)
_MEMBER_ID, _RUN_ID = r"^[UW][A-Z0-9]{2,20}$", r"^[A-Za-z0-9-]{1,64}$"
_PATTERNS = {
    _MEMBER_ID: "must be a Slack member ID, such as U0123ABCD",
    _RUN_ID: "must be up to 64 letters, digits, and hyphens",
}
"""What a text must be that does not match."""
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class InvalidCall(ValueError):
    """A call that is rejected: which field is wrong, and why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def check_job_id(text: str, reserved: frozenset[str]) -> None:
    """Check the ID of a pushed job, which people type as a word of a command.

    Args:
        text: the ID.
        reserved: words that mean something else in a command, in lower case.

    Raises:
        InvalidCall: it cannot be one.
    """
    if not _JOB_ID.fullmatch(text) or ".." in text:
        raise InvalidCall(
            "id", "must be up to 100 letters, digits, and . _ : -, start with a letter or digit, and not contain .."
        )
    if redacted(text) != text:
        raise InvalidCall("id", "looks like a secret; choose another ID")
    if text.lower() in reserved:
        raise InvalidCall("id", f"must not be {text}, which means something else in a command")


def _number(value: Any) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError('must be a number, or "nan", "inf" or "-inf"')  # noqa: TRY004 - pydantic reports ValueError
    try:
        return float(value)
    except OverflowError:
        raise ValueError("must be a number that a float can hold") from None


def _whole(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic reports ValueError
    return value


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MAX_TIME:
        raise ValueError("must be a time in Unix seconds")
    return float(value)


def _series(values: dict[str, float]) -> dict[str, float]:
    if bad := next((name for name in values if not _SERIES.fullmatch(name)), None):
        raise ValueError(f"contains an invalid name, {redacted(bad[:64])!r}; use up to 64 letters, digits, and _ . / -")
    return values


def _few_series(rows: list[tuple[int, dict[str, float]]]) -> list[tuple[int, dict[str, float]]]:
    if len({name for _, values in rows for name in values}) > MAX_SERIES:
        raise ValueError(f"can't have more than {MAX_SERIES} different metric names")
    return rows


def _url(value: str) -> str:
    try:
        check_http(value, allow_http=False)
    except ValueError:
        raise ValueError("must be a URL like https://host/path") from None
    if set(value) & set("<>|") or any(each.isspace() for each in value):
        raise ValueError("must be a URL like https://host/path")
    return value


def _clean(value: str) -> str:
    return redacted(storable(value))


def _status(value: str) -> str:
    return f"{value}{UNRECOGNIZED}" if value not in STATUSES and is_final(value) else value


def _pairs(value: dict[str, str]) -> dict[str, str]:
    if len(value) > _MAX_PAIRS:
        raise ValueError(f"must have at most {_MAX_PAIRS} pairs")
    if any(not 0 < len(key) <= 64 or len(text) > 512 for key, text in value.items()):  # noqa: PLR2004 - the contract's
        raise ValueError("must have keys of 1 to 64 characters and values of up to 512")
    found: dict[str, str] = without_secrets(value)
    return found


Whole = Annotated[int, BeforeValidator(_whole)]
Step = Annotated[Whole, Field(ge=0, le=MAX_STEP)]
Time = Annotated[float, BeforeValidator(_time)]
Values = Annotated[dict[str, Annotated[float, BeforeValidator(_number)]], AfterValidator(_series)]
Message = Annotated[str, Field(max_length=MAX_MESSAGE_LENGTH), AfterValidator(_clean)]
ModelName = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_clean)]


class Part(BaseModel):
    """A part of a call."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LogLine(Part):
    """One line of a run's log."""

    n: Annotated[Whole, Field(ge=0, le=_MAX_SEQ)]
    """Its number within the run."""
    at: Time
    level: Annotated[str, Field(max_length=20), AfterValidator(_clean)] = "info"
    message: Message


class SavedCheckpoint(Part):
    """A checkpoint that a run saved."""

    step: Step
    model: ModelName


class Failure(Part):
    """Why a run failed."""

    code: Annotated[str, Field(max_length=100), AfterValidator(_clean)] | None = None
    message: Message | None = None


class Result(Part):
    """What a run made."""

    model: ModelName


class RunState(Part):
    """The present state of a run, whole in each call. Times are the trainer's."""

    status: Annotated[str, Field(min_length=1, max_length=39), AfterValidator(_clean), AfterValidator(_status)]
    """One of ``STATUSES``; any other word is kept and counts as not finished."""
    at: Time
    """When the call was sent."""
    heartbeat: Annotated[Whole, Field(ge=10, le=3600)] = DEFAULT_HEARTBEAT
    """Seconds between two calls."""
    name: Annotated[str, Field(max_length=64), AfterValidator(_clean)] | None = None
    model: ModelName | None = None
    """The base model."""
    owner: Annotated[str, Field(pattern=_MEMBER_ID)] | None = None
    step: Step | None = None
    total_steps: Step | None = None
    metadata: Annotated[dict[str, str], AfterValidator(_pairs)] | None = None
    url: Annotated[str, Field(max_length=2000), AfterValidator(_url), AfterValidator(_clean)] | None = None
    error: Failure | None = None
    result: Result | None = None


class Call(RunState):
    """One call. Its lists are increments; all else is the present state."""

    run: Annotated[str, Field(pattern=_RUN_ID)]
    """ID of the process that trains."""
    seq: Annotated[Whole, Field(ge=0, le=_MAX_SEQ)]
    started: Time
    """When that process began."""
    metrics: Annotated[list[tuple[Step, Values]], AfterValidator(_few_series)] = []
    logs: list[LogLine] = []
    checkpoints: list[SavedCheckpoint] = []

    @model_validator(mode="before")
    @classmethod
    def _with_tuples(cls, value: Any) -> Any:
        """Return JSON's lists of two as the pairs that they stand for."""
        if not isinstance(value, dict) or not isinstance(value.get("metrics"), list):
            return value
        return value | {"metrics": [tuple(each) if isinstance(each, list) else each for each in value["metrics"]]}

    @property
    def state(self) -> RunState:
        """The present state of the run, without the increments."""
        return RunState.model_construct(**{name: getattr(self, name) for name in RunState.model_fields})


def parse_call(body: bytes) -> Call:
    """Return the call that a request's body is.

    Raises:
        InvalidCall: it is none.
    """
    try:
        return Call.model_validate(strict_json.loads(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidCall(".".join(map(str, first["loc"])) or "body", _message(first)) from None
    except (ValueError, RecursionError):
        raise InvalidCall("body", "must be a JSON object without duplicate keys or bare NaN") from None


def _message(problem: Any) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "extra_forbidden":
        return "is unknown"
    if problem["type"] == "string_pattern_mismatch":
        return _PATTERNS[problem["ctx"]["pattern"]]
    if problem["type"] in ("tuple_type", "too_long") and problem["loc"][0] == "metrics":
        return "must be a pair of a step and its values"
    if problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a JSON object"
    return message.replace("Input should be", "must be").replace("String should", "must")
