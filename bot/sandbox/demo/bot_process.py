"""The bot of ``ftjob try``: an ordinary ``ftjob run``, a process that can be killed and started again."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.sandbox.slack.server import Slack

READY_SECONDS = 120.0
RUN_COMMAND = (sys.executable, "-m", "bot", "run")


class BotProcess:
    """Starts, kills and stops the one process."""

    def __init__(
        self, slack: Slack, environ: Mapping[str, str], folder: Path, program: Sequence[str] = RUN_COMMAND
    ) -> None:
        """Take what it needs; ``program`` is what starts the bot."""
        self.log = folder / "bot.log"
        """What the process printed, whichever start it was of."""
        self.starts = 0
        self.is_killed = False
        """Whether somebody ended the process, and did not start it again."""
        self._slack = slack
        self._environ = dict(environ)
        self._folder = folder
        self._program = tuple(program)
        self._process: Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the bot with this environment and no other settings, and wait until it is connected.

        Raises:
            RuntimeError: it did not start; the message holds what it printed.
        """
        if self.is_running:
            return
        self.starts += 1
        self.is_killed = False
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._program, cwd=self._folder, env=self._environ, stdout=out, stderr=out
            )
        await self._until_ready(self._process)
        self._slack.request_log.notify_waiters()

    async def kill(self) -> None:
        """End the process where it stands, as a crash does."""
        if self._process and self.is_running:
            self.is_killed = True
            self._process.kill()
            await self._process.wait()
            self._slack.request_log.notify_waiters()

    async def stop(self) -> None:
        """Ask the process to stop, and wait for it."""
        if self._process and self.is_running:
            self._process.terminate()
            await self._process.wait()

    async def _until_ready(self, process: Process) -> None:
        connected = asyncio.ensure_future(self._slack.wait_for_connection(seconds=READY_SECONDS))
        ended = asyncio.ensure_future(process.wait())
        await asyncio.wait({connected, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if connected.done() and connected.exception() is None:
            return
        connected.cancel()
        said = await asyncio.to_thread(self.log.read_text)
        raise RuntimeError(f"The bot did not start. It said:\n{said}")
