"""Demo environment: both stand-ins on loopback, and the real bot as a process between them."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.demo.bot_process import RUN_COMMAND, BotProcess
from bot.sandbox.demo.job_servers import JobServers, job_servers
from bot.sandbox.fireworks.server import FireworksApi
from bot.sandbox.openai.scenarios import succeeds
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.processes import inherited_variables
from bot.sandbox.slack.app_secrets import AppSecrets, SecretFactory
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel
from bot.sandbox.trainer.machine import ACCOUNT

POLL_SECONDS = 0.5
PROGRESS_SECONDS = 1.5
"""Interval of progress polls: short enough that a job of one minute is seen running."""
CREATED_JOB_SECONDS = 60.0
"""Duration of a job that is created through the bot's form."""


@dataclass(frozen=True)
class DemoEnvironment:
    """Running servers, users and bot process of one demo."""

    slack: Slack
    servers: JobServers
    channel: Channel
    operator: SandboxUser
    member: SandboxUser
    guest: SandboxUser
    external_user: SandboxUser
    bot_process: BotProcess

    @property
    def api(self) -> FineTuningApi:
        """OpenAI's API."""
        return self.servers.openai


@asynccontextmanager
async def demo_environment(
    command: Sequence[str] = RUN_COMMAND,
    *,
    new_secret: SecretFactory = secrets.token_hex,
    job_id_length: int = 24,
    all_providers: bool = False,
) -> AsyncIterator[DemoEnvironment]:
    """Run a demo environment; ``command`` starts the bot, every secret comes from ``new_secret``.

    ``job_id_length`` is the number of random characters in the ID of a job at OpenAI; ``all_providers`` adds accounts at
    Together and Fireworks, and one to which this machine pushes.

    Raises:
        RuntimeError: the bot did not start; the message holds its output.
    """
    with tempfile.TemporaryDirectory(prefix="ftjob-try-") as folder:
        async with (
            Slack(secrets=AppSecrets.random(new_secret)) as slack,
            job_servers(
                new_secret, all_providers=all_providers, job_id_length=job_id_length, folder=Path(folder)
            ) as servers,
        ):
            slack.rate_limits.has_tiers = True
            servers.openai.scenario_of_created = succeeds(CREATED_JOB_SECONDS)
            bot_process = BotProcess(slack, bot_environment(slack, servers, Path(folder)), Path(folder), command)
            try:
                await bot_process.start()
                yield DemoEnvironment(
                    slack,
                    servers,
                    channel=slack.add_channel("ml-training"),
                    operator=slack.add_user("olivia", is_admin=True),
                    member=slack.add_user("milo"),
                    guest=slack.add_user("gia", is_restricted=True),
                    external_user=slack.add_user("sam", team_id="T0STRANGER"),
                    bot_process=bot_process,
                )
            finally:
                await bot_process.stop()


def bot_environment(slack: Slack, servers: JobServers, folder: Path) -> dict[str, str]:
    """Return the complete environment variables of a bot that uses these stand-ins over Socket Mode."""
    accounts = (
        _configured(servers, folder / "ftjob.toml")
        if servers.others
        else {"OPENAI_API_KEY": servers.openai.key, "OPENAI_BASE_URL": servers.openai.base_url}
    )
    own = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "DATABASE_URL": f"sqlite:///{folder / 'ftjob.db'}",
        "FTJOB_POLL_SECONDS": str(POLL_SECONDS),
        "FTJOB_PROGRESS_SECONDS": str(PROGRESS_SECONDS),
    }
    return inherited_variables() | accounts | own


def _configured(servers: JobServers, file: Path) -> dict[str, str]:
    """Write a configuration with an account at each provider; return the variables that it needs."""
    lines, keys = [], {}
    for name, server in servers.by_name.items():
        account, variable = name.lower(), f"{name.upper()}_KEY"
        keys[variable] = server.key
        lines += [f"[accounts.{account}]", f'provider = "{account}"', f'base_url = "{server.base_url}"']
        lines += [f'key_env = "{variable}"']
        lines += [f'organization = "{server.account}"'] if isinstance(server, FireworksApi) else []
    own = {}
    if machine := servers.machine:
        lines += [f"[accounts.{ACCOUNT}]", 'provider = "push"', 'push_token_env = "GPU_PUSH_TOKEN"']
        own = {"GPU_PUSH_TOKEN": machine.token, "PORT": str(machine.bot_port), "FTJOB_HOST": "127.0.0.1"}
    file.write_text("\n".join([*lines, ""]))
    return keys | own | {"FTJOB_CONFIG": str(file)}
