"""An Azure account with an app registration: tokens end while the bot polls, and Entra ID is down for an hour."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from bot.app.bot import Bot
from bot.providers.http import transport
from bot.sandbox.faults import Fault
from bot.sandbox.openai.azure import AzureApi
from bot.sandbox.openai.entra import ENDPOINT, AppRegistration, EntraId
from bot.sandbox.server import ServerResponse
from tests import canaries
from tests.tls import certificate, tls_front
from tests.world import World

LIST = "GET /fine_tuning/jobs"
APP = AppRegistration("11111111-2222-3333-4444-555555555555", "my-app", canaries.KEY)
HOUR = 3600
BODY = {"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error has occurred."}


class ForgetfulAzureApi(AzureApi):
    """An Azure resource where every token may end behind a page of jobs."""

    ends_tokens_after_page = False

    @override
    def translate(self, endpoint: str, response: ServerResponse) -> ServerResponse:
        """Return a response in Azure's format."""
        if endpoint == LIST and self.ends_tokens_after_page:
            self.ends_tokens_after_page = False
            self.keys.clear()
        return super().translate(endpoint, response)


@pytest.fixture(name="pem")
def _pem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    transport.ssl_context.cache_clear()
    yield pem
    transport.ssl_context.cache_clear()


@asynccontextmanager
async def app_bot(world: World, pem: Path) -> AsyncIterator[tuple[Bot, "ForgetfulAzureApi", EntraId]]:
    """Run the bot with an Azure account that has an app registration, and no other; it polls once a minute."""
    async with (
        ForgetfulAzureApi(keys={}, job_id_length=14) as api,
        EntraId(APP, api.keys, lifetime=HOUR, marker=canaries.WRITE_KEY) as entra,
        tls_front(pem, entra) as port,
    ):
        file = world.folder / "ftjob.toml"
        file.write_text(
            "[accounts.azure]\n"
            'provider = "azure"\n'
            f'base_url = "{api.base_url}"\n'
            'key_env = "CLIENT_SECRET"\n'
            f'tenant_id = "{APP.tenant_id}"\n'
            f'client_id = "{APP.client_id}"\n'
            f'authority = "https://localhost:{port}"\n'
        )
        more = {"OPENAI_API_KEY": "", "OPENAI_WRITE_API_KEY": "", "CLIENT_SECRET": APP.client_secret}
        async with world.bot(FTJOB_CONFIG=str(file), FTJOB_POLL_SECONDS="60", **more) as bot:
            yield bot, api, entra


def keys_of(api: AzureApi) -> list[tuple[str, int]]:
    """Return the key and the status of each request."""
    return [(entry.credential, entry.status) for entry in api.request_log]


async def test_a_token_that_ends_in_the_middle_of_a_poll_is_renewed_and_nothing_is_lost(
    world: World, pem: Path
) -> None:
    async with app_bot(world, pem) as (bot, api, _):
        job = api.add_job(status="running")
        await world.say(f"track {job}")
        for _ in range(120):
            api.add_job(status="succeeded")
        await bot.pollers["azure"].poll()
        before = len(keys_of(api))
        api.change(job, status="paused")
        api.ends_tokens_after_page = True
        await bot.pollers["azure"].poll()
        await world.until_delivered(job, "Paused")
        requests = keys_of(api)[before:]

    assert requests[:3] == [("token 1", 200), ("", 401), ("token 2", 200)]


async def test_an_hour_without_tokens_is_told_once_and_nothing_is_lost(world: World, pem: Path) -> None:
    async with app_bot(world, pem) as (bot, api, entra):
        job, other = api.add_job(status="running"), api.add_job(status="running")
        for each in (job, other):
            await world.say(f"track {each}")
        await bot.pollers["azure"].poll()
        asked = len(entra.request_log)
        entra.faults.always(ENDPOINT, Fault("answer", status=503, body=BODY))
        api.keys.clear()
        api.change(job, status="paused")
        for _ in range(60):
            world.skip(60)
            await bot.pollers["azure"].poll()
        api.change(other, status="succeeded", fine_tuned_model="gpt-4o-mini-2024-07-18.ft-0123456789abcdef")
        entra.faults.clear()
        for _ in range(3):
            world.skip(60)
            await bot.pollers["azure"].poll()
        await world.until_delivered(job, "Paused")
        await world.until_delivered(other, "Succeeded")
        await world.until_quiet(bot)
        channels = world.slack.workspace.channels.values()

    told = [each.plain_text for channel in channels for each in channel.messages if "Entra ID" in each.plain_text]
    assert len(told) == 1
    assert "AADSTS90033" in told[0]
    assert len(entra.request_log) - asked <= 70, "about one request a minute"
    assert world.delivered(job) == ["Paused"]


async def test_a_wrong_client_secret_is_told_with_its_reason_and_not_shown(world: World, pem: Path) -> None:
    async with app_bot(world, pem) as (_, api, entra):
        api.keys.clear()
        body = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        entra.faults.always(ENDPOINT, Fault("answer", status=401, body=body))
        answer = await world.say("list")

    assert "AADSTS7000215: Invalid client secret provided" in answer.plain_text
