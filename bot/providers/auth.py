"""Authentication: the headers that prove to an API who asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from bot.providers.account import Account
from bot.providers.http.wire import Response

Post = Callable[[str, Mapping[str, str], bytes | str | Mapping[str, str]], Awaitable[Response]]
"""Sends a POST request without the account's key: URL, headers and body. Raises a ``ProviderError`` without a response."""


class Auth(Protocol):
    """How requests authenticate themselves."""

    async def headers(self, key: SecretStr, account: Account, post: Post) -> Mapping[str, str]:
        """Return the headers for a request with one of the account's keys; ``post`` gets a token, if it needs one.

        Raises:
            ProviderError: a token could not be obtained.
        """

    def renews_after(self, rejected: Mapping[str, str]) -> bool:
        """Whether the API may accept new headers after it rejected these; a token among them is not used again."""


@dataclass(frozen=True)
class Bearer:
    """The key as a bearer token; headers for organization and project if the API has them."""

    organization_header: str | None = None
    project_header: str | None = None

    async def headers(self, key: SecretStr, account: Account, _post: Post) -> Mapping[str, str]:
        """Return the headers."""
        scopes = {self.organization_header: account.organization, self.project_header: account.project}
        found = {name: value for name, value in scopes.items() if name and value}
        return {"Authorization": f"Bearer {key.get_secret_value()}", **found}

    def renews_after(self, rejected: Mapping[str, str]) -> bool:
        """Return False: the key stays the same."""
        del rejected
        return False


@dataclass(frozen=True)
class Header:
    """The key in a header of its own."""

    name: str

    async def headers(self, key: SecretStr, _account: Account, _post: Post) -> Mapping[str, str]:
        """Return the header."""
        return {self.name: key.get_secret_value()}

    def renews_after(self, rejected: Mapping[str, str]) -> bool:
        """Return False: the key stays the same."""
        del rejected
        return False
