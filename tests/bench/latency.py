"""A TCP proxy that puts a distance between the bot and a database: each answer comes later by as much.

    python -m tests.bench.latency PORT MILLISECONDS

prints the port that it listens on, hands everything on to PORT of this machine, and serves until it is ended. What is
under way does not wait for what is before it: a distance makes answers late, not rare.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_AT_ONCE = 65536


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Hand on what comes, each piece ``seconds`` after it came."""
    loop, under_way = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

    async def deliver() -> None:
        while True:
            due, piece = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not piece:
                writer.close()
                return
            writer.write(piece)

    delivering = asyncio.create_task(deliver())
    with suppress(ConnectionError):
        while piece := await reader.read(_AT_ONCE):
            under_way.put_nowait((loop.time() + seconds, piece))
    under_way.put_nowait((loop.time() + seconds, b""))
    await delivering


async def serve(port: int, seconds: float) -> None:
    """Serve until the process is ended."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_relay(reader, far_writer, 0.0), _relay(far_reader, writer, seconds))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - this is what the bench waits for
    await server.serve_forever()


@asynccontextmanager
async def with_latency(url: str, milliseconds: float) -> AsyncIterator[str]:
    """Yield an address at which the database at ``url`` is so far away, until the block ends."""
    head, _, tail = url.rpartition(":")
    port, _, name = tail.partition("/")
    arguments = ["-m", "tests.bench.latency", port, str(milliseconds)]
    proxy = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert proxy.stdout
        listens = int(await proxy.stdout.readline())
        yield f"{head}:{listens}/{name}"
    finally:
        proxy.terminate()
        await proxy.wait()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.latency", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("milliseconds", type=float)
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.milliseconds / 1000))


if __name__ == "__main__":
    main()
