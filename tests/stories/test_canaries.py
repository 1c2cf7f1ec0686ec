"""Every secret setting holds a canary, every library says all it can, much goes wrong: the canary is seen nowhere."""

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.finetuning import Key
from bot.settings import SECRETS
from tests.postgres import free_port
from tests.world import RUN, Transport, World

CANARY = "c4n4ry"
BOT, APP = f"xoxb-{CANARY}-bot-0123456789", f"xapp-{CANARY}-app-0123456789"
SIGNING, KEY, WRITE_KEY = f"5161{CANARY}0123456789", f"sk-{CANARY}-key-0123456789", f"gateway.{CANARY}.0123456789"

PROGRAM = """
import asyncio, logging
from prometheus_client import generate_latest
from bot import app, logs
from bot.commands.flood import Limit, Limits
from bot.settings import load

settings = load()
logs.set_up("{style}")
for name in [None, *logging.root.manager.loggerDict]:
    logging.getLogger(name).setLevel(logging.DEBUG)
asyncio.run(app.run_until_stopped(settings, limits=Limits(person=Limit(1000, 1.0))))
print(generate_latest().decode(), "all is said", flush=True)
"""


@pytest.fixture
def database_url(transport: Transport, request: pytest.FixtureRequest) -> str | None:
    """SQLite for Socket Mode; for HTTP a PostgreSQL that takes any password."""
    if transport == "socket":
        return None
    parts = urlsplit(str(request.getfixturevalue("postgres_url")))
    return parts._replace(netloc=f"{parts.username}:{CANARY}@{parts.hostname}:{parts.port}").geturl()


@pytest.fixture
async def guarded(tmp_path: Path, transport: Transport, database_url: str | None) -> AsyncIterator[World]:
    """A world that takes canaries for its secrets."""
    async with World(tmp_path, transport=transport, database_url=database_url) as made:
        made.slack.bot_token, made.slack.app_token = BOT, APP
        made.slack.signing_secret = made.slack.delivery.signing_secret = SIGNING
        made.api.keys = {KEY: Key("watching"), WRITE_KEY: Key("ordering")}
        yield made


def settings_of(world: World) -> dict[str, str]:
    """Return what the bot is started with on top; a heartbeat goes where nobody takes it."""
    more = {"OPENAI_API_KEY": KEY, "OPENAI_WRITE_API_KEY": WRITE_KEY, "FTJOB_POLL_SECONDS": "0.5"}
    more["FTJOB_HEARTBEAT_URL"] = f"{world.slack.origin}/heartbeat/{CANARY}?token={CANARY}"
    if world.transport == "socket":
        more |= {"PORT": str(free_port()), "FTJOB_HOST": "127.0.0.1", "FTJOB_LOG": "json"}
    return more


async def trouble(world: World, job: str) -> None:
    """Let both services repeat what they were sent, as gateways do, and break in other ways."""
    echo = f"Incorrect key: {KEY} Bearer {BOT}; see https://hooks.slack.com/services/T0/{CANARY}"
    world.api.faults.add(
        "GET /fine_tuning/jobs/{id}", Fault("answer", status=401, body={"error": {"message": f"{KEY}"}})
    )
    await world.say(f"status {job}")
    world.api.faults.add(
        "GET /fine_tuning/jobs/{id}", Fault("answer", status=500, body={"error": {"message": f"{KEY} x"}})
    )
    await world.say(f"status {job}")
    world.slack.faults.add(
        "users.info", Fault("answer", status=200, body={"ok": False, "error": "invalid_auth", "said": echo})
    )
    await world.say(f"cancel {job}", by="milo")
    world.slack.faults.add("response_url", Fault("answer", status=500, body=f"cannot take {BOT}"))
    await world.say("help")
    for secret in (KEY, BOT, APP, f"Bearer {WRITE_KEY}", f"https://hooks.slack.com/services/T0/B0/{CANARY}"):
        said = await world.say(f"status {secret}")
        assert "revoke it now" in said.plain


async def story(world: World) -> None:
    """Let people ask, jobs change, and things go wrong."""
    job = world.api.add_job(status="running")
    await world.say(f"track {job}")
    await trouble(world, job)
    world.slack.faults.add("chat.postMessage", Fault("answer", status=200, body={"ok": False, "error": "ratelimited"}))
    world.api.change(job, status="paused")
    await world.until_told(job, "Paused")
    refusal = Fault("answer", status=401, body={"error": {"message": f"Incorrect API key provided: {WRITE_KEY}"}})
    world.api.faults.add("POST /fine_tuning/jobs/{id}/cancel", refusal)
    refused = await world.press(await world.say(f"cancel {job}"), "ftjob_confirm")
    assert "Incorrect API key provided" in refused.plain
    await execute(world, "ALTER TABLE track RENAME TO elsewhere")
    assert "ref:" in (await world.say("tracked")).plain


async def execute(world: World, statement: str) -> None:
    if world.database_url.startswith("sqlite"):
        with sqlite3.connect(world.folder / "ftjob.db") as connection:
            connection.execute(statement)
        connection.close()
    else:
        server = await asyncpg.connect(world.database_url)
        await server.execute(statement)
        await server.close()


async def stored(world: World) -> str:
    """Return everything that the database holds, as text."""
    if world.database_url.startswith("sqlite"):
        files = list(world.folder.glob("ftjob.db*"))
        assert len(files) >= 2
        return "".join(file.read_bytes().decode(errors="replace") for file in files)
    server = await asyncpg.connect(world.database_url)
    tables = await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [await server.fetch(f'SELECT t::text FROM "{name}" t') for (name,) in tables]  # noqa: S608 - the catalogue's own names
    await server.close()
    return f"{rows}"


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_no_canary_is_seen_anywhere(guarded: World) -> None:
    world, more = guarded, settings_of(guarded)
    environ = world.environ(**more)
    missing = [name for name in SECRETS if CANARY not in environ.get(name, "")]
    assert missing == (["SLACK_SIGNING_SECRET", "DATABASE_URL"] if world.transport == "socket" else ["SLACK_APP_TOKEN"])
    port = more.get("PORT") or urlsplit(str(world.slack.request_url)).port
    program = (RUN[0], "-c", PROGRAM.replace("{style}", more.get("FTJOB_LOG", "console")))

    async with world.process(program, **more) as process:
        await story(world)
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as ready:
            probed = await ready.text()
        command_line = Path(f"/proc/{process.pid}/cmdline").read_text()  # noqa: ASYNC240 - no disk is behind it
        process.terminate()
        await world.slack.ledger.until(lambda: "all is said" in "".join(world.log), seconds=20, why="the end")

    log = "".join(world.log)
    sent = [entry.request for ledger in (world.slack.ledger, world.api.ledger) for entry in ledger]
    for heard in ("Sending a request", "command.broke", "command.upstream", "ftjob_commands_total"):
        assert heard in log
    assert "status" in probed
    assert "run_until_stopped" in command_line
    assert "Paused" in json.dumps(sent, default=str)
    places = {
        "log": log,
        "database": await stored(world),
        "requests": json.dumps(sent, default=str),
        "probe": probed,
        "command line": command_line,
        "channels": f"{world.ml.messages} {world.ops.messages} {world.slack.ephemerals} {world.slack.workspace.replies}",
    }
    assert {place for place, text in places.items() if CANARY in text} == set()
