"""TLS on loopback for tests: certificates made on the spot, and a front that speaks it before a server without."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.sandbox.server import LoopbackServer
from tests.proxy import relay


def certificate(folder: Path, *, host: str = "localhost", days: int = 2) -> Path:
    """Return a file with a self-signed certificate and its key."""
    file = folder / f"{host}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", str(days), "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    command += ["-keyout", str(file.with_suffix(".key")), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return file


@asynccontextmanager
async def tls_front(pem: Path, behind: LoopbackServer) -> AsyncIterator[int]:
    """Let a port speak TLS with a certificate before a stand-in; return that port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, pem.with_suffix(".key"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection("127.0.0.1", behind.port)
        with contextlib.suppress(OSError, ssl.SSLError):
            await relay(reader, to, there, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    behind.proxy_ports.add(port)
    try:
        yield port
    finally:
        server.close()
