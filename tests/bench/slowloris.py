"""A crowd that knocks at a port of this machine: connections that say nothing, and bodies that are never finished.

python -m tests.bench.slowloris PORT COUNT
"""

import asyncio
import random
import resource
import socket
import sys
import time

BODY = memoryview(b"a" * 250_000)
"""Most of a body that is declared to be as large as the server takes one."""
AGAIN = 1.0
"""Seconds until one that was cut knocks again."""
HEAD = (
    "POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 262144\r\n"
)


def heads(count: int) -> list[str]:
    """Return what each of the crowd begins with: half of it nothing, of the rest half what might be signed."""
    stamp = f"X-Slack-Request-Timestamp: {int(time.time())}\r\nX-Slack-Signature: v0={'0' * 64}\r\n"
    return [["", HEAD + "\r\n", "", HEAD + stamp + "\r\n"][number % 4] for number in range(count)]


async def hold_connection(port: int, head: str) -> None:
    """Hold a connection for as long as it is let, again and again."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(random.uniform(0, AGAIN))  # noqa: S311 - spreads the first ones
    while True:
        with socket.socket() as connection:
            connection.setblocking(False)  # noqa: FBT003 - its own signature
            try:
                await loop.sock_connect(connection, ("127.0.0.1", port))
                if head:
                    await loop.sock_sendall(connection, head.encode())
                    await loop.sock_sendall(connection, BODY)
                while await loop.sock_recv(connection, 4096):
                    continue
            except OSError:
                pass
        await asyncio.sleep(AGAIN)


async def main(port: int, count: int) -> None:
    """Knock until the process is ended."""
    await asyncio.gather(*(hold_connection(port, head) for head in heads(count)))


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
