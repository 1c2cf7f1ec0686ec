"""Azure OpenAI and Foundry: OpenAI's API at the resource's own URL, with an API key or an Entra ID token.

API versions such as 2024-10-21: https://learn.microsoft.com/azure/ai-services/openai/reference
Unversioned API: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict

from bot.jobs.actions import JobAction
from bot.net.urls import check_azure
from bot.providers.account import Account
from bot.providers.auth import Auth, Bearer, Header
from bot.providers.dialect import FAILED, Dialect, ItemList
from bot.providers.dialects import openai
from bot.providers.fields import converted, field, same

FIRST_WITH_PAUSE = "2025-04-01-preview"
"""First API version that can pause jobs."""
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?", re.ASCII)


def parse_api_version(value: Any) -> str | None:
    """Return Azure's API version, or None for the v1 API, which has no versions.

    Raises:
        ValueError: it is not a version.
    """
    if value in (None, "v1", "preview"):
        return None
    if not isinstance(value, str) or not _API_VERSION.fullmatch(value):
        raise ValueError('must be an Azure API version such as "2024-10-21", or "v1"')
    return value


class AzureOptions(BaseModel):
    """Options of an Azure account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_version: Annotated[str | None, BeforeValidator(parse_api_version)] = None
    """API version, such as "2024-10-21"; None is the v1 API, which has no versions."""
    bearer: bool = False
    """Whether the key is a token of Entra ID."""
    tenant_id: str | None = None
    """Tenant of an app registration in Entra ID, whose tokens are used instead of a key."""
    client_id: str | None = None
    """Client ID of the app registration; ``key_env`` names its client secret."""
    federated_token_file: str | None = None
    """File with the token of a workload identity, used instead of a client secret."""
    authority: str = "https://login.microsoftonline.com"
    """Entra ID's URL; other clouds have their own."""

    @property
    def needs_key(self) -> bool:
        """Whether the account has a key or a client secret."""
        return self.federated_token_file is None


def _base_url(endpoint: str, version: str | None) -> str:
    """Return the base URL of the API. A path segment ``openai`` already names it; ``openai-prod`` is a gateway's own."""
    address = endpoint.rstrip("/")
    segments = urlsplit(address).path.split("/")
    if "openai" not in segments:
        address, segments = f"{address}/openai", ["openai"]
    return address if version or segments[-1] != "openai" else f"{address}/v1"


def _configured(dialect: Dialect, account: Account) -> Dialect:
    options = account.options if isinstance(account.options, AzureOptions) else AzureOptions()
    version, actions = options.api_version, dict(dialect.actions)
    try:
        check_azure(account.base_url, version)
    except ValueError as error:
        raise ValueError(f"api_version {error}") from None
    if version:
        # These versions have no metadata, by which an unconfirmed creation could be found.
        actions.pop(JobAction.CREATE)
        if version < FIRST_WITH_PAUSE:
            actions = openai.CANCEL
    return replace(
        dialect,
        base_url=_base_url(account.base_url, version),
        query=(("api-version", version),) if version else (),
        auth=_auth(options) or dialect.auth,
        actions=actions,
    )


def _auth(options: AzureOptions) -> Auth | None:
    """Return how an account authenticates itself, if not with a key.

    Raises:
        ValueError: a part of the app registration, or the package for it, is missing.
    """
    if options.bearer:
        return Bearer()
    if not (options.tenant_id or options.client_id or options.federated_token_file):
        return None
    if not (options.tenant_id and options.client_id):
        raise ValueError("tenant_id and client_id must both be set")
    try:
        from bot.providers.entra import EntraToken  # noqa: PLC0415 - an optional package
    except ImportError:
        raise ValueError("tenant_id requires azure-identity; install ftjob[azure]") from None
    return EntraToken(
        options.tenant_id, options.client_id, token_file=options.federated_token_file, authority=options.authority
    )


def _day(seconds: Any) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _shutdown_date(item: Any) -> Any:
    return field("shutdown_date")(item) or converted("deprecation.inference", _day)(item)


DIALECT = Dialect(
    id="azure",
    name="Azure",
    base_url=None,
    auth=Header("api-key"),
    listings=(replace(openai.LISTING, job_page="https://ai.azure.com/"),),
    job=openai.JOB,
    statuses=openai.STATUSES,
    status_prefix=openai.STATUS_PREFIX,
    actions=openai.ACTIONS,
    events=replace(openai.EVENTS, oldest_first=True),
    explained_in_log=FAILED,
    checkpoints=openai.CHECKPOINTS,
    files=openai.FILES,
    file_content=openai.FILE_CONTENT,
    models=ItemList(
        "/models",
        same("id", "created")
        | {"shutdown_date": _shutdown_date, "last_training_date": converted("deprecation.fine_tune", _day)},
    ),
    hint=":rocket: Deploy the model before use.",
    endpoint="the resource's endpoint, such as https://name.openai.azure.com",
    options=AzureOptions,
    configure=_configured,
)
