import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from bot.runtime.loops import FailureLog, Loop


class Steps:
    """Steps of a loop, each of which waits for the test."""

    def __init__(self, *results: float | Exception | None) -> None:
        self._results = list(results)
        self.count = 0
        self.changed = asyncio.Event()

    async def __call__(self) -> float | None:
        self.count += 1
        self.changed.set()
        result = self._results.pop(0) if self._results else None
        if isinstance(result, Exception):
            raise result
        return result

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.count < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def looping(step: Callable[[], Awaitable[float | None]]) -> AsyncIterator[Loop]:
    loop = Loop("work", step, retry_after=0.01)
    task = asyncio.create_task(loop.run())
    yield loop
    loop.stop()
    async with asyncio.timeout(60):
        await task


async def test_a_step_runs_after_its_interval_and_when_the_wakeup_is_set() -> None:
    steps = Steps(0.0, 0.01, None)

    async with looping(steps) as loop:
        await steps.until(3)
        for _ in range(10):
            await asyncio.sleep(0)
        assert steps.count == 3
        loop.wakeup.set()
        await steps.until(4)


async def test_a_failure_is_logged_once_and_so_is_the_recovery() -> None:
    steps = Steps(ValueError("a"), OSError("b"), ValueError("c"), None)

    with capture_logs() as logs:
        async with looping(steps) as loop:
            await steps.until(2)
            assert loop.is_failing
            await steps.until(4)
        assert not loop.is_failing

    assert [log["event"] for log in logs] == ["work.failing", "work.recovered"]
    assert str(logs[0]["exc_info"]) == "a"


async def test_a_stop_waits_neither_for_the_next_step_nor_for_the_next_retry() -> None:
    for result in (3600.0, None, OSError()):
        steps = Steps(result)
        loop = Loop("work", steps, retry_after=3600.0)
        task = asyncio.create_task(loop.run())
        await steps.until(1)
        loop.stop()
        async with asyncio.timeout(60):
            await task
        assert steps.count == 1


def test_a_failure_of_another_kind_is_logged_again_where_requested() -> None:
    failures = FailureLog("poll", each_kind=True, account="default")

    with capture_logs() as logs:
        for error in (OSError(1), OSError(2), ValueError(3)):
            failures.failed(error)
        failures.succeeded()
        failures.succeeded()

    said = [(log["event"], log["account"]) for log in logs]
    assert said == [("poll.failing", "default")] * 2 + [("poll.recovered", "default")]
