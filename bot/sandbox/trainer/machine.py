"""Machine on which a team trains: each job is a process, which one can kill, stop, let crash, cut off and restart."""

import asyncio
import secrets
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.openai.api.job_store import FINAL, JobEnd
from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.processes import free_port, inherited_variables
from bot.sandbox.trainer.network import Call, TrainerNetwork

ACCOUNT = "gpu"
FLUSH_SECONDS = 2.0
"""Seconds between two looks for reports that could not be sent."""
STARTING = "starting"
_PROGRAM = Path(__file__).with_name("program.py")


@dataclass
class StoredReports:
    """What the bot stored of a job's calls."""

    status: str = STARTING
    """The last status of the present process."""
    model: str | None = None
    ends: dict[str, JobEnd] = field(default_factory=dict)
    """How each run ended, by run."""

    def take(self, call: Call, at: float) -> None:
        """Take a call; a run that has ended stays so."""
        run, status = str(call["run"]), str(call["status"])
        if status in FINAL:
            self.ends.setdefault(run, JobEnd(status, at))
        self.status = self.ends[run].status if run in self.ends else status
        self.model = (call.get("result") or {}).get("model") or self.model


@dataclass
class Trainer:
    """A job of this machine: its process, and what the bot stored of it and those before."""

    id: str
    name: str
    owner: str
    """A Slack member's ID."""
    seconds: float
    folder: Path
    created_at: float
    process: Process | None = None
    stored: StoredReports = field(default_factory=StoredReports)

    @property
    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self.process is not None and self.process.returncode is None

    def as_job(self) -> JsonObject:
        """Return it as the jobs of other servers look."""
        is_known = self.stored.status in FINAL or self.is_running
        return {
            "id": self.id,
            "status": self.stored.status if is_known else "silent",
            "model": "sine-mlp",
            "fine_tuned_model": self.stored.model,
            "created_at": self.created_at,
            "metadata": {"team": "search", "slack_user": self.owner, "name": self.name},
        }


class TrainingMachine:
    """Processes that train, and the network between them and the bot."""

    def __init__(self, token: str, folder: Path) -> None:
        """Train in ``folder``, and report with the push token of the bot's account."""
        self.token = token
        self.bot_port = free_port()
        """The port at which the bot is to listen."""
        self.network = TrainerNetwork(f"http://127.0.0.1:{self.bot_port}", self._take)
        self.trainers: dict[str, Trainer] = {}
        self._folder = folder

    @asynccontextmanager
    async def running(self) -> AsyncIterator["TrainingMachine"]:
        """Run the network; at the end every process is killed."""
        async with self.network:
            flusher = asyncio.create_task(self._flush_again_and_again())
            try:
                yield self
            finally:
                flusher.cancel()
                await asyncio.gather(flusher, return_exceptions=True)
                for trainer in self.trainers.values():
                    await _kill(trainer.process)

    @property
    def jobs(self) -> dict[str, JsonObject]:
        """Every job by its ID, oldest first."""
        return {job_id: trainer.as_job() for job_id, trainer in self.trainers.items()}

    @property
    def ends(self) -> dict[str, list[JobEnd]]:
        """How the runs of each job ended."""
        trainers = self.trainers.items()
        return {job_id: list(each.stored.ends.values()) for job_id, each in trainers if each.stored.ends}

    async def start_job(self, *, seconds: float, owner: str) -> str:
        """Start a training; return the ID of its job.

        Raises:
            RuntimeError: the bot does not respond.
        """
        await self._fetch_client()
        job_id = f"sine-{secrets.token_hex(4)}"
        folder = self._folder / job_id
        folder.mkdir()
        name = f"sine fit {len(self.trainers) + 1}"
        self.trainers[job_id] = trainer = Trainer(job_id, name, owner, seconds, folder, time.time())
        await self._start(trainer)
        return job_id

    async def act(self, job_id: str, action: str) -> None:
        """Kill, stop, crash, restart, cut off or reconnect a job.

        Raises:
            LookupError: there is no such job or action.
            RuntimeError: its process has ended; or for a restart, it is still running.
        """
        trainer = self.trainers[job_id]
        if action in ("kill", "stop", "crash") and not trainer.is_running:
            raise RuntimeError("Its process has ended.")
        match action:
            case "kill":
                await _kill(trainer.process)
            case "stop":
                _signal(trainer.process, signal.SIGINT)
            case "crash":
                (trainer.folder / "crash").touch()
            case "restart":
                await self._restart(trainer)
            case "cut":
                self.network.cut_off.add(job_id)
            case "reconnect":
                self.network.cut_off.discard(job_id)
            case _:
                raise LookupError(action)

    async def _restart(self, trainer: Trainer) -> None:
        if trainer.is_running:
            raise RuntimeError("It's still running.")
        (trainer.folder / "crash").unlink(missing_ok=True)
        trainer.stored.status = STARTING
        await self._start(trainer)

    async def _start(self, trainer: Trainer) -> None:
        arguments = (trainer.id, trainer.name, str(trainer.seconds), trainer.owner)
        trainer.process = await self._run_python(_PROGRAM, *arguments, cwd=trainer.folder)

    async def _run_python(self, program: Path, *arguments: str, cwd: Path) -> Process:
        environment = inherited_variables() | {
            "PYTHONPATH": str(self._folder),
            "FTJOB_PUSH_URL": f"{self.network.origin}/push/{ACCOUNT}",
            "FTJOB_PUSH_TOKEN": self.token,
            "FTJOB_SPOOL_DIR": str(self._folder / "spool"),
        }
        with (cwd / "trainer.log").open("ab") as out:
            # In a session of its own, so that Ctrl-C in the terminal does not stop it.
            return await asyncio.create_subprocess_exec(
                sys.executable,
                str(program),
                *arguments,
                cwd=cwd,
                env=environment,
                stdin=DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    async def _fetch_client(self) -> None:
        file = self._folder / "client.py"
        if not file.exists():
            file.write_bytes(await self.network.fetch_client())

    async def _flush_again_and_again(self) -> None:
        """Send what trainers left in the spool, as a cron job would."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if any((self._folder / "spool").glob("*.json")):
                process = await self._run_python(self._folder / "client.py", "flush", cwd=self._folder)
                try:
                    await process.wait()
                finally:
                    await _kill(process)

    def _take(self, job_id: str, call: Call) -> None:
        if job_id in self.trainers:
            self.trainers[job_id].stored.take(call, time.time())


async def _kill(process: Process | None) -> None:
    if process and process.returncode is None:
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: Process | None, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        if process:
            process.send_signal(number)
