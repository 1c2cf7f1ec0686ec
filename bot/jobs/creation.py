"""Request body for a new fine-tuning job. Pure.

https://platform.openai.com/docs/api-reference/fine-tuning/create
"""

from dataclasses import dataclass
from typing import Any, Literal

from bot.jobs.models import NAME_KEY, OWNER_KEY, Job

REQUEST_KEY = "ftjob_request"
"""Metadata key of the request ID, by which a job is found if its creation got no response."""
REQUEST_PREFIX = "request-"
"""Prefix of request IDs, which stand for a job until it is created; no message shows them."""
BOOKKEEPING_KEYS = (OWNER_KEY, REQUEST_KEY, NAME_KEY)
"""Metadata keys that no message repeats as metadata: the name and the owner have their own place, the request none."""
MAX_METADATA_PAIRS = 14
"""Metadata pairs that a user may add: a job has up to 16, and two are ours."""

Method = Literal["supervised", "dpo"]
METHODS: dict[str, Method] = {"supervised": "supervised", "dpo": "dpo"}
Number = int | float
_NUMBERS = ("n_epochs", "batch_size", "learning_rate_multiplier", "beta")
"""Hyperparameters that a request can set."""


@dataclass(frozen=True)
class JobRequest:
    """Parameters of a new job; the API chooses those that are None or left out."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    method: Method = "supervised"
    hyperparameters: tuple[tuple[str, Number], ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def body(self, *, request: str, owner: str) -> dict[str, Any]:
        """Return the JSON body, with the request ID and the owner's Slack user ID in the metadata."""
        method: dict[str, Any] = {"type": self.method}
        if self.hyperparameters:
            method[self.method] = {"hyperparameters": dict(self.hyperparameters)}
        fields = {
            "model": self.model,
            "training_file": self.training_file,
            "validation_file": self.validation_file,
            "suffix": self.suffix,
            "seed": self.seed,
            "method": method,
            "metadata": {**dict(self.metadata), OWNER_KEY: owner, REQUEST_KEY: request},
        }
        return {name: value for name, value in fields.items() if value is not None}


def request_like(job: Job) -> JobRequest | None:
    """Return the request that would create a job again; None if its method can't be requested here."""
    kind = str((job.method or {}).get("type") or "supervised")
    if kind not in METHODS or not job.model or not job.training_file:
        return None
    # The API chooses what is "auto", and may say its choice in one of the two places only.
    settings = (job.method_hyperparameters(), job.hyperparameters or {})
    chosen = {name: value for each in settings for name, value in _numbers_in(each)}
    suffix = (job.model_extra or {}).get("user_provided_suffix")
    metadata = ((key, value) for key, value in (job.metadata or {}).items() if key not in (OWNER_KEY, REQUEST_KEY))
    return JobRequest(
        job.model,
        job.training_file,
        job.validation_file,
        suffix if isinstance(suffix, str) and suffix else None,
        job.seed,
        METHODS[kind],
        tuple((name, chosen[name]) for name in _NUMBERS if name in chosen),
        tuple((key, value) for key, value in metadata if isinstance(value, str))[:MAX_METADATA_PAIRS],
    )


def _numbers_in(settings: dict[str, Any]) -> list[tuple[str, Number]]:
    """Return the hyperparameters that are numbers."""
    return [
        (name, value)
        for name, value in settings.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
