"""Any API in OpenAI's shape; the configuration file says what it can do."""

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from bot.jobs.actions import JobAction
from bot.providers.account import Account
from bot.providers.auth import Bearer
from bot.providers.dialect import FAILED, Dialect
from bot.providers.dialects import openai


class CompatibleOptions(BaseModel):
    """Options of an account of an OpenAI-compatible API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actions: frozenset[JobAction] = frozenset({JobAction.CANCEL})
    """Actions that the API supports. Create requires that it keeps metadata: an unconfirmed job is found by it."""
    hint: str | None = Field(default=None, max_length=200)
    """What has to be done before a new model can be called."""


def _configured(dialect: Dialect, account: Account) -> Dialect:
    options = account.options if isinstance(account.options, CompatibleOptions) else CompatibleOptions()
    creates = JobAction.CREATE in options.actions
    return replace(
        dialect,
        actions={action: call for action, call in openai.ACTIONS.items() if action in options.actions},
        listings=(replace(dialect.listings[0], filters_metadata=creates),),
        files=openai.FILES if creates else None,
        hint=options.hint,
    )


DIALECT = Dialect(
    id="openai-compatible",
    name="OpenAI-compatible API",
    page_label="Open job page",
    base_url=None,
    auth=Bearer(),
    listings=(replace(openai.LISTING, job_page=""),),
    job=openai.JOB,
    statuses=openai.STATUSES,
    actions=openai.CANCEL,
    events=openai.EVENTS,
    explained_in_log=FAILED,
    checkpoints=openai.CHECKPOINTS,
    file_content=openai.FILE_CONTENT,
    models=openai.MODELS,
    endpoint="the API's base URL, such as https://host/v1",
    options=CompatibleOptions,
    configure=_configured,
)
