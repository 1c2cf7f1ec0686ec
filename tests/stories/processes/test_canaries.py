"""Every secret setting holds a canary, every library says all it can, much goes wrong: the canary is seen nowhere."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import structlog
from structlog.testing import capture_logs

from bot.sandbox.faults import Fault
from bot.sandbox.processes import free_port
from bot.settings.model import SECRETS
from bot.telemetry.metrics import POLLS
from tests.canaries import APP, AT_DEBUG, BOT, CANARY, KEY, WEBHOOK, WRITE_KEY, execute
from tests.world import RUN, Transport, World

PROGRAM = """
import asyncio, logging
from prometheus_client import generate_latest
from bot.app import process
from bot.telemetry import logs
from bot.commands.rate_limit import Limit, Limits
from bot.settings.environment import load

settings = load()
logs.configure("{style}")
for name in [None, *logging.root.manager.loggerDict]:
    logging.getLogger(name).setLevel(logging.DEBUG)
asyncio.run(process.run_until_stopped(settings, limits=Limits(person=Limit(1000, 1.0))))
print(generate_latest().decode(), "all is said", flush=True)
"""


@pytest.fixture
def database_url(transport: Transport, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """SQLite for Socket Mode, PostgreSQL for HTTP."""
    if transport == "socket":
        return f"sqlite:///{tmp_path / 'ftjob.db'}"
    return str(request.getfixturevalue("postgres_url"))


async def trouble(world: World, job: str) -> None:
    """Let both services repeat what they were sent, as gateways do, and break in other ways."""
    repeated = f"Incorrect key: {KEY} Bearer {BOT}; see https://hooks.slack.com/services/T0/{CANARY}"
    for verb, status, words in (("events", 401, KEY), ("checkpoints", 500, f"{KEY} x")):
        broken = Fault("answer", status=status, body={"error": {"message": words}})
        world.api.faults.add(f"GET /fine_tuning/jobs/{{id}}/{verb}", broken)
        await world.say(f"{verb} {job}")
    world.slack.faults.add(
        "users.info", Fault("answer", status=200, body={"ok": False, "error": "invalid_auth", "said": repeated})
    )
    await world.say(f"cancel {job}", by="milo")
    world.slack.faults.add("response_url", Fault("answer", status=500, body=f"cannot take {BOT}"))
    await world.say("help")
    for secret in (KEY, BOT, APP, f"Bearer {WRITE_KEY}", f"https://hooks.slack.com/services/T0/B0/{CANARY}"):
        said = await world.say(f"status {secret}")
        assert "revoke it now" in said.plain_text


async def story(world: World) -> None:
    """Let people ask, jobs change, and things go wrong."""
    job = world.api.add_job(status="running")
    await world.say(f"track {job}")
    await trouble(world, job)
    world.slack.faults.add("chat.postMessage", Fault("answer", status=200, body={"ok": False, "error": "ratelimited"}))
    world.api.change(job, status="paused")
    await world.until_delivered(job, "Paused")
    refusal = Fault("answer", status=401, body={"error": {"message": f"Incorrect API key provided: {WRITE_KEY}"}})
    world.api.faults.add("POST /fine_tuning/jobs/{id}/cancel", refusal)
    refused = await world.press(await world.say(f"cancel {job}"), "ftjob_confirm")
    assert "Incorrect API key provided" in refused.plain_text
    await execute(world.database_url, "ALTER TABLE track RENAME TO elsewhere")
    assert "ref:" in (await world.say("tracked")).plain_text


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_no_canary_is_seen_anywhere(tmp_path: Path, transport: Transport, database_url: str) -> None:
    async with World(tmp_path, transport=transport, database_url=database_url) as world:
        more = {
            "FTJOB_POLL_SECONDS": "0.5",
            "OPENAI_WEBHOOK_SECRET": WEBHOOK,
            "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
        }
        more |= {"AZURE_OPENAI_API_KEY": KEY, "AZURE_OPENAI_AD_TOKEN": f"eyJ{CANARY}0123456789"}
        if transport == "socket":
            more |= {"PORT": str(free_port()), "FTJOB_HOST": "127.0.0.1", "FTJOB_LOG": "json"}
        environ = world.environ(**more)
        bare = [name for name in SECRETS if CANARY not in environ.get(name, "")]
        assert bare == (["DATABASE_URL"] if transport == "socket" else ["SLACK_APP_TOKEN"])
        program = (RUN[0], "-c", PROGRAM.replace("{style}", more.get("FTJOB_LOG", "console")))

        async with world.process(program, **more) as process:
            await story(world)
            port = more.get("PORT") or urlsplit(str(world.slack.request_url)).port
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as ready:
                probed = await ready.text()
            process.terminate()
            await world.slack.request_log.wait_until(lambda: "all is said" in "".join(world.log), why="the end")

        assert "status" in probed
        assert CANARY not in probed
        for heard in ("Sending a request", "command.failed", "command.provider_error", "ftjob_commands_total"):
            assert heard in "".join(world.log)
        assert "paused" in f"{[entry.request for entry in world.slack.request_log]}"
        assert "run_until_stopped" in "".join(world.command_lines)


async def _said(_world: World) -> None:
    with capture_logs():
        structlog.get_logger().debug("an.event", about=WRITE_KEY)


async def _said_by_a_library(_world: World) -> None:
    logging.getLogger("a.library").debug("sent", extra={"headers": [WRITE_KEY]})


async def _said_of_a_failure(_world: World) -> None:
    try:
        int(WRITE_KEY)
    except ValueError:
        structlog.get_logger().exception("it.broke")


async def _said_by_a_process(world: World) -> None:
    program = "import os, time; print('bot.started', os.environ['OPENAI_WRITE_API_KEY'], flush=True); time.sleep(60)"
    async with world.process((RUN[0], "-c", program)):
        pass


async def _on_a_command_line(world: World) -> None:
    program = "import time; print('bot.started', flush=True); time.sleep(60)"
    async with world.process((RUN[0], "-c", program, KEY)):
        pass


async def _stored(world: World) -> None:
    await execute(world.database_url, f"CREATE TABLE diary AS SELECT '{KEY}' AS entry")


async def _asked(world: World) -> None:
    async with aiohttp.ClientSession() as session, session.get(world.api.base_url, params={"key": KEY}):
        pass


async def _shown(world: World) -> None:
    world.slack.add_channel(KEY)


LEAKS = {
    "an event": (_said, "log"),
    "a line of a library's": (_said_by_a_library, "log"),
    "a traceback": (_said_of_a_failure, "log"),
    "a process": (_said_by_a_process, "log"),
    "a command line": (_on_a_command_line, "command lines"),
    "a row": (_stored, "database"),
    "a request": (_asked, "requests"),
    "what stands in Slack": (_shown, "channels"),
}


@pytest.mark.parametrize(("leak", "place"), LEAKS.values(), ids=LEAKS)
async def test_a_world_ends_badly_where_a_canary_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leak: Callable[[World], Awaitable[None]], place: str
) -> None:
    monkeypatch.setenv(AT_DEBUG, "1")
    with pytest.raises(AssertionError, match=f"'{place}'"):
        async with World(tmp_path, transport="http") as world:
            await leak(world)


async def test_a_world_checks_postgresql_and_metrics_too(tmp_path: Path, postgres_url: str) -> None:
    POLLS.labels(account=KEY, result="ok")
    try:
        with pytest.raises(AssertionError, match="'database', 'metrics'"):
            async with World(tmp_path, database_url=postgres_url) as world:
                await _stored(world)
    finally:
        POLLS.remove(KEY, "ok")
