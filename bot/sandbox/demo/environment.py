"""The stage of ``ftjob try``: both stand-ins on loopback, and the real bot as a process of its own between them."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.demo.bot_process import RUN, Crew
from bot.sandbox.openai.scenarios import succeeds
from bot.sandbox.openai.server import FineTuningApi, Key
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import Person
from bot.sandbox.slack.workspace import Channel, Mint

POLL_SECONDS = 0.5
PROGRESS_SECONDS = 1.5
"""Between two reads of a running job's log: a life of a minute is watched, not found over."""
CREATED_SECONDS = 60.0
"""How long a job lives that somebody creates by the bot's form."""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
"""What the bot's process gets of our own environment: nothing that could be a setting."""


@dataclass(frozen=True)
class Stage:
    """Everything that a visit works with."""

    slack: Slack
    api: FineTuningApi
    channel: Channel
    operator: Person
    member: Person
    guest: Person
    stranger: Person
    crew: Crew


@asynccontextmanager
async def stage(program: Sequence[str] = RUN, *, mint: Mint = secrets.token_hex) -> AsyncIterator[Stage]:
    """Set the stage and clear it at the end; ``program`` is what starts the bot, every secret is one of ``mint``.

    Raises:
        RuntimeError: the bot did not start; the message holds what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="ftjob-try-") as folder:
        keys = {f"sk-{mint()}": Key("default")}
        async with Slack(mint=mint) as slack, FineTuningApi(keys=keys) as api:
            slack.limits.has_tiers = True
            api.life_of_created = succeeds(CREATED_SECONDS)
            crew = Crew(slack, environment(slack, api, Path(folder)), Path(folder), program)
            try:
                await crew.start()
                yield Stage(
                    slack,
                    api,
                    channel=slack.add_channel("ml-training"),
                    operator=slack.add_person("olivia", is_admin=True),
                    member=slack.add_person("milo"),
                    guest=slack.add_person("gia", is_restricted=True),
                    stranger=slack.add_person("sam", team_id="T0STRANGER"),
                    crew=crew,
                )
            finally:
                await crew.stop()


def environment(slack: Slack, api: FineTuningApi, folder: Path) -> dict[str, str]:
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
