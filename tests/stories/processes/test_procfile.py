from pathlib import Path

from bot.sandbox.processes import free_port
from tests.stopwatch import within
from tests.world import World

PROCFILE = Path(__file__).parents[3] / "Procfile"


async def test_honcho_starts_a_worker_that_answers_and_stops_on_sigterm(world: World) -> None:
    job = world.api.add_job(status="running")
    honcho = ("honcho", "-d", str(world.folder), "-f", str(PROCFILE), "start", "-p", str(free_port()), "worker")

    async with world.process(honcho, FTJOB_HOST="127.0.0.1") as process:
        try:
            answer = await world.say(f"track {job}")
            world.api.change(job, status="paused")
            await world.until_delivered(job, "Paused")
        finally:
            process.terminate()
            async with within(15):
                await process.wait()
        await world.slack.request_log.wait_until(lambda: not world.slack.sockets.active, why="the worker has gone")

    assert "Tracking" in answer.plain_text
    log = "".join(world.log)
    assert "bot.stopping" in log
    assert "worker.1 stopped" in log
    assert "web.1" not in log, "exactly one of the two is started"
    assert "Traceback" not in log
