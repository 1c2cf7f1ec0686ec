"""Models of the objects that fine-tuning APIs return: jobs, events, checkpoints, files and models, parsed leniently. Pure.

Only ``id`` is required. Real responses leave fields out, answer ``null``, ``0`` or ``{}`` for "not yet", spell
``organisation_id`` in British English and add fields and statuses; none of that may lose a job.
Fields: https://platform.openai.com/docs/api-reference/fine-tuning/object
"""

from datetime import date
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from bot.jobs.ids import short_id
from bot.jobs.statuses import UNKNOWN, is_final
from bot.telemetry.redaction import MAX_TEXT_LENGTH, redacted
from bot.text import is_invisible

OWNER_KEY = "slack_user"
"""Metadata key of the Slack user ID of a job's owner."""
NAME_KEY = "name"
"""Metadata key of a job's name."""

MAX_NAME_LENGTH = 60
"""Characters of a display name; a longer one is cut."""
_MODEL_NAME_PARTS = 5
"""Of a fine-tuned model: ft:base:organization:suffix:id."""
_MAX_COUNT = 2**63 - 1
_MAX_TIME = 253_402_300_799  # the last second of the year 9999
_MAX_STATUS_LENGTH = 40
DEFAULT_ACCOUNT = "default"
"""Name of the account that OPENAI_API_KEY configures."""


def _status(value: Any) -> str:
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_STATUS_LENGTH else UNKNOWN


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _redacted_text(value: Any) -> str | None:
    text = _text(value)
    return text and redacted(text[:MAX_TEXT_LENGTH])


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(value: Any) -> float | None:
    number = _number(value)
    return float(number) if number is not None and 0 < number <= _MAX_TIME else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= _MAX_COUNT else None


def _fraction(value: Any) -> float | None:
    number = _number(value)
    return float(number) if number is not None and 0 <= number <= 1 else None


def _dollars(value: Any) -> float | None:
    number = _number(value)
    return float(number) if number is not None and 0 < number <= _MAX_COUNT else None


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
"""Free text, which may quote a secret: the error of a job that calls another service does."""
Time = Annotated[float | None, BeforeValidator(_time)]
Count = Annotated[int | None, BeforeValidator(_count)]
Mapping = Annotated[dict[str, Any] | None, BeforeValidator(_mapping)]


class JobError(BaseModel):
    """The provider's error of a job. A job without failure may have one: only its status tells whether it failed."""

    model_config = ConfigDict(frozen=True)

    code: Text = None
    message: RedactedText = None
    param: Text = None


class Snapshot(BaseModel):
    """One read of a job: the few fields that a poll compares."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    id: str = Field(min_length=1, max_length=200)
    status: Annotated[str, BeforeValidator(_status)] = UNKNOWN
    fine_tuned_model: Text = None
    created_at: Time = None
    error: Annotated[JobError | None, BeforeValidator(_error)] = None

    @property
    def is_final(self) -> bool:
        """Whether the job is finished."""
        return is_final(self.status)


class Job(Snapshot):
    """A whole job. Times are Unix seconds; a time or count is None if the API returned no plausible number."""

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
    fraction_done: Annotated[float | None, BeforeValidator(_fraction)] = None
    """Finished part of the training, 0 to 1, if the API tells it."""
    cost: Annotated[float | None, BeforeValidator(_dollars)] = None
    """US dollars, as the API tells them."""
    url: Text = None
    """Its page, if its trainer named one."""
    run_number: Count = None
    """How many runs it has had, if a trainer of the team's own pushes it."""
    silent_since: Time = None
    """When its trainer was last heard, if it is silent."""

    @property
    def is_reinforcement(self) -> bool:
        """Whether it is trained on rewards, not on a loss."""
        return (self.method or {}).get("type") == "reinforcement"

    def method_hyperparameters(self) -> dict[str, Any]:
        """Return its method's hyperparameters, nested in ``{"type": "dpo", "dpo": {"hyperparameters": {...}}}``."""
        method = self.method or {}
        inner = method.get(str(method.get("type")))
        settings = inner.get("hyperparameters") if isinstance(inner, dict) else None
        return settings if isinstance(settings, dict) else {}

    def duration(self) -> float | None:
        """Return the seconds from creation to finish; None for an unfinished job."""
        if not self.is_final or self.created_at is None or self.finished_at is None:
            return None
        return max(0.0, self.finished_at - self.created_at)


class Checkpoint(BaseModel):
    """A checkpoint: a model saved during training.

    https://platform.openai.com/docs/api-reference/fine-tuning/checkpoint-object
    """

    model_config = ConfigDict(frozen=True)

    id: Text = None
    created_at: Time = None
    fine_tuned_model_checkpoint: Text = None
    step_number: Count = None
    metrics: Mapping = None


class File(BaseModel):
    """An uploaded file.

    https://platform.openai.com/docs/api-reference/files/object
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^file-[A-Za-z0-9_-]{1,100}$")
    filename: Text = None
    bytes: Annotated[int, BeforeValidator(lambda value: _count(value) or 0)] = 0
    created_at: Time = None
    purpose: Text = None


class Event(BaseModel):
    """An event of a job: one line of its log."""

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
    """Announced date from which requests to it fail."""
    last_training_date: Annotated[date | None, BeforeValidator(_day)] = None
    """Announced last date on which it can be fine-tuned."""


def display_name(job: Job) -> str:
    """Return the name under which a job is shown: its own, else the start and the end of its ID; untrusted text."""
    return job_name(job) or short_id(job.id)


def job_name(job: Job) -> str | None:
    """Return a job's name on one line: its metadata ``name``, else its suffix, else None."""
    extra = job.model_extra or {}
    given = (
        (job.metadata or {}).get(NAME_KEY),
        extra.get("suffix"),
        extra.get("user_provided_suffix"),
        model_suffix(job.fine_tuned_model),
    )
    names = (_cleaned(each) for each in given if isinstance(each, str))
    return next((name for name in names if name), None)


def matches_name(job: Job, text: str) -> bool:
    """Whether a job's name contains a text; case does not count."""
    return text.casefold() in (job_name(job) or "").casefold()


def model_suffix(model: str | None) -> str | None:
    """Return the suffix of a fine-tuned model's name: "search" of "ft:gpt-4o-mini:acme:search:AbC123"; None without one."""
    parts = (model or "").split(":")
    return (parts[3] or None) if len(parts) == _MODEL_NAME_PARTS and parts[0] == "ft" else None


def _cleaned(text: str) -> str:
    """Return the visible characters on one line, cut to ``MAX_NAME_LENGTH``."""
    name = " ".join("".join(" " if is_invisible(each) else each for each in text).split())
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"
