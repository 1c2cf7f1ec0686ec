"""``make chaos SEEDS=n``: so many rounds on SQLite with one bot, on PostgreSQL with three, and with two behind PgBouncer."""

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import asyncpg

from bot.slack.timeouts import DELIVERY_TIMEOUTS
from tests.chaos.round import FACTOR, Result, Round
from tests.pgbouncer import PROGRAM, pgbouncer
from tests.postgres import restartable_postgres

SECONDS = 12.0
"""How long the bots are killed in one round."""


def main() -> int:
    """Play the rounds, print what came of them, and return 0 if nothing was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="?", default=1)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--only", choices=["sqlite", "postgres", "pgbouncer"])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--freeze", type=float, default=0.0, help="freeze bots for up to so many seconds")
    asked = parser.parse_args()
    timeouts = DELIVERY_TIMEOUTS.shortened(FACTOR)
    print(f"every wait {FACTOR:g} times as short as in production: {timeouts}")
    good = True
    for store, bots in (("sqlite", 1), ("postgres", 3), ("pgbouncer", 2)):
        if store == "pgbouncer" and PROGRAM is None:
            print("no round behind PgBouncer, which is not installed (apt-get install pgbouncer)")
        elif asked.only in (None, store):
            with _server(store) as server:
                pooled = store == "pgbouncer"
                seeds = range(asked.first, asked.first + asked.seeds)
                results = [_play(server, seed, bots, asked, pooled=pooled) for seed in seeds]
            good = _report(store, bots, results, strict=not asked.freeze) and good
    return 0 if good else 1


@contextmanager
def _server(store: str) -> Iterator[str | None]:
    if store == "sqlite":
        yield None
    else:
        with restartable_postgres() as server:
            yield server.url


def _play(server: str | None, seed: int, bots: int, asked: argparse.Namespace, *, pooled: bool) -> Result:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ftjob-chaos-") as folder:
        url = asyncio.run(_new_database(server)) if server else f"sqlite:///{folder}/ftjob.db"
        with pgbouncer(url) if pooled else nullcontext(url) as place:
            game = Round(seed, url, Path(folder), bots=bots, seconds=asked.seconds, freezes=asked.freeze, place=place)
            result = asyncio.run(game.play())
        if not _is_good(result, strict=not asked.freeze):
            _keep_logs(Path(folder), seed)
    checked = result.checked
    print(
        f"  seed {seed}: {result.counts['kills']} kills, "
        f"{checked.due} due, {len(checked.lost)} lost, {len(checked.doubled)} doubled, "
        f"{len(checked.disordered)} out of order, converged in {result.converged_in:.1f} s "
        f"({time.monotonic() - began:.0f} s)",
        flush=True,
    )
    for problem in [*checked.lost[:5], *checked.doubled[:5], *checked.disordered[:5], *result.problems[:5]]:
        print(f"    {problem}")
    return result


async def _new_database(server: str) -> str:
    name = f"chaos_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    return server.rsplit("/", 1)[0] + f"/{name}"


def _is_good(result: Result, *, strict: bool) -> bool:
    checked = result.checked
    doubled = 0 if strict else result.sent_again
    return not (checked.lost or checked.disordered or result.problems) and len(checked.doubled) <= doubled


def _keep_logs(folder: Path, seed: int) -> None:
    kept = Path(tempfile.mkdtemp(prefix=f"ftjob-chaos-seed{seed}-"))
    for path in folder.iterdir():
        if path.is_file():
            (kept / path.name).write_bytes(path.read_bytes())
    print(f"    logs and database kept in {kept}")


def _report(store: str, bots: int, results: list[Result], *, strict: bool) -> bool:
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.counts)
    checks = [result.checked for result in results]
    slowest = max(result.slowest_stop for result in results)
    print(
        f"{store}, {bots} bot{'s' if bots > 1 else ''}, seeds {results[0].seed} to {results[-1].seed}: "
        f"{total['kills']} kills, each with a delivery in flight or a change uncommitted, {total['freezes']} freezes, "
        f"{total['stops']} stops (slowest {slowest:.1f} s), {sum(v.due for v in checks)} alerts due, "
        f"{sum(len(v.lost) for v in checks)} lost, {sum(len(v.doubled) for v in checks)} doubled "
        f"(sent again {sum(result.sent_again for result in results)} times), "
        f"{sum(len(v.disordered) for v in checks)} out of order, "
        f"slowest to converge {max(result.converged_in for result in results):.1f} s"
    )
    print(f"  {dict(sorted(total.items()))}")
    return all(_is_good(result, strict=strict) for result in results)


if __name__ == "__main__":
    sys.exit(main())
