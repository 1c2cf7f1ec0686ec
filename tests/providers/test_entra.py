"""Tokens of Entra ID: obtained once, renewed before they end, and an error says why there is none."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine
from pydantic import SecretStr

from bot.errors import AccessDenied, Unreachable
from bot.providers.dialects.azure import AzureOptions
from bot.providers.entra import SCOPE, EntraToken
from bot.providers.http.wire import Response
from tests.builders import account
from tests.providers.dialects import Spoken

AUTHORITY = "https://login.microsoftonline.com"
TENANT, CLIENT, SECRET = "11111111-2222-3333-4444-555555555555", "my-app", "s3cret-of-the-app"
LIFETIME = 3600


class TokenEndpoint:
    """Entra ID's token endpoint, as a function: it answers requests that its documentation allows, and counts them."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.is_down = False

    async def post(self, url: str, _headers: Mapping[str, str], body: bytes | str | Mapping[str, str]) -> Response:
        """Answer a token request."""
        await asyncio.sleep(0)
        if self.is_down:
            raise Unreachable("No response.", may_have_executed=True)
        form = (
            dict(body)
            if isinstance(body, Mapping)
            else {
                name: values[0] for name, values in parse_qs(body if isinstance(body, str) else body.decode()).items()
            }
        )
        self.forms.append(form)
        assert url == f"{AUTHORITY}/{TENANT}/oauth2/v2.0/token"
        assert (form["grant_type"], form["client_id"], form["scope"]) == ("client_credentials", CLIENT, SCOPE)
        if form.get("client_secret", SECRET) != SECRET:
            said = "AADSTS7000215: Invalid client secret provided."
            return self._answer(401, {"error": "invalid_client", "error_description": said})
        return self._answer(
            200, {"token_type": "Bearer", "expires_in": LIFETIME, "access_token": f"eyJ-token-{len(self.forms)}"}
        )

    @staticmethod
    def _answer(status: int, body: dict[str, Any]) -> Response:
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


async def header(auth: EntraToken, endpoint: TokenEndpoint, secret: str = SECRET) -> str:
    return (await auth.headers(SecretStr(secret), account(), endpoint.post))["Authorization"]


async def test_a_token_is_obtained_once_and_renewed_before_it_ends() -> None:
    auth, endpoint = EntraToken(TENANT, CLIENT, authority=AUTHORITY), TokenEndpoint()
    with time_machine.travel(1_790_000_000, tick=False) as traveller:
        first = await asyncio.gather(*(header(auth, endpoint) for _ in range(10)))
        traveller.shift(LIFETIME - 400)
        later = await header(auth, endpoint)
        traveller.shift(150)
        renewed = await header(auth, endpoint)

    assert set(first) == {"Bearer eyJ-token-1"}
    assert later == "Bearer eyJ-token-1"
    assert renewed == "Bearer eyJ-token-2", "with minutes left"
    assert len(endpoint.forms) == 2


async def test_a_token_that_cannot_be_renewed_is_used_until_it_ends() -> None:
    auth, endpoint = EntraToken(TENANT, CLIENT, authority=AUTHORITY), TokenEndpoint()
    with time_machine.travel(1_790_000_000, tick=False) as traveller:
        await header(auth, endpoint)
        endpoint.is_down = True
        traveller.shift(LIFETIME - 60)
        assert await header(auth, endpoint) == "Bearer eyJ-token-1"
        traveller.shift(120)
        with pytest.raises(Unreachable):
            await header(auth, endpoint)
        endpoint.is_down = False
        assert await header(auth, endpoint) == "Bearer eyJ-token-2"


async def test_a_wrong_client_secret_is_access_denied_and_not_shown() -> None:
    auth, endpoint = EntraToken(TENANT, CLIENT, authority=AUTHORITY), TokenEndpoint()
    with pytest.raises(AccessDenied, match="AADSTS7000215: Invalid client secret") as caught:
        await header(auth, endpoint, "wr0ng-secret-of-the-app")
    assert "wr0ng" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_a_workload_identity_sends_its_token_file_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("assertion-1")
    auth = EntraToken(TENANT, CLIENT, token_file=str(file), authority=AUTHORITY)
    endpoint = TokenEndpoint()
    assert await header(auth, endpoint, "") == "Bearer eyJ-token-1"
    (form,) = endpoint.forms
    assert form["client_assertion"] == "assertion-1"
    assert "client_secret" not in form


def test_an_azure_account_with_an_app_registration_uses_its_tokens() -> None:
    options = AzureOptions(tenant_id=TENANT, client_id=CLIENT)
    assert isinstance(Spoken(provider="azure", options=options).dialect.auth, EntraToken)


@pytest.mark.parametrize("options", [AzureOptions(tenant_id=TENANT), AzureOptions(client_id=CLIENT)])
def test_half_an_app_registration_is_refused(options: AzureOptions) -> None:
    with pytest.raises(ValueError, match="tenant_id and client_id must both be set"):
        Spoken(provider="azure", options=options)


@pytest.mark.parametrize(
    "options",
    [
        AzureOptions(tenant_id="Contoso Corp", client_id=CLIENT),
        AzureOptions(tenant_id=TENANT, client_id=CLIENT, authority="http://login.example"),
    ],
)
def test_a_tenant_or_an_authority_that_is_none_is_refused_at_the_start(options: AzureOptions) -> None:
    with pytest.raises(ValueError, match=r"tenant|authority"):
        Spoken(provider="azure", options=options)


@pytest.mark.parametrize(
    "body",
    [{"token_type": "Bearer", "expires_in": 1}, {"access_token": "t", "expires_in": "abc"}, 7, None, [], "<html>"],
    ids=str,
)
async def test_an_odd_response_is_an_outage_and_no_bug(body: Any) -> None:
    async def post(_url: str, _headers: Mapping[str, str], _body: bytes | str | Mapping[str, str]) -> Response:
        return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())

    auth = EntraToken(TENANT, CLIENT, authority=AUTHORITY)
    with pytest.raises(Unreachable) as caught:
        await auth.headers(SecretStr(SECRET), account(), post)
    assert not caught.value.may_have_executed


async def test_a_token_endpoint_that_hangs_executes_no_action() -> None:
    auth, endpoint = EntraToken(TENANT, CLIENT, authority=AUTHORITY), TokenEndpoint()
    endpoint.is_down = True
    with pytest.raises(Unreachable) as caught:
        await header(auth, endpoint)
    assert not caught.value.may_have_executed


async def test_a_rejected_token_is_renewed_once_for_all_that_used_it() -> None:
    auth, endpoint = EntraToken(TENANT, CLIENT, authority=AUTHORITY), TokenEndpoint()
    old = {"Authorization": await header(auth, endpoint)}
    assert auth.renews_after(old)
    assert await header(auth, endpoint) == "Bearer eyJ-token-2"
    assert auth.renews_after(old), "too late: another request has renewed it"
    assert await header(auth, endpoint) == "Bearer eyJ-token-2"
