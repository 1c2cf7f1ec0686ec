"""What every test gets: a clean environment, no network beyond loopback, and a database of its own."""

import os
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings

from bot.store import Store, open_store
from tests.deep import DEEP
from tests.empty_store import empty_database, lay_out
from tests.postgres import restartable_postgres
from tests.store.clocks import StoreClock
from tests.world import Transport, World

SLOW = {"cli", "delivery", "demo", "poll", "store", "stories", "tracking"}
"""Folders that run bots, databases and processes."""
BUSY_MACHINE_SECONDS = 120.0
"""For one transaction of a store in a test."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")

# Hypothesis gives an example 200 ms by default, and its making a second: a busy machine may take longer.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(autouse=True, scope="session")
def _clean_environment() -> None:
    """No setting of the machine that runs the tests reaches the bot."""
    for name in list(os.environ):
        is_ours = name.startswith(("SLACK_", "OPENAI_", "FTJOB_", "AZURE_")) or name in ("PORT", "DATABASE_URL", "DYNO")
        if is_ours or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _plain_tracebacks() -> None:
    """A bot in a test draws its tracebacks as in production: with all their variables they take half a second each."""
    *first, _ = structlog.get_config()["processors"]
    structlog.configure(
        processors=[*first, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only ``make deep`` runs, and let each worker begin with a share of what takes long.

    A worker is given one stretch of the list, and what it does not come to, others take from its end; the tests of a
    file stay together.
    """
    if not DEEP:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("deep")])
        items[:] = [item for item in items if not item.get_closest_marker("deep")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = [each for path, each in files.items() if SLOW & set(path.parts)]
    quick = [each for path, each in files.items() if not SLOW & set(path.parts)]
    stretches = [[*slow[nth::workers], *quick[nth::workers]] for nth in range(workers)]
    items[:] = [item for stretch in stretches for file in stretch for item in file]


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """No test can reach a real service, whatever it does wrong."""
    connect = socket.socket.connect

    def connect_nearby(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect_nearby)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with restartable_postgres() as server:
        yield server.url


@pytest.fixture
def is_migrated() -> bool:
    """Whether the databases have their tables already; a module whose subject is how they get them says no."""
    return True


@pytest.fixture
async def postgres_url(postgres_server: str, *, is_migrated: bool) -> AsyncIterator[str]:
    """Yield the address of an empty PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex}"
    template = empty_database(postgres_server) if is_migrated else "template1"
    admin = await asyncpg.connect(postgres_server)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield postgres_server.rsplit("/", 1)[0] + f"/{name}"
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, *, is_migrated: bool) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        file = tmp_path / "ftjob.db"
        return lay_out(file) if is_migrated else f"sqlite:///{file}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def time(database_url: str) -> StoreClock:
    """The time that a store goes by, which only a test moves."""
    return StoreClock(database_url)


@pytest.fixture
async def store(database_url: str, time: StoreClock) -> AsyncIterator[Store]:
    """An empty store, on each database in turn."""
    async with open_store(database_url, time.now, transaction_timeout=BUSY_MACHINE_SECONDS) as opened:
        yield opened


@pytest.fixture(params=["socket", "http"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """How Slack reaches the bot, each way in turn."""
    kind: Transport = request.param
    return kind


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world on SQLite and Socket Mode, whose Slack had nothing to complain of or to refuse at the end."""
    async with World(tmp_path) as made:
        yield made
    assert made.slack.violations == []
    assert made.rejections == []


@pytest.fixture(params=["sqlite-socket", "postgres-http"])
def pairing(request: pytest.FixtureRequest) -> tuple[str | None, Transport]:
    """A database and a transport: each of both is met, in two worlds."""
    if request.param == "sqlite-socket":
        return None, "socket"
    return request.getfixturevalue("postgres_url"), "http"


@pytest.fixture
async def any_world(tmp_path: Path, pairing: tuple[str | None, Transport]) -> AsyncIterator[World]:
    """The same, on each database and over each transport."""
    database_url, transport = pairing
    async with World(tmp_path, database_url=database_url, transport=transport) as made:
        yield made
    assert made.slack.violations == []
    assert made.rejections == []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On CI a skipped test is a failure: what it needs has to be installed there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if reporter and os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} tests were skipped that CI must run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
