"""Azure dialect: OpenAI's API at the resource's own URL, with an API key or an Entra ID token.

API versions such as 2024-10-21: https://learn.microsoft.com/azure/ai-services/openai/reference
Unversioned API: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
"""

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr
from typing_extensions import override

from bot.jobs.actions import JobAction
from bot.providers.account import Account
from bot.providers.openai import OpenAI

FIRST_WITH_PAUSE = "2025-04-01-preview"
"""First API version that can pause jobs."""


class Azure(OpenAI):
    """OpenAI's API as Azure offers it."""

    name: ClassVar[str] = "Azure"
    job_page_url: ClassVar[str] = "https://ai.azure.com/"
    hint: ClassVar[str | None] = ":rocket: Deploy the model before use."
    newest_event_first: ClassVar[bool] = False

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        if account.api_version:
            # These versions have no metadata, by which an unconfirmed creation could be found.
            self.actions -= {JobAction.CREATE}
            if account.api_version < FIRST_WITH_PAUSE:
                self.actions -= {JobAction.PAUSE, JobAction.RESUME}

    @override
    @property
    def base_url(self) -> str:
        """Base URL of the API. A path segment ``openai`` already names the API; ``openai-prod`` is a gateway's own."""
        address = self.account.base_url.rstrip("/")
        segments = urlsplit(address).path.split("/")
        if "openai" not in segments:
            address, segments = f"{address}/openai", ["openai"]
        is_whole = self.account.api_version or segments[-1] != "openai"
        return address if is_whole else f"{address}/v1"

    @override
    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Query parameters of every request."""
        return (("api-version", self.account.api_version),) if self.account.api_version else ()

    @override
    def auth_headers(self, key: SecretStr) -> dict[str, str]:
        """Return the authentication header."""
        secret = key.get_secret_value()
        return {"Authorization": f"Bearer {secret}"} if self.account.uses_entra_id else {"api-key": secret}
