"""Supervised loops: work that repeats until it's stopped, survives its failures, and logs each outage once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

RETRY_SECONDS = 1.0
"""Between a failed step and the next one."""

log = structlog.get_logger()


class FailureLog:
    """Logs ``<name>.failing`` when repeated work begins to fail, and ``<name>.recovered`` when it works again."""

    def __init__(self, name: str, *, each_kind: bool = False, **fields: str) -> None:
        """Take what the log lines say; ``each_kind`` logs again when a failure is of another type than the last one."""
        self.is_failing = False
        self._failing, self._recovered = f"{name}.failing", f"{name}.recovered"
        self._each_kind = each_kind
        self._fields = fields
        self._last: type[BaseException] | None = None

    def failed(self, error: BaseException) -> None:
        """Take note of a failure."""
        is_new = not self.is_failing or (self._each_kind and type(error) is not self._last)
        if is_new:
            log.error(self._failing, exc_info=error, **self._fields)
        self.is_failing, self._last = True, type(error)

    def succeeded(self) -> None:
        """Take note of a success."""
        if self.is_failing:
            log.info(self._recovered, **self._fields)
        self.is_failing = False


class Loop:
    """Runs one step again and again: when its wake-up is set, and when the seconds that the step returned are over.

    A step that returns None waits for the wake-up alone. After an exception the step runs again in ``retry_after``
    seconds, whatever wakes it meanwhile.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[float | None]],
        *,
        wakeup: asyncio.Event | None = None,
        retry_after: float = RETRY_SECONDS,
    ) -> None:
        self.wakeup = wakeup or asyncio.Event()
        self._step = step
        self._retry_after = retry_after
        self._failures = FailureLog(name)
        self._stopped = asyncio.Event()

    @property
    def is_failing(self) -> bool:
        """Whether the last step raised an exception."""
        return self._failures.is_failing

    @property
    def is_stopped(self) -> bool:
        """Whether no further step begins."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Begin no further step."""
        self._stopped.set()
        self.wakeup.set()

    async def run(self) -> None:
        """Run until ``stop``, or until the task is canceled."""
        while not self.is_stopped:
            self.wakeup.clear()
            try:
                seconds = await self._step()
                self._failures.succeeded()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next step may work
                self._failures.failed(error)
                await _wait(self._stopped, self._retry_after)
            else:
                await _wait(self.wakeup, seconds)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
