"""Accounts of fine-tuning providers: base URL, keys and options of each."""

from dataclasses import dataclass

from pydantic import SecretStr

AZURE = "azure"
"""Name of the account that AZURE_OPENAI_ENDPOINT configures, and of its provider."""

PROVIDERS: dict[str, str | None] = {
    "openai": "https://api.openai.com/v1",
    AZURE: None,
    "together": "https://api.together.ai/v1",
    "fireworks": "https://api.fireworks.ai/v1",
}
"""Supported providers with the base URL of their API; None if each account has its own."""


@dataclass(frozen=True)
class Account:
    """One account of a provider."""

    name: str
    base_url: str
    """Without a trailing slash: "https://api.openai.com/v1"."""
    key: SecretStr
    write_key: SecretStr | None = None
    """Used only for actions, so that ``key`` can be read-only."""
    organization: str | None = None
    project: str | None = None
    provider: str = "openai"
    """One of ``PROVIDERS``."""
    api_version: str | None = None
    """Azure's ``api-version``, such as "2024-10-21"; None for its unversioned API."""
    uses_entra_id: bool = False
    """Whether Azure's key is an Entra ID token."""
    job_page_url: str | None = None
    """URL of a job's page, with {job} for its ID, if it is not the provider's own."""
    webhook_secrets: tuple[SecretStr, ...] = ()
    """Signing secrets of the account's webhooks; two during a rotation."""

    @property
    def display_name(self) -> str:
        """Name of the project in Slack, if there is only one account."""
        return f"project `{self.project}`" if self.project else "your project"
