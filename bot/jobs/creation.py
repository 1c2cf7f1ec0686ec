"""A job to be created, as somebody asked for it. Pure.

https://platform.openai.com/docs/api-reference/fine-tuning/create
"""

from dataclasses import dataclass
from typing import Any, Literal

from bot.jobs.models import OWNER_KEY

REQUEST_KEY = "ftjob_request"
"""The metadata by which a job is found again whose creation got no answer."""
MAX_METADATA_PAIRS = 14
"""Pairs of metadata that somebody may ask for: a job carries 16, and two are ours."""

Method = Literal["supervised", "dpo"]
Number = int | float


@dataclass(frozen=True)
class JobRequest:
    """What a new job is asked to be; what is None, or not named, the API chooses."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    method: Method = "supervised"
    hyperparameters: tuple[tuple[str, Number], ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def body(self, *, request: str, owner: str) -> dict[str, Any]:
        """Return it as the API takes it, with the two pairs by which it is found and told whose it is."""
        method: dict[str, Any] = {"type": self.method}
        if self.hyperparameters:
            method[self.method] = {"hyperparameters": dict(self.hyperparameters)}
        wanted = {
            "model": self.model,
            "training_file": self.training_file,
            "validation_file": self.validation_file,
            "suffix": self.suffix,
            "seed": self.seed,
            "method": method,
            "metadata": {**dict(self.metadata), OWNER_KEY: owner, REQUEST_KEY: request},
        }
        return {name: value for name, value in wanted.items() if value is not None}
