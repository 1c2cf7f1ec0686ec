"""Bot process of ``ftjob try``: an ordinary ``ftjob run`` that can be killed and restarted."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.sandbox.slack.server import Slack

READY_SECONDS = 120.0
RUN_COMMAND = (sys.executable, "-m", "bot", "run")


class BotProcess:
    """Starts, kills and stops the bot's process."""

    def __init__(
        self, slack: Slack, environment: Mapping[str, str], folder: Path, command: Sequence[str] = RUN_COMMAND
    ) -> None:
        """Prepare a process with an environment and a working folder; ``command`` starts the bot."""
        self.log = folder / "bot.log"
        """Log file with the output of every start."""
        self.starts = 0
        self.is_killed = False
        """Whether the process was killed and not started again."""
        self._slack = slack
        self._environment = dict(environment)
        self._folder = folder
        self._command = tuple(command)
        self._process: Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the bot with this environment alone, and wait until it is connected to Slack.

        Raises:
            RuntimeError: it did not start; the message holds its output.
        """
        if self.is_running:
            return
        self.starts += 1
        self.is_killed = False
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=self._folder, env=self._environment, stdout=out, stderr=out
            )
        await self._wait_until_ready(self._process)
        self._slack.request_log.notify_waiters()

    async def kill(self) -> None:
        """Kill the process, as a crash does."""
        if self._process and self.is_running:
            self.is_killed = True
            self._process.kill()
            await self._process.wait()
            self._slack.request_log.notify_waiters()

    async def stop(self) -> None:
        """Terminate the process and wait for its end."""
        if self._process and self.is_running:
            self._process.terminate()
            await self._process.wait()

    async def _wait_until_ready(self, process: Process) -> None:
        connected = asyncio.ensure_future(self._slack.wait_for_connection(seconds=READY_SECONDS))
        ended = asyncio.ensure_future(process.wait())
        await asyncio.wait({connected, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if connected.done() and connected.exception() is None:
            return
        connected.cancel()
        output = await asyncio.to_thread(self.log.read_text)
        raise RuntimeError(f"The bot did not start. It said:\n{output}")
