"""Processes that the sandbox starts: the variables that they inherit, and ports for them."""

import os
import secrets
import socket
from contextlib import suppress

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


def inherited_variables() -> dict[str, str]:
    """Return the variables that a process inherits from our environment: none that could be a setting."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def free_port() -> int:
    """Return a port that nobody listens on, below those that the system gives to whoever connects.

    One of the latter may be taken by another program's connection before it is listened on.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
