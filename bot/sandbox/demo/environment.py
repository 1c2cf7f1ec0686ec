"""The stage of ``ftjob try``: both stand-ins on loopback, and the real bot as a process of its own between them."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.demo.bot_process import RUN_COMMAND, BotProcess
from bot.sandbox.openai.scenarios import succeeds
from bot.sandbox.openai.server import ApiKey, FineTuningApi
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel, SecretFactory

POLL_SECONDS = 0.5
PROGRESS_SECONDS = 1.5
"""Between two reads of a running job's log: a life of a minute is watched, not found over."""
CREATED_JOB_SECONDS = 60.0
"""How long a job lives that somebody creates by the bot's form."""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
"""What the bot's process gets of our own environment: nothing that could be a setting."""


@dataclass(frozen=True)
class DemoEnvironment:
    """Everything that a visit works with."""

    slack: Slack
    api: FineTuningApi
    channel: Channel
    operator: SandboxUser
    member: SandboxUser
    guest: SandboxUser
    external_user: SandboxUser
    bot_process: BotProcess


@asynccontextmanager
async def demo_environment(
    program: Sequence[str] = RUN_COMMAND, *, new_secret: SecretFactory = secrets.token_hex
) -> AsyncIterator[DemoEnvironment]:
    """Set the stage and clear it at the end; ``program`` is what starts the bot, every secret is one of ``mint``.

    Raises:
        RuntimeError: the bot did not start; the message holds what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="ftjob-try-") as folder:
        keys = {f"sk-{new_secret()}": ApiKey("default")}
        async with Slack(new_secret=new_secret) as slack, FineTuningApi(keys=keys) as api:
            slack.rate_limits.has_tiers = True
            api.scenario_of_created = succeeds(CREATED_JOB_SECONDS)
            crew = BotProcess(slack, bot_environment(slack, api, Path(folder)), Path(folder), program)
            try:
                await crew.start()
                yield DemoEnvironment(
                    slack,
                    api,
                    channel=slack.add_channel("ml-training"),
                    operator=slack.add_user("olivia", is_admin=True),
                    member=slack.add_user("milo"),
                    guest=slack.add_user("gia", is_restricted=True),
                    external_user=slack.add_user("sam", team_id="T0STRANGER"),
                    bot_process=crew,
                )
            finally:
                await crew.stop()


def bot_environment(slack: Slack, api: FineTuningApi, folder: Path) -> dict[str, str]:
    """Return the whole environment of a bot that works with these stand-ins over Socket Mode."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "OPENAI_API_KEY": api.key,
        "OPENAI_BASE_URL": api.base_url,
        "DATABASE_URL": f"sqlite:///{folder / 'ftjob.db'}",
        "FTJOB_POLL_SECONDS": str(POLL_SECONDS),
        "FTJOB_PROGRESS_SECONDS": str(PROGRESS_SECONDS),
    }
