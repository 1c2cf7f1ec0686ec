"""What a log says of a request that failed, with its whole traceback: never a key."""

import subprocess
import sys

import pytest

from bot.sandbox.processes import free_port

KEY = "sk-secret-0123456789abcdef"
PROGRAM = """
import asyncio, sys, structlog
from pydantic import SecretStr
from bot.telemetry import logs
from bot.providers.account import Account
from bot.providers.client import Client

async def main():
    logs.configure(sys.argv[1])
    async with Client(Account("test", sys.argv[2], SecretStr(sys.argv[3]))) as client:
        try:
            await client.retrieve("ftjob-1")
        except Exception:
            structlog.get_logger().exception("it.broke")

asyncio.run(main())
"""


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_in_the_log_shows_no_key(style: str) -> None:
    address = f"http://127.0.0.1:{free_port()}/v1"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, style, address, KEY], capture_output=True, text=True, timeout=30, check=True
    )
    assert "it.broke" in done.stderr
    assert "Unreachable" in done.stderr
    assert "0123456789" not in done.stderr
