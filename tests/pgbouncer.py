"""A real PgBouncer for tests: each transaction of a client goes to whichever of a few server sessions is free."""

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.sandbox.processes import free_port
from tests.postgres import unprivileged_user

PROGRAM = shutil.which("pgbouncer") or next((str(p) for p in [Path("/usr/sbin/pgbouncer")] if p.exists()), None)
SESSIONS = 3
"""Sessions with the server that all clients share."""


@contextmanager
def pgbouncer(database_url: str, *, pool_mode: str = "transaction") -> Iterator[str]:
    """Run one before a database and yield its address; skip the test where there is none on the machine."""
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed (apt-get install pgbouncer)")
    with tempfile.TemporaryDirectory(prefix="ftjob-pgbouncer-") as name:
        folder, port, server = Path(name), free_port(), urlsplit(database_url)
        place = f"host={server.hostname} port={server.port}"
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n{server.path[1:]} = {place} dbname={server.path[1:]} user={server.username}\n[pgbouncer]\n"
            f"listen_addr=127.0.0.1\nlisten_port={port}\nauth_type=any\nunix_socket_dir=\n"
            f"pool_mode={pool_mode}\ndefault_pool_size={SESSIONS}\n"
        )
        user = unprivileged_user(folder)
        settings: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        settings |= {"user": user} if user else {}
        started: subprocess.Popen[bytes] = subprocess.Popen([PROGRAM, "pgbouncer.ini"], **settings)
        try:
            _until_listening(port, started)
            yield f"postgresql://{server.username}@127.0.0.1:{port}{server.path}"
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(timeout=20)


def _until_listening(port: int, started: "subprocess.Popen[bytes]") -> None:
    for _ in range(400):
        if started.poll() is not None:
            raise RuntimeError(f"PgBouncer ended with {started.returncode}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise RuntimeError("PgBouncer does not listen")
