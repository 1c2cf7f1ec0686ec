"""World in virtual time, for simulation and races: a store of its own, and nothing that its seed does not decide."""

import asyncio
import random
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import structlog

from bot.runtime import failpoints
from tests.empty_store import empty_store
from tests.simulation.bot import seed_randomness
from tests.simulation.disk import inline_sqlite
from tests.simulation.loop import VirtualLoop

EPOCH = 1_800_000_000
"""When every world begins, in seconds of the wall clock."""

Outcome = TypeVar("Outcome")


class World(ABC, Generic[Outcome]):
    """Everything that runs in one virtual loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def clock(self) -> float:
        """Return the time of day."""
        return EPOCH + (self._loop.time() if self._loop else 0.0)

    def run(self) -> Outcome:
        """Run the world to its end, in virtual time; return its outcome."""
        with _logged_errors(self.note_error), asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(self._run())

    @abstractmethod
    def note_error(self, event: str) -> None:
        """Keep what a living process logged as an error."""

    @abstractmethod
    def failpoint(self, point: str) -> None:
        """Pass a point at which a process may die; raises where it does."""

    @abstractmethod
    async def live(self, loop: asyncio.AbstractEventLoop) -> Outcome:
        """Let everything happen; return the outcome."""

    async def _run(self) -> Outcome:
        self._loop = loop = asyncio.get_running_loop()
        # Errors of a killed process don't matter; those of a living one are logged.
        loop.set_exception_handler(lambda _loop, _context: None)
        failpoints.arm(self.failpoint)
        return await self.live(loop)


@contextmanager
def seeded_store(seed: int) -> Iterator[Path]:
    """Yield the file of an empty store; until the block ends, the seed decides what the bot leaves to chance."""
    chance, empty = random.getstate(), empty_store()
    with tempfile.TemporaryDirectory(prefix="ftjob-world-") as folder, inline_sqlite():
        file = Path(shutil.copy(empty, folder))
        seed_randomness(seed)
        try:
            yield file
        finally:
            random.setstate(chance)
            failpoints.arm(None)


@contextmanager
def _logged_errors(note: Callable[[str], None]) -> Iterator[None]:
    """Hand the name of each error that the bot logs to ``note``, and log nothing."""

    def count(_logger: Any, method: str, event: MutableMapping[str, Any]) -> NoReturn:
        if method in ("error", "exception", "critical"):
            note(str(event.get("event")))
        raise structlog.DropEvent

    configured = structlog.get_config()
    structlog.configure(processors=[count])
    try:
        yield
    finally:
        structlog.configure(**configured)
