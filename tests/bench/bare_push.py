"""The other side of a trainer's call: a bare handler that commits one row for each.

python -m tests.bench.bare_push PORT FILE-OR-URL
"""

import asyncio
import sqlite3
import sys

import asyncpg
from aiohttp import web


async def serve(port: int, database: str) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    if database.startswith("postgres"):
        pool = await asyncpg.create_pool(database, min_size=5, max_size=5)
        await pool.execute("CREATE TABLE IF NOT EXISTS call (id bigserial PRIMARY KEY, body text)")

        async def put(request: web.Request) -> web.Response:
            await pool.execute("INSERT INTO call (body) VALUES ($1)", await request.text())
            return web.json_response({"seq": 1, "requested": None})
    else:
        file = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = FULL")
        file.execute("CREATE TABLE IF NOT EXISTS call (id integer PRIMARY KEY, body text)")

        async def put(request: web.Request) -> web.Response:
            text = await request.text()
            await asyncio.to_thread(file.execute, "INSERT INTO call (body) VALUES (?)", (text,))
            return web.json_response({"seq": 1, "requested": None})

    app.router.add_put("/push/gpu/jobs/{id}", put)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
