"""What can be seen of a round: the committed rows, of either database, and what is in Slack."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from bot.sandbox.slack.server import Slack
from bot.store.db.engine import sqlite_path
from tests.simulation.checker import Alert, Posted, Recorded
from tests.simulation.evidence import ALERTS, CHANGES, PENDING, STATES, alert_of, posted, recorded_of
from tests.simulation.plan import State


@dataclass(frozen=True)
class Evidence:
    """What the checker reads."""

    changes: Sequence[Recorded]
    alerts: Sequence[Alert]
    posted: Sequence[Posted]
    states: dict[str, State]
    pending: int


async def gather(url: str, slack: Slack) -> Evidence:
    """Read the database at ``url`` beside the bots that work on it."""
    changes, alerts, states, enqueued = await _rows(url, CHANGES, ALERTS, STATES, PENDING)
    return Evidence(
        [recorded_of(row) for row in changes],
        [alert_of(row) for row in alerts],
        posted(slack),
        {job: (status, model) for job, status, model in states},
        enqueued[0][0],
    )


async def _rows(url: str, *queries: str) -> list[list[Any]]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(sqlite_path(url), timeout=10)
        try:
            return [connection.execute(query).fetchall() for query in queries]
        finally:
            connection.close()
    database = await asyncpg.connect(url)
    try:
        return [list(await database.fetch(query)) for query in queries]
    finally:
        await database.close()
