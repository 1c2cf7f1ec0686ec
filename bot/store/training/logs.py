"""Log lines and checkpoints of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction

MAX_LINES = 1_000
"""Lines, and checkpoints, that are kept of a run and shown of a job."""


@dataclass(frozen=True)
class LogEntry:
    """One line of a run's log."""

    job_id: str
    run_id: str
    number: int
    at: float
    """By the trainer's clock."""
    level: str
    message: str


@dataclass(frozen=True)
class CheckpointEntry:
    """A checkpoint of a run."""

    job_id: str
    run_id: str
    step: int
    seq: int
    at: float
    """By the trainer's clock: when the call that named it was sent."""
    model: str


class TrainingLogs:
    """Log lines and checkpoints. Methods that take ``tx`` join the caller's transaction, which covers one account."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add_lines(self, tx: Transaction, account: str, lines: Sequence[LogEntry]) -> None:
        """Add lines; one that is known stays as it is."""
        if lines:
            new = self._db.insert(schema.training_log).on_conflict_do_nothing()
            await tx.execute(new, [{"account": account, **vars(each)} for each in lines])

    async def add_checkpoints(self, tx: Transaction, account: str, checkpoints: Sequence[CheckpointEntry]) -> None:
        """Add checkpoints; of two at one step of a run that of the later call stays."""
        if not checkpoints:
            return
        newest = {
            (each.job_id, each.run_id, each.step): each for each in sorted(checkpoints, key=lambda saved: saved.seq)
        }
        new = self._db.insert(schema.training_checkpoint)
        later = new.on_conflict_do_update(
            index_elements=["account", "job_id", "run_id", "step"],
            set_={name: new.excluded[name] for name in ("seq", "at", "model")},
            where=schema.training_checkpoint.c.seq < new.excluded.seq,
        )
        await tx.execute(later, [{"account": account, **vars(each)} for each in newest.values()])

    async def trim(self, tx: Transaction, account: str, job_id: str, run_id: str, most: int) -> None:
        """Keep the last ``most`` lines and checkpoints of a run."""
        for table, order in ((schema.training_log, "number"), (schema.training_checkpoint, "step")):
            column = table.c[order]
            mine = (table.c.account == account, table.c.job_id == job_id, table.c.run_id == run_id)
            newest = await tx.scalar(select(column).where(*mine).order_by(column.desc()).offset(most).limit(1))
            if newest is not None:
                await tx.execute(delete(table).where(*mine, column <= newest))

    async def lines_of(self, account: str, job_id: str) -> list[LogEntry]:
        """Return the lines of all runs of a job, at most the ``MAX_LINES`` newest ones by their trainers' clocks."""
        return [LogEntry(*row) for row in await self._all(schema.training_log, account, job_id)]

    async def checkpoints_of(self, account: str, job_id: str) -> list[CheckpointEntry]:
        """Return the checkpoints of all runs of a job, as ``lines_of`` does."""
        return [CheckpointEntry(*row) for row in await self._all(schema.training_checkpoint, account, job_id)]

    async def _all(self, table: Any, account: str, job_id: str) -> Sequence[Any]:
        columns = [column for column in table.c if column.name != "account"]
        async with self._db.transaction() as tx:
            mine = select(*columns).where(table.c.account == account, table.c.job_id == job_id)
            mine = mine.order_by(table.c.at.desc()).limit(MAX_LINES)
            return (await tx.execute(mine)).all()
