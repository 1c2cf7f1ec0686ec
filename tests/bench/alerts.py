"""From the commit of a change to the moment its alert reaches Slack."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.app.clients import open_slack
from bot.blocks import Message
from bot.delivery.render import RenderContext
from bot.delivery.worker import DeliveryWorker
from bot.providers.http.wire import FetchedJob, fetched_job
from bot.runtime import failpoints
from bot.slack.client import SlackClient
from bot.slack.messages import OutgoingMessage
from bot.slack.timeouts import CHANNEL_INTERVAL
from bot.store import Store, open_store
from bot.store.channels.tracks import Track
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import PollResult
from tests.bench.figures import Figure, Part, at_most, percentile, plain
from tests.bench.polls import RawClient
from tests.bench.processes import StandIns

ALERTS = CARDS = 120
SPACE = 0.05
"""Seconds between the end of one alert and the next change."""
MOST_SECONDS = 0.2


@dataclass
class Pipeline:
    """The bot's own way from a change to Slack, with the moment of each commit."""

    store: Store
    client: SlackClient
    worker: DeliveryWorker
    account: str
    committed: float = 0.0

    def note_commit(self, failpoint: str) -> None:
        """Note the time right after the recorder's commit."""
        if failpoint == "after_record":
            self.committed = time.time()

    async def change(self, readings: Sequence[FetchedJob], **fields: str) -> None:
        """See these jobs with other fields than before."""
        known = await self.store.jobs.states.newest(self.account, len(readings) + ALERTS)
        seen = [_changed(reading, **fields) for reading in readings]
        failpoints.arm(self.note_commit)
        await Recorder(self.store).record(PollResult(self.account, seen, known))
        failpoints.arm(None)


async def measure(standins: StandIns, folder: Path) -> Part:
    """Measure alerts one at a time, and as many at once as one poll may find, each in a channel of its own."""
    channels = await standins.ask("channels", count=ALERTS)
    async with _pipeline(standins, folder) as (line, jobs):
        await _follow(line, jobs, channels)
        alone = await _one_at_a_time(standins, line, jobs, channels)
        await asyncio.sleep(CHANNEL_INTERVAL)
        burst = await _at_once(standins, line, jobs)
    return Part("From commit to Slack", [*_alone(alone), *_burst(burst)])


def _alone(waits: Sequence[float]) -> list[Figure]:
    return [
        at_most(f"p50 of {ALERTS} alerts, one at a time", percentile(waits, 50), MOST_SECONDS, unit=" s", digits=3),
        plain("p99", percentile(waits, 99), unit=" s", digits=3),
    ]


def _burst(waits: Sequence[float]) -> list[Figure]:
    return [
        plain(f"p50 of {ALERTS} alerts of one commit", percentile(waits, 50), unit=" s"),
        plain("the last of them", max(waits), unit=" s"),
    ]


@asynccontextmanager
async def _pipeline(standins: StandIns, folder: Path) -> AsyncIterator[tuple[Pipeline, list[FetchedJob]]]:
    """Put together what alerts go through, as `bot.app.build` does, with jobs to change."""
    settings = standins.settings(folder, 1000)
    (account,) = settings.accounts
    async with (
        RawClient(account) as client,
        open_slack(settings) as slack_client,
        open_store(settings.database_url.get_secret_value(), time.time) as store,
    ):
        render_context = RenderContext({account.name: client}, time.time)
        sender = DeliveryWorker(store, slack_client, render_context, clock=time.time, monotonic=time.monotonic)
        sending = asyncio.create_task(sender.run())
        try:
            yield Pipeline(store, slack_client, sender, account.name), (await client.all_jobs())[:ALERTS]
        finally:
            await sender.stop()
            await sending


async def _follow(line: Pipeline, jobs: Sequence[FetchedJob], channels: Sequence[str]) -> None:
    """Let each channel follow a job, its card posted, and wait until all of them take messages again."""
    recorder = Recorder(line.store)
    for job, channel in zip(jobs, channels, strict=True):
        card = await line.client.post(
            OutgoingMessage(channel, Message(f"The card of {job.snapshot.id}"), job.snapshot.id)
        )
        if card.ts is None:
            raise RuntimeError(f"a card was refused: {card.error}")
        await recorder.add_track(Track(line.account, job.snapshot.id, channel, "U0BENCH"), job, None, card_ts=card.ts)
    await asyncio.sleep(CHANNEL_INTERVAL)


async def _one_at_a_time(
    standins: StandIns, line: Pipeline, jobs: Sequence[FetchedJob], channels: Sequence[str]
) -> list[float]:
    """Change one job after the other; return the seconds that each alert took."""
    waits: list[float] = []
    for job, channel in zip(jobs, channels, strict=True):
        await line.change([job], status="paused")
        ((at, where),) = await standins.ask("posted", since=CARDS + len(waits), count=1)
        if where != channel:
            raise RuntimeError(f"an alert for {channel} went to {where}")
        waits.append(at - line.committed)
        await asyncio.sleep(SPACE)
    return waits


async def _at_once(standins: StandIns, line: Pipeline, jobs: Sequence[FetchedJob]) -> list[float]:
    """Change all jobs in one transaction; return the seconds that each alert took."""
    await line.change(jobs, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:bench::abc")
    arrivals = await standins.ask("posted", since=CARDS + ALERTS, count=ALERTS)
    return [at - line.committed for at, _ in arrivals]


def _changed(reading: FetchedJob, **fields: str) -> FetchedJob:
    changed = fetched_job({**reading.body, **fields}, lambda body: body)
    assert changed
    return changed
