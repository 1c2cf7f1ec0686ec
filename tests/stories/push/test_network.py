"""Trainers behind a network that loses, delays and doubles their calls, a bot that is killed, and a Slack that fails."""

import asyncio
import json
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass

import aiohttp
from sqlalchemy import select

from bot.sandbox.faults import Fault
from bot.store import open_store
from bot.store.db import schema
from tests import canaries
from tests.deep import DEEP
from tests.push.calls import Trainer
from tests.stories.push.trainers import GPU, configured, push_url
from tests.world import World

JOBS, KILLS = (1000, 10) if DEEP else (30, 2)
AT_ONCE = 100
STEPS = 12
LOST, DELAYED, DOUBLED, SLACK_FAILS = 0.3, 0.2, 0.1, 0.25
SLACK_FAULTS = (
    Fault("answer", status=503, body="down"),
    Fault("answer", status=500, body="", accepted=True),
    Fault("drop", accepted=True),
    Fault("drop"),
)


@dataclass
class Network:
    """Calls between trainers and a bot, through which not everything comes."""

    session: aiohttp.ClientSession
    url: str
    dice: random.Random
    calls: Counter[str]

    async def put(self, job_id: str, body: dict[str, object]) -> int:
        """Send a call, with luck; return the status that the trainer sees, 0 for none."""
        if self.dice.random() < DELAYED:
            await asyncio.sleep(self.dice.uniform(0, 0.3))
        is_lost, is_answer_lost = self.dice.random() < LOST / 2, self.dice.random() < LOST / 2
        if is_lost:
            self.calls["lost"] += 1
            return 0
        times = 2 if self.dice.random() < DOUBLED else 1
        statuses = [await self._send(job_id, body) for _ in range(times)]
        self.calls[f"status {statuses[0]}"] += 1
        return 0 if is_answer_lost else statuses[0]

    async def _send(self, job_id: str, body: dict[str, object]) -> int:
        headers = {"Authorization": f"Bearer {canaries.PUSH}", "Content-Type": "application/json"}
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self.session.put(
                f"{self.url}/jobs/{job_id}", data=json.dumps(body), headers=headers
            ) as response:
                await response.read()
                return response.status
        return 0


async def train(network: Network, nth: int) -> dict[int, float]:
    """Report one job until its end is acknowledged; return its curve."""
    job_id, began = f"job-{nth}", time.time()
    trainer, curve = Trainer(f"run-{nth}", began), {}
    for step in range(STEPS):
        curve[step] = network.dice.random()
        trainer.log(step, train_loss=curve[step])
        if step % 4 == 3:
            body, _ = trainer.call(time.time() - began, name=job_id, step=step, total_steps=STEPS)
            if await network.put(job_id, body) == 200:
                trainer.acknowledged(body)
            await asyncio.sleep(network.dice.uniform(0.0, 0.4))
    while True:
        body, _ = trainer.call(time.time() - began, "succeeded", name=job_id, result={"model": f"model-{nth}"})
        if await network.put(job_id, body) == 200:
            return curve
        await asyncio.sleep(network.dice.uniform(0.1, 1.0))


async def run_bots(world: World, settings: dict[str, str], dice: random.Random, enough: asyncio.Event) -> None:
    """Run the bot, and kill it again and again; at last let it run until there is nothing left to do."""
    for _ in range(KILLS):
        async with world.process(**settings) as process:
            await asyncio.sleep(dice.uniform(0.5, 2.0))
            process.kill()
    async with world.process(**settings):
        await enough.wait()


async def _until_all_is_sent(world: World) -> None:
    """Wait until the bot owes its channel nothing: each job's result is sent, or in a digest that is."""
    file = world.database_url.removeprefix("sqlite:///")
    unsent = "SELECT count(*) FROM delivery WHERE state <> 'sent'"
    ended = "SELECT count(*) FROM change WHERE new_status = 'succeeded'"

    def is_done() -> bool:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            (left,), (ends,) = connection.execute(unsent).fetchone(), connection.execute(ended).fetchone()
        return bool(left == 0 and ends >= JOBS)

    async with asyncio.timeout(500):
        while not is_done():  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.05)


async def test_each_result_is_told_once_and_no_point_is_lost(world: World) -> None:
    dice, enough, calls = random.Random(18), asyncio.Event(), Counter[str]()  # noqa: S311
    settings = configured(world)
    async with world.process(**settings):
        await world.say("subscribe account:gpu")
    bots = asyncio.create_task(run_bots(world, settings, dice, enough))
    slots = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        network = Network(session, push_url(settings), dice, calls)

        async def one(nth: int) -> dict[int, float]:
            async with slots:
                if dice.random() < SLACK_FAILS:
                    world.slack.faults.add("chat.postMessage", dice.choice(SLACK_FAULTS))
                return await train(network, nth)

        curves = await asyncio.gather(*map(one, range(JOBS)))
    world.slack.faults.clear()

    await _until_all_is_sent(world)
    enough.set()
    await bots

    async with open_store(world.database_url, time.time) as store:
        async with store.db.transaction() as tx:
            ends = Counter(
                row.job_id for row in await tx.execute(select(schema.change)) if row.new_status == "succeeded"
            )
            states = Counter(row.state for row in await tx.execute(select(schema.delivery.c.state)))
        for nth, curve in enumerate(curves):
            points = await store.training.metrics.of_job(GPU, f"job-{nth}")
            assert {point.step: point.value for point in points} == curve
    keys = Counter(message.metadata["event_payload"]["k"] for message in world.ml.messages if message.metadata)
    assert ends == Counter({f"job-{nth}": 1 for nth in range(JOBS)})
    assert states.keys() == {"sent"}
    assert [key for key, times in keys.items() if times > 1] == []
    assert calls["status 200"] > JOBS
