"""From the end of a job to its alert: by a webhook, and while another account says nothing."""

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.providers.http.wire import FetchedJob
from bot.sandbox.openai.api.webhooks import new_secret
from bot.store import open_store
from tests.bench.figures import Part, at_most, percentile, plain
from tests.bench.polls import RawClient, track_all
from tests.bench.processes import StandIns, process, until_listening
from tests.bench.startup import polled_at

JOBS = 100
ENDS = 25
SPACE = 0.25
"""Seconds between the alert of one job and the end of the next."""
MOST_SECONDS = 0.25
POLL_SECONDS = 1.0
ROUNDS = 3
ENDS_A_ROUND = 12
MOST_LONGER = 1.25
"""By what an account may be slower while another is dead: its own alerts differ by that from round to round."""
MODEL = "ft:gpt-4o-mini:bench::abc"
TIMEOUT = 60.0


async def measure(standins: StandIns, folder: Path) -> list[Part]:
    """Measure both."""
    by_webhook, beside = folder / "webhook", folder / "beside"
    by_webhook.mkdir()
    beside.mkdir()
    return [await _webhooks(standins, by_webhook), await _dead_account(standins, beside)]


async def _webhooks(standins: StandIns, folder: Path) -> Part:
    """Measure a bot that polls once an hour, and when a webhook comes."""
    jobs = await tracked(standins, folder, ENDS)
    port, secret = _free_port(), new_secret()
    told = {"OPENAI_WEBHOOK_SECRET": secret, "FTJOB_POLL_SECONDS": "3600"}
    environ = standins.environ(folder, JOBS, **standins.http(port), **told)
    environ["SLACK_API_URL"] = f"{standins.urls['slack']}/api/"
    await standins.ask("webhook", jobs=JOBS, url=f"http://127.0.0.1:{port}/webhooks/openai", secret=secret)
    async with process("-m", "bot", "run", environ=environ, folder=folder):
        await until_listening(port)
        await until_polled(folder)
        waits = await end_one_by_one(standins, jobs)
    figures = [
        at_most(f"p50 of {ENDS} ends, webhook to post", percentile(waits, 50), MOST_SECONDS, unit=" s", digits=3),
        plain("p99", percentile(waits, 99), unit=" s", digits=3),
    ]
    return Part("From the end of a job to Slack, by webhook, 80 ms from the API", figures)


async def _dead_account(standins: StandIns, folder: Path) -> Part:
    """Measure the alerts of one account while another answers, and while it hangs, in turn."""
    config = folder / "ftjob.toml"
    dead = standins.urls["apis"]["1000"]
    config.write_text(f'[accounts.other]\nbase_url = "{dead}"\nkey_env = "OTHER_KEY"\n')
    jobs = await tracked(standins, folder, ENDS_A_ROUND * ROUNDS * 2)
    more = {
        "FTJOB_CONFIG": str(config),
        "OTHER_KEY": standins.urls["api_keys"]["1000"],
        "FTJOB_POLL_SECONDS": str(POLL_SECONDS),
    }
    environ = standins.environ(folder, JOBS, **standins.socket_mode(), **more)
    waits: Mapping[bool, list[float]] = {False: [], True: []}
    async with process("-m", "bot", "run", environ=environ, folder=folder):
        await standins.ask("connected")
        await until_polled(folder)
        for turn in range(ROUNDS * 2):
            silent = turn % 2 == 1
            await standins.ask("silence", jobs=1000, silent=silent)
            await asyncio.sleep(POLL_SECONDS * 2)
            waits[silent] += await end_one_by_one(standins, jobs[turn * ENDS_A_ROUND :][:ENDS_A_ROUND])
        await standins.ask("silence", jobs=1000, silent=False)
    alive, beside = percentile(waits[False], 50), percentile(waits[True], 50)
    figures = [
        plain("p50 of an alert, both accounts alive", alive, unit=" s"),
        plain("p50 of an alert, the other account hangs", beside, unit=" s"),
        at_most("the second in times of the first", beside / alive, MOST_LONGER, unit="x"),
    ]
    return Part(f"Two accounts, looked at each {POLL_SECONDS:g} s, one of them dead", figures)


async def tracked(standins: StandIns, folder: Path, count: int) -> list[tuple[FetchedJob, str]]:
    """Leave a database behind in which jobs are tracked, each in a channel of its own; return both."""
    channels = await standins.ask("channels", count=count)
    (account,) = standins.settings(folder, JOBS).accounts
    async with RawClient(account) as client, open_store(f"sqlite:///{folder / 'ftjob.db'}", time.time) as store:
        jobs = [each for each in await client.all_jobs() if not each.snapshot.is_final][:count]
        await track_all(store, account.name, jobs, channels)
    return list(zip(jobs, channels, strict=True))


async def end_one_by_one(standins: StandIns, jobs: Sequence[tuple[FetchedJob, str]]) -> list[float]:
    """End one job after the other; return the seconds until each alert reached Slack."""
    waits = []
    for job, channel in jobs:
        since = await standins.ask("posts")
        fields = {"status": "succeeded", "fine_tuned_model": MODEL}
        at = await standins.ask("change", jobs=JOBS, job=job.snapshot.id, fields=fields)
        waits.append(await _arrival(standins, since, channel) - at)
        await asyncio.sleep(SPACE)
    return waits


async def _arrival(standins: StandIns, since: int, channel: str) -> float:
    """Wait for the next message to a channel; a job's card and its change are two, and another's may come between."""
    seen: list[tuple[float, str]] = []
    while not (found := [at for at, where in seen if where == channel]):
        seen = await standins.ask("posted", since=since, count=len(seen) + 1)
    return found[0]


async def until_polled(folder: Path) -> None:
    """Wait until a bot has polled its account once."""
    async with asyncio.timeout(TIMEOUT):
        while not polled_at(folder / "ftjob.db"):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
