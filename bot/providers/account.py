"""Accounts of fine-tuning providers: base URL, keys and options of each."""

from dataclasses import dataclass

from pydantic import BaseModel, SecretStr

AZURE = "azure"
"""Name of the account that AZURE_OPENAI_ENDPOINT configures, and of its provider."""


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
    """ID of its dialect."""
    options: BaseModel | None = None
    """What its dialect's ``options`` read from the configuration file; None is their defaults."""
    job_page_url: str | None = None
    """URL of a job's page, with {job} for its ID, if it is not the provider's own."""
    webhook_secrets: tuple[SecretStr, ...] = ()
    """Signing secrets of the account's webhooks; two during a rotation."""
    push_tokens: tuple[SecretStr, ...] = ()
    """Tokens of the trainers that push their jobs; two during a rotation."""

    @property
    def display_name(self) -> str:
        """Name of the project in Slack, if there is only one account."""
        return f"project `{self.project}`" if self.project else "your project"
