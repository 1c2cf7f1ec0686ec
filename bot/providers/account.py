"""What the bot has to know of an account of a provider to watch it."""

from dataclasses import dataclass

from pydantic import SecretStr

AZURE = "azure"
"""The account that AZURE_OPENAI_ENDPOINT describes, and the provider behind it."""

PROVIDERS: dict[str, str | None] = {
    "openai": "https://api.openai.com/v1",
    AZURE: None,
    "together": "https://api.together.ai/v1",
    "fireworks": "https://api.fireworks.ai/v1",
}
"""Every provider whose dialect is spoken, and where its API is; None where each account has an address of its own."""


@dataclass(frozen=True)
class Account:
    """One account of a provider."""

    name: str
    base_url: str
    """Without a slash at the end: "https://api.openai.com/v1"."""
    key: SecretStr
    write_key: SecretStr | None = None
    """Used for orders alone, so that the watching key can be read-only."""
    organization: str | None = None
    project: str | None = None
    provider: str = "openai"
    """One of ``PROVIDERS``."""
    api_version: str | None = None
    """What Azure's API is asked to speak, such as "2024-10-21"; None for the one without versions."""
    uses_entra_id: bool = False
    """Whether Azure's key is a token of Entra ID."""
    job_page_url: str | None = None
    """The address of a job's page, with {job} for its id, where it is not the provider's own."""
    webhook_secrets: tuple[SecretStr, ...] = ()
    """What signs the account's webhooks; two while one takes the other's place."""

    @property
    def display_name(self) -> str:
        """What to call the project in chat, where there is one account."""
        return f"project `{self.project}`" if self.project else "the project of this bot's API key"
