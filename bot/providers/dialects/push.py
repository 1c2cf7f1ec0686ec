"""Jobs of the team's own trainers, which push them to the bot: docs/push.md.

There is no API: the bot answers these requests itself, from what the trainers sent.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from bot.jobs.actions import JobAction
from bot.jobs.statuses import KNOWN_STATUSES
from bot.providers.auth import Bearer
from bot.providers.dialect import BY_ID, Call, Dialect, ItemList, Listing
from bot.providers.fields import same
from bot.providers.variables import variable_name


class PushOptions(BaseModel):
    """Options of an account whose trainers push their jobs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    push_token_env: Annotated[str, variable_name("GPU_PUSH_TOKEN", "token")]
    """The environment variable with the trainers' token; with two, separated by a comma, while one is rotated."""

    @property
    def needs_key(self) -> bool:
        """Whether the account needs the key of an API."""
        return False


DIALECT = Dialect(
    id="push",
    name="custom trainer",
    is_pushed=True,
    page_label="Open job page",
    base_url=None,
    auth=Bearer(),
    listings=(Listing("/jobs", job_page="", pages=BY_ID),),
    job=same(
        "id",
        "status",
        "created_at",
        "finished_at",
        "error",
        "fine_tuned_model",
        "model",
        "metadata",
        "url",
        "run_number",
        "silent_since",
    ),
    statuses={word: word for word in KNOWN_STATUSES},
    actions={JobAction.CANCEL: Call("/cancel")},
    events=ItemList("/events", same("id", "created_at", "level", "message"), pages=BY_ID),
    checkpoints=ItemList(
        "/checkpoints",
        same("id", "created_at", "fine_tuned_model_checkpoint", "step_number", "metrics"),
        pages=BY_ID,
    ),
    metrics=ItemList(
        "/metrics",
        same(
            "step",
            "train_loss",
            "valid_loss",
            "full_valid_loss",
            "train_mean_reward",
            "valid_mean_reward",
            "full_valid_mean_reward",
            "train_accuracy",
            "valid_accuracy",
        ),
    ),
    options=PushOptions,
)
