"""Calls of trainers: how long one takes beside a bare handler that commits one row, what too many get, what a step costs."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bot.push import client
from bot.sandbox.processes import free_port
from tests.bench.figures import Figure, Part, at_most, exactly, percentile, plain
from tests.bench.processes import REPOSITORY, StandIns, process, until_listening
from tests.postgres import restartable_postgres

JOBS, EVERY, SECONDS = 600, 5.0, 10.0
"""Jobs, seconds between two calls of each, and seconds of a round."""
ROUNDS = 2
MOST_TIMES = 3.0
OVERLOAD, OVERLOAD_SECONDS = 600, 5.0
"""Calls a second of ``OVERLOAD_JOBS`` jobs, of each more than it may."""
OVERLOAD_JOBS = 100
TOKEN = "bench-push-token-0123456789"
MOST_STEP = 1.02
STEPS, STEP_ROUNDS = 100, 100
"""Steps of a round, and rounds with the client and without, in turn: ten seconds in all."""
TRAINING = """
import random, sys, time
from client import Job
def step(n):
    return sum(x * x for x in range(20_000))
def train(job):
    began = time.perf_counter()
    for n in range(int(sys.argv[1])):
        loss = step(n)
        if job is not None:
            job.log(n, train_loss=1 / (n + 1))
    return time.perf_counter() - began
job = Job("bench").start()
seconds = {"with": [], "without": []}
for n in range(int(sys.argv[2])):
    for kind in ("with", "without") if n % 2 else ("without", "with"):
        seconds[kind].append(train(job if kind == "with" else None))
job.finish()
print(sum(seconds["with"]), sum(seconds["without"]))
"""


async def measure(standins: StandIns, folder: Path) -> list[Part]:
    """Measure all three."""
    (folder / "sqlite").mkdir()
    (folder / "postgres").mkdir()
    with restartable_postgres() as server:
        calls = [
            *await _calls(standins, folder / "sqlite", "SQLite", None),
            *await _calls(standins, folder / "postgres", "PostgreSQL", server.url),
        ]
    parts = [Part(f"{JOBS} jobs that call every {EVERY:g} s", calls)]
    (folder / "overload").mkdir()
    async with _bot(standins, folder / "overload", None) as url:
        parts.append(await _overload(url))
        parts.append(await _step(url, folder / "overload"))
    return parts


@asynccontextmanager
async def _bot(standins: StandIns, folder: Path, database: str | None) -> AsyncIterator[str]:
    """Run a bot to which trainers push; yield the URL of the account."""
    port, file = free_port(), folder / "push.toml"
    file.write_text('[accounts.gpu]\nprovider = "push"\npush_token_env = "GPU_TOKEN"\n')
    more = {"FTJOB_CONFIG": str(file), "GPU_TOKEN": TOKEN, **({"DATABASE_URL": database} if database else {})}
    environ = standins.environ(folder, 100, **standins.http(port), **more)
    async with process("-m", "bot", "run", environ=environ, folder=folder):
        await until_listening(port)
        yield f"http://127.0.0.1:{port}/push/gpu"


@asynccontextmanager
async def _bare(standins: StandIns, folder: Path, database: str | None) -> AsyncIterator[str]:
    port = free_port()
    environ = {**standins.environ(folder, 100), "PYTHONPATH": str(REPOSITORY)}
    arguments = ("-m", "tests.bench.bare_push", str(port), database or str(folder / "bare.db"))
    async with process(*arguments, environ=environ, folder=folder):
        await until_listening(port)
        yield f"http://127.0.0.1:{port}/push/gpu"


async def _calls(standins: StandIns, folder: Path, kind: str, database: str | None) -> list[Figure]:
    """Measure calls of many jobs at the bot and at the bare handler, in turn."""
    ours, bare = list[float](), list[float]()
    async with _bot(standins, folder, database) as url, _bare(standins, folder, database) as bare_url:
        # The first round makes the jobs: its calls are measured by themselves.
        first, _ = await _round(url, 0), await _round(bare_url, 0)
        for nth in range(1, ROUNDS + 1):
            ours += await _round(url, nth)
            bare += await _round(bare_url, nth)
    p99, floor = percentile(ours, 99), percentile(bare, 99)
    return [
        plain(f"p50 of a call, {kind}", percentile(ours, 50) * 1000, unit=" ms"),
        plain(f"p99 of a call, {kind}", p99 * 1000, unit=" ms"),
        plain(f"p99 while the jobs are new, {kind}", percentile(first, 99) * 1000, unit=" ms"),
        plain(f"p99 of a bare handler that commits one row, {kind}", floor * 1000, unit=" ms"),
        at_most(f"the first p99 in times of the second, {kind}", p99 / floor, MOST_TIMES, unit="x"),
    ]


async def _round(url: str, nth: int) -> list[float]:
    """Let every job call every few seconds; return how long each call took."""
    took: list[float] = []
    calls = int(SECONDS / EVERY)
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(job: int) -> None:
            await asyncio.sleep(job * EVERY / JOBS)
            for n in range(calls):
                began = time.perf_counter()
                status = await put(session, url, f"job-{job}", nth * calls + n + 1)
                took.append(time.perf_counter() - began)
                assert status == 200, status
                await asyncio.sleep(max(0.0, EVERY - took[-1]))

        await asyncio.gather(*map(one, range(JOBS)))
    return took


async def put(session: aiohttp.ClientSession, url: str, job: str, seq: int) -> int:
    """Send one call of a job; return its status."""
    now = time.time()
    body = {"run": "1", "seq": seq, "started": now - 60, "at": now, "status": "running", "step": seq}
    data = json.dumps(body | {"metrics": [[seq, {"train_loss": 1.0}]]})
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with session.put(f"{url}/jobs/{job}", data=data, headers=headers) as response:
        await response.read()
        return response.status


async def _overload(url: str) -> Part:
    """Send far more than is allowed, whatever comes back."""
    statuses: Counter[int] = Counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session:

        async def one(n: int) -> None:
            await asyncio.sleep(n / OVERLOAD)
            statuses[await put(session, url, f"overload-{n % OVERLOAD_JOBS}", n + 1)] += 1

        total = int(OVERLOAD * OVERLOAD_SECONDS)
        await asyncio.gather(*map(one, range(total)))
    answered = statuses[200] + statuses[429] + statuses[503]
    return Part(
        f"{OVERLOAD} calls a second of {OVERLOAD_JOBS} jobs",
        [
            plain("stored", statuses[200], digits=0),
            plain("asked to wait (429)", statuses[429], digits=0),
            exactly("answered with 200, 429 or 503", answered, total),
        ],
    )


async def _step(url: str, folder: Path) -> Part:
    """Time a training with the client and without, in turn, in one process."""
    program = [sys.executable, "-c", TRAINING, str(STEPS), str(STEP_ROUNDS)]
    environ = {
        "PATH": "",
        "PYTHONPATH": str(Path(client.__file__).parent),
        "FTJOB_PUSH_URL": url,
        "FTJOB_PUSH_TOKEN": TOKEN,
        "FTJOB_SPOOL_DIR": str(folder),
    }
    ran = await asyncio.to_thread(subprocess.run, program, env=environ, capture_output=True, text=True, check=True)
    with_client, without = map(float, ran.stdout.split())
    return Part(
        "A training step in pure Python, with the client and without",
        [
            plain("without", without / (STEPS * STEP_ROUNDS) * 1000, unit=" ms"),
            at_most("with it in times of that", with_client / without, MOST_STEP, unit="x", digits=3),
        ],
    )
