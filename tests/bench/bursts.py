"""Bursts: more in one poll than a transaction could hold, near the database and far from it, and who waits meanwhile."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from statistics import mean, median

import asyncpg
from sqlalchemy import func, select

from bot.app.clients import open_slack
from bot.delivery.render import RenderContext
from bot.delivery.worker import DeliveryWorker
from bot.jobs.models import Snapshot
from bot.providers.http.wire import FetchedJob
from bot.sandbox.processes import free_port
from bot.store import Store, open_store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import PollResult
from tests.bench.commands import UNLIMITED
from tests.bench.figures import Part, at_most, exactly, percentile, plain
from tests.bench.latency import with_latency
from tests.bench.polls import RawClient
from tests.bench.processes import StandIns, process, until_listening
from tests.postgres import restartable_postgres

ENDS, CHANNELS = 500, 5
AWAY = (0, 5, 20)
"""Milliseconds to the database."""
ROUNDS = 3
MOST_TIMES = 3.0
NEW = 5000
POLL_SECONDS = 1.0
COMMANDS = 60
TIMEOUT = 120.0


async def measure(standins: StandIns, folder: Path) -> list[Part]:
    """Measure both."""
    return [await _ends(standins), await _new(standins, folder)]


async def _ends(standins: StandIns) -> Part:
    """Measure how long many ends at once take to record, by the distance of the database, and that all are sent."""
    channels = await standins.ask("channels", count=CHANNELS)
    seconds: dict[int, list[float]] = {away: [] for away in AWAY}
    with restartable_postgres() as server:
        for _ in range(ROUNDS):
            for away in AWAY:
                async with _far(server.url, away) as store:
                    seconds[away].append(await _recorded(store, channels))
        async with _far(server.url, AWAY[-1]) as store:
            await _recorded(store, channels)
            told, took = await _sent(standins, store)
    near, *farther = (median(seconds[away]) for away in AWAY)
    figures = [plain(f"recorded, {AWAY[0]} ms to the database", near, unit=" s")]
    for away, each in zip(AWAY[1:], farther, strict=True):
        figures += [plain(f"recorded, {away} ms to the database", each, unit=" s")]
    figures += [
        at_most("the last in times of the first", farther[-1] / near, MOST_TIMES, unit="x"),
        exactly(f"alerts told, {AWAY[-1]} ms to the database", told, ENDS * CHANNELS),
        plain("the last of them, at the pace of Slack", took, unit=" s", digits=0),
    ]
    return Part(f"{ENDS} jobs that end in one poll, each told in {CHANNELS} channels, PostgreSQL", figures)


async def _new(standins: StandIns, folder: Path) -> Part:
    """Measure answers to people while new jobs without number are recorded on SQLite."""
    port, file = free_port(), folder / "ftjob.db"
    (account,) = standins.settings(folder, 100).accounts
    (channel,) = await standins.ask("channels", count=1)
    async with open_store(f"sqlite:///{file}", time.time) as store, store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(account.name, channel, "U0BENCH", time.time()))
    environ = standins.environ(folder, 100, **standins.http(port), FTJOB_POLL_SECONDS=str(POLL_SECONDS))
    async with process(str(UNLIMITED), environ=environ, folder=folder):
        await until_listening(port)
        url = f"http://127.0.0.1:{port}/slack/events"
        await _typed(standins, url)
        before = [await _typed(standins, url) for _ in range(COMMANDS)]
        known = _count(file, "job")
        await standins.ask("start", jobs=100, count=NEW)
        meanwhile, took = await _until_tracked(standins, url, file, known)
    times = mean(meanwhile) / mean(before)
    return Part(
        f"{NEW:,} new jobs under one subscription, SQLite",
        [
            plain("recorded, from the first to the last", took, unit=" s"),
            plain("/ftjob help answered in, otherwise", mean(before) * 1000, unit=" ms"),
            plain("/ftjob help answered in, meanwhile", mean(meanwhile) * 1000, unit=" ms"),
            plain("... p95", percentile(meanwhile, 95) * 1000, unit=" ms"),
            at_most("the second in times of the first", times, MOST_TIMES, unit="x"),
        ],
    )


async def _until_tracked(standins: StandIns, url: str, file: Path, known: int) -> tuple[list[float], float]:
    """Type while the new jobs are recorded; return how long each answer took, and all of it."""
    meanwhile, begun = list[float](), 0.0
    async with asyncio.timeout(TIMEOUT):
        while (found := _count(file, "track")) < NEW:
            seconds = await _typed(standins, url)
            if found or _count(file, "job") > known:
                begun = begun or time.perf_counter() - seconds
                meanwhile.append(seconds)
    return meanwhile, time.perf_counter() - begun


async def _typed(standins: StandIns, url: str) -> float:
    typed = await standins.ask("type", url=url, text="help", count=1, at_once=1)
    return float(typed["seconds"])


def _count(file: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a table of ours
    return int(count)


@asynccontextmanager
async def _far(server: str, milliseconds: float) -> AsyncIterator[Store]:
    """Open a database of its own, so far away."""
    name = f"bench_{time.time_ns()}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    async with (
        with_latency(f"{server.rpartition('/')[0]}/{name}", milliseconds) as url,
        open_store(url, time.time) as store,
    ):
        yield store


async def _recorded(store: Store, channels: list[str]) -> float:
    """Let many jobs end at once; return the seconds that it takes to record them."""
    account, ids = "default", [f"ftjob-bench{n:05d}" for n in range(ENDS)]
    async with store.db.transaction(without_timeout=True) as tx:
        await store.jobs.states.add(tx, account, [_reading(n, "running").snapshot for n in range(ENDS)])
        await store.channels.tracks.add(
            tx, [Track(account, each, channel, "U0BENCH") for channel in channels for each in ids]
        )
    recorder, known = Recorder(store), await store.jobs.states.newest(account, ENDS)
    await recorder.record(PollResult(account, [_reading(ENDS, "running")], {}))  # a bot that has been running
    begun = time.perf_counter()
    await recorder.record(PollResult(account, [_reading(n, "succeeded") for n in reversed(range(ENDS))], known))
    return time.perf_counter() - begun


def _reading(n: int, status: str) -> FetchedJob:
    body = {
        "id": f"ftjob-bench{n:05d}",
        "object": "fine_tuning.job",
        "model": "gpt-4o-mini-2024-07-18",
        "created_at": 1_700_000_000 + n,
        "status": status,
        "fine_tuned_model": f"ft:gpt-4o-mini:bench::{n}" if status == "succeeded" else None,
        "training_file": "file-bench",
        "hyperparameters": {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 1.8},
        "metadata": {"team": "bench", "run": str(n)},
    }
    return FetchedJob(Snapshot.model_validate(body), body)


async def _sent(standins: StandIns, store: Store) -> tuple[int, float]:
    """Send all that is pending; return how many alerts of results were sent, and in how many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        settings = standins.settings(Path(folder), 100)
    (account,) = settings.accounts
    rows = schema.delivery.c
    told = select(func.count()).where(rows.state == "sent", rows.message_kind == "change")
    begun = time.perf_counter()
    async with RawClient(account) as client, open_slack(settings) as slack_client:
        sender = DeliveryWorker(
            store,
            slack_client,
            RenderContext({account.name: client}, time.time),
            clock=time.time,
            monotonic=time.monotonic,
        )
        sending = asyncio.create_task(sender.run())
        try:
            async with asyncio.timeout(TIMEOUT):
                while await store.outbox.deliveries.seconds_to_next() is not None:  # noqa: ASYNC110 - the outbox tells nobody
                    await asyncio.sleep(0.2)
        finally:
            await sender.stop()
            await sending
        async with store.db.transaction() as tx:
            return await tx.scalar(told) or 0, time.perf_counter() - begun
