"""Request body for a new fine-tuning job. Pure.

https://platform.openai.com/docs/api-reference/fine-tuning/create
"""

from dataclasses import dataclass
from typing import Any, Literal

from bot.jobs.models import OWNER_KEY

REQUEST_KEY = "ftjob_request"
"""Metadata key of the request ID, by which a job is found if its creation got no response."""
MAX_METADATA_PAIRS = 14
"""Metadata pairs that a user may add: a job has up to 16, and two are ours."""

Method = Literal["supervised", "dpo"]
Number = int | float


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
