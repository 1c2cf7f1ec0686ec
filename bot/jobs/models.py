"""Jobs and events as fine-tuning APIs describe them, read tolerantly.

Only ``id`` is required. Real answers leave fields out, answer ``null``, ``0`` or ``{}`` for "not yet", spell
``organisation_id`` in British and add fields and statuses at will; none of that may lose a job.
Field names and meanings: https://platform.openai.com/docs/api-reference/fine-tuning/object
"""

from datetime import date
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from bot.jobs.statuses import UNKNOWN, is_final
from bot.telemetry.redaction import MAX_TEXT_LENGTH, redacted

OWNER_KEY = "slack_user"
"""The metadata that holds the Slack user id of whose job it is."""

_LARGEST_COUNT = 2**63 - 1
_LATEST_TIME = 253_402_300_799  # the last second of the year 9999
_LONGEST_STATUS = 40

DEFAULT_ACCOUNT = "default"
"""The account that OPENAI_API_KEY describes."""


def _status(value: Any) -> str:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_STATUS else UNKNOWN


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _redacted_text(value: Any) -> str | None:
    text = _text(value)
    return text and redacted(text[:MAX_TEXT_LENGTH])


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(value: Any) -> float | None:
    number = _number(value)
    return float(number) if number is not None and 0 < number <= _LATEST_TIME else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= _LARGEST_COUNT else None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _mapping(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _error(value: Any) -> Any:
    if isinstance(value, str) and value:
        return {"message": value}
    return value if isinstance(value, dict) and any(value.get(key) for key in ("code", "message", "param")) else None


Text = Annotated[str | None, BeforeValidator(_text)]
RedactedText = Annotated[str | None, BeforeValidator(_redacted_text)]
"""A sentence, which may repeat a key: where a job calls another service, its error does."""
Time = Annotated[float | None, BeforeValidator(_time)]
Count = Annotated[int | None, BeforeValidator(_count)]
Mapping = Annotated[dict[str, Any] | None, BeforeValidator(_mapping)]


class JobError(BaseModel):
    """Why a job failed, in the provider's words. Its presence proves nothing: failure is decided by the status."""

    model_config = ConfigDict(frozen=True)

    code: Text = None
    message: RedactedText = None
    param: Text = None


class Snapshot(BaseModel):
    """What one read said of a job: the few fields that a sweep compares."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    id: str = Field(min_length=1, max_length=200)
    status: Annotated[str, BeforeValidator(_status)] = UNKNOWN
    fine_tuned_model: Text = None
    created_at: Time = None
    error: Annotated[JobError | None, BeforeValidator(_error)] = None

    @property
    def is_final(self) -> bool:
        """Whether the job is over."""
        return is_final(self.status)


class Job(Snapshot):
    """A job in full. Times are seconds since the epoch, counts are None where the API gave no sane number."""

    model_config = ConfigDict(extra="allow")

    object: Text = None
    finished_at: Time = None
    hyperparameters: Mapping = None
    model: Text = None
    organization_id: Annotated[Text, Field(validation_alias=AliasChoices("organization_id", "organisation_id"))] = None
    result_files: Annotated[list[str], BeforeValidator(_texts)] = []
    trained_tokens: Count = None
    training_file: Text = None
    validation_file: Text = None
    integrations: Annotated[list[dict[str, Any]], BeforeValidator(_mappings)] = []
    seed: Count = None
    metadata: Mapping = None
    method: Mapping = None
    estimated_finish: Time = None

    def seconds_taken(self) -> float | None:
        """Return how long the job took from creation to its end, or None while it is not over."""
        if not self.is_final or self.created_at is None or self.finished_at is None:
            return None
        return max(0.0, self.finished_at - self.created_at)


class Checkpoint(BaseModel):
    """A model that was saved on the way.

    https://platform.openai.com/docs/api-reference/fine-tuning/checkpoint-object
    """

    model_config = ConfigDict(frozen=True)

    id: Text = None
    created_at: Time = None
    fine_tuned_model_checkpoint: Text = None
    step_number: Count = None
    metrics: Mapping = None


class File(BaseModel):
    """A file that was uploaded.

    https://platform.openai.com/docs/api-reference/files/object
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^file-[A-Za-z0-9_-]{1,100}$")
    filename: Text = None
    bytes: Annotated[int, BeforeValidator(lambda value: _count(value) or 0)] = 0
    created_at: Time = None
    purpose: Text = None


class Event(BaseModel):
    """One line of a job's log."""

    model_config = ConfigDict(frozen=True)

    id: Text = None
    created_at: Time = None
    level: Annotated[str, BeforeValidator(lambda value: _text(value) or "info")] = "info"
    message: Annotated[str, BeforeValidator(lambda value: _redacted_text(value) or "")] = ""
    type: Text = None
    data: Mapping = None


class Model(BaseModel):
    """A model that the account can use.

    https://platform.openai.com/docs/api-reference/models/object
    """

    model_config = ConfigDict(frozen=True)

    id: str
    created: Time = None
    shutdown_date: Annotated[date | None, BeforeValidator(_day)] = None
    """From when on it answers nobody any more, where that is announced."""
