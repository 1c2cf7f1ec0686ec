"""Stand-in for Entra ID's token endpoint: it grants tokens that end to an app registration with a client secret.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import asyncio
import hmac
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.openai.azure import ENTRA_PREFIX
from bot.sandbox.server import LoopbackServer, ServerResponse

ENDPOINT = "POST /{tenant}/oauth2/v2.0/token"
SCOPE = "https://cognitiveservices.azure.com/.default"


@dataclass(frozen=True)
class AppRegistration:
    """An app that may get tokens."""

    tenant_id: str
    client_id: str
    client_secret: str


class EntraId(LoopbackServer):
    """Entra ID of one tenant; a token is a key of an Azure stand-in until it ends."""

    def __init__(self, app: AppRegistration, keys: MutableMapping[str, ApiKey], *, lifetime: int, marker: str) -> None:
        """Grant tokens that are ``keys`` for ``lifetime`` seconds; each has ``marker`` in it."""
        super().__init__()
        self._registration = app
        self._keys = keys
        self.lifetime = lifetime
        self._marker = marker
        self._granted = 0
        self.app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)

    async def _token(self, http: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await http.post()).items()}
        arguments = {name: form.get(name) for name in ("grant_type", "client_id", "scope")}
        return await self.serve(http, ENDPOINT, arguments, lambda: self._grant(http.match_info["tenant"], form))

    def _grant(self, tenant: str, form: Mapping[str, str]) -> ServerResponse:
        known = self._registration
        if tenant != known.tenant_id:
            return _error("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _error("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != known.client_id:
            return _error("unauthorized_client", 700016, "Application was not found in the directory.")
        if not hmac.compare_digest(form.get("client_secret", ""), known.client_secret):
            return _error("invalid_client", 7000215, "Invalid client secret provided.", HTTPStatus.UNAUTHORIZED)
        if form.get("scope") != SCOPE:
            return _error("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
        self._granted += 1
        token = f"{ENTRA_PREFIX}{self._marker}-{self._granted}"
        self._keys[token] = ApiKey(f"token {self._granted}")
        asyncio.get_running_loop().call_later(self.lifetime, self._keys.pop, token, None)
        return ServerResponse(
            {
                "token_type": "Bearer",
                "expires_in": self.lifetime,
                "ext_expires_in": self.lifetime,
                "access_token": token,
            }
        )


def _error(word: str, number: int, said: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> ServerResponse:
    body = {"error": word, "error_description": f"AADSTS{number}: {said}", "error_codes": [number]}
    return ServerResponse(body, status, accepted=False)
