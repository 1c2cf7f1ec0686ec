"""Entra ID: tokens of an app registration for Azure accounts, obtained and renewed by azure-identity over our transport.

With a client secret, or with the token file of a workload identity:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport
from azure.identity.aio import ClientSecretCredential, WorkloadIdentityCredential
from pydantic import SecretStr
from typing_extensions import override

from bot.errors import AccessDenialReason, AccessDenied, Unreachable
from bot.providers.account import Account
from bot.providers.auth import Post
from bot.providers.http.wire import Response
from bot.telemetry.redaction import redacted

SCOPE = "https://cognitiveservices.azure.com/.default"
_MAX_REASON = 300
_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class EntraToken:
    """Auth with a token of an app registration; it is renewed five minutes before it ends."""

    def __init__(self, tenant_id: str, client_id: str, *, token_file: str | None = None, authority: str) -> None:
        """Take the app registration; without ``token_file`` an account's key is its client secret.

        Raises:
            ValueError: the tenant or the authority is none.
        """
        self._tenant_id = tenant_id
        self._client_id = client_id
        self._token_file = token_file
        self._authority = authority
        self._credentials: dict[str, ClientSecretCredential | WorkloadIdentityCredential] = {}
        self._granted: dict[str, str] = {}
        """Client secret -> the header with its latest token."""
        self._renewing = asyncio.Lock()
        self._credential("checked by its constructor", _no_post)

    async def headers(self, key: SecretStr, account: Account, post: Post) -> Mapping[str, str]:
        """Return the header with a token that is valid now.

        Raises:
            ProviderError: Entra ID refused, or could not be reached.
        """
        del account
        secret = "" if self._token_file else key.get_secret_value()
        credential = self._credentials.get(secret) or self._credential(secret, post)
        self._credentials[secret] = credential
        try:
            async with self._renewing:  # one request renews the token for all that wait
                token = await credential.get_token(SCOPE)
        except ClientAuthenticationError as error:
            said = redacted(str(error.message).splitlines()[0][:_MAX_REASON])
            if error.status_code in _REFUSALS:
                raise AccessDenied(
                    f"Entra ID refused to issue a token: {said}", reason=AccessDenialReason.KEY
                ) from None
            raise Unreachable(f"Entra ID didn't return a token: {said}", may_have_executed=False) from None
        except Unreachable as error:  # nothing was sent to the fine-tuning API
            raise Unreachable(f"Entra ID: {error}", may_have_executed=False, todo=error.todo) from None
        except (
            AzureError,
            OSError,
            ValueError,
            TypeError,
            KeyError,
        ) as error:  # what azure-identity makes of odd responses
            raise Unreachable(
                f"Entra ID didn't return a token ({type(error).__name__}).", may_have_executed=False
            ) from None
        self._granted[secret] = f"Bearer {token.token}"
        return {"Authorization": self._granted[secret]}

    def renews_after(self, rejected: Mapping[str, str]) -> bool:
        """Return True, and forget the token: it may have ended on its way, or was revoked."""
        for secret, header in list(self._granted.items()):
            if header == rejected["Authorization"]:  # else another request has renewed it
                self._granted.pop(secret, None)
                self._credentials.pop(secret, None)
        return True

    def _credential(self, secret: str, post: Post) -> ClientSecretCredential | WorkloadIdentityCredential:
        # The next poll is the retry.
        common: dict[str, Any] = {"authority": self._authority, "transport": _Transport(post), "retry_total": 0}
        if self._token_file:
            return WorkloadIdentityCredential(
                tenant_id=self._tenant_id, client_id=self._client_id, token_file_path=self._token_file, **common
            )
        return ClientSecretCredential(self._tenant_id, self._client_id, secret, **common)


async def _no_post(_url: str, _headers: Mapping[str, str], _body: bytes | str | Mapping[str, str]) -> Response:
    raise Unreachable("No transport.", may_have_executed=False)


class _Response(AsyncHttpResponse):
    """A response as azure-core reads it."""

    def __init__(self, request: Any, response: Response) -> None:
        super().__init__(request, None)
        self.status_code = response.status
        self.headers = dict(response.headers)
        self.content_type = response.headers.get("content-type")
        self._body = response.body

    @override
    def body(self) -> bytes:
        """Return the whole body."""
        return self._body


class _Transport(AsyncHttpTransport[Any, _Response]):
    """Sends azure-core's requests by our transport."""

    def __init__(self, post: Post) -> None:
        self._post = post

    @override
    async def send(self, request: Any, **_: Any) -> _Response:
        """Send a token request."""
        return _Response(request, await self._post(request.url, dict(request.headers), request.body or b""))

    @override
    async def open(self) -> None:
        """Open nothing: our transport is open as long as its client."""

    @override
    async def close(self) -> None:
        """Close nothing."""

    @override
    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""
