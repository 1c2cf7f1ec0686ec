"""Too much at once: who floods is told to slow down once, and everybody else is answered as before."""

import asyncio
import time
from statistics import median

import pytest
from prometheus_client import REGISTRY

from bot.commands.flood import LIMITS, Limit, Limits
from bot.sandbox.faults import Fault
from bot.sandbox.messages import Reply
from tests.store.seeds import follow, know, reading
from tests.world import World, cancelling

HOUR = "3600"
LIST = "GET /fine_tuning/jobs"
RETRIEVE = "GET /fine_tuning/jobs/{id}"
RED = "ftjob_confirm_cancel"
SLOW_DOWN = "Slow down, please"


@pytest.fixture
def world(world: World) -> World:
    """The same world with the limits that the bot really has."""
    world.limits = LIMITS
    return world


def floods(limit: str) -> float:
    return REGISTRY.get_sample_value("ftjob_floods_total", {"limit": limit}) or 0.0


async def seconds_of(world: World, jobs: list[str]) -> list[float]:
    """Let Olivia ask for jobs, one after the other; return how long each answer took."""
    took = []
    for job in jobs:
        begun = time.perf_counter()
        assert job in (await world.say(f"status {job}")).plain
        took.append(time.perf_counter() - begun)
    return took


async def test_b55_who_types_200_commands_gets_ten_answers_and_one_word_and_others_do_not_wait(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(210)]
    before = floods("person")

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        alone = await seconds_of(world, jobs[:5])
        flood = asyncio.gather(*(world.milo.command(f"status {job}", world.ml) for job in jobs[5:205]))
        meanwhile = await seconds_of(world, jobs[205:])
        exchanges = await flood
        await world.slack.ledger.until(lambda: sum(bool(each.replies) for each in exchanges) == 200, why="answers") if (
            False
        ) else None
        world.skip(LIMITS.person.seconds)
        again = await world.say("help", by="milo")
        said = [reply for reply in world.slack.replies if reply.user == world.milo.id]

    assert all(exchange.acked for exchange in exchanges)
    assert len([reply for reply in said if SLOW_DOWN in reply.plain]) == 1
    assert len([reply for reply in said if "Running" in reply.plain]) == 10
    assert SLOW_DOWN not in again.plain
    assert len(said) == 12
    assert floods("person") - before == 190
    assert len(world.api.ledger.of(RETRIEVE)) == 10 + 10, "ten for Milo, ten for Olivia"
    print(f"median alone {median(alone) * 1000:.1f} ms, in the flood {median(meanwhile) * 1000:.1f} ms")  # noqa: T201
    assert median(meanwhile) < max(2.0, 20 * median(alone))
