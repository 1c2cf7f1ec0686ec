"""Metrics of runs: points by series and step, thinned where a series is long."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, func, or_, select

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction

_SERIES_KEY = ("account", "job_id", "run_id", "series")
_KEY = (*_SERIES_KEY, "step")
_EXTREME_KEY = (*_SERIES_KEY, "sign")
_MOST = sys.float_info.max


@dataclass(frozen=True)
class Point:
    """One value of one series, as one call of a run brought it."""

    job_id: str
    run_id: str
    series: str
    step: int
    seq: int
    value: float
    """May be NaN or infinite."""
    priority: int
    """Of a long series, the steps with the smallest ones are kept."""

    @property
    def is_extreme(self) -> bool:
        """Whether it is the least or the greatest value of a series that was thinned, and kept for that alone."""
        return self.priority < 0


class TrainingMetrics:
    """Metrics. Methods that take ``tx`` join the caller's transaction, which covers one account."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Transaction, account: str, points: Sequence[Point]) -> None:
        """Add points; of two at one step of a run's series the one of the later call stays, and of one call the last."""
        if not points:
            return
        newest = {
            (each.job_id, each.run_id, each.series, each.step): each
            for each in sorted(points, key=lambda point: point.seq)
        }
        new = self._db.insert(schema.training_metric)
        later = new.on_conflict_do_update(
            index_elements=_KEY,
            set_={name: new.excluded[name] for name in ("seq", "value")},
            where=schema.training_metric.c.seq < new.excluded.seq,
        )
        await tx.execute(
            later, [{"account": account, **vars(each), "value": _stored(each.value)} for each in newest.values()]
        )

    async def _keep_extremes(self, tx: Transaction, key: Sequence[str]) -> None:
        """Keep the least and the greatest value of a series; of equal ones that of the earlier step."""
        points = schema.training_metric.c
        mine = [points[name] == value for name, value in zip(_SERIES_KEY, key, strict=True)]
        finite = select(points.step, points.value).where(*mine, points.value.between(-_MOST, _MOST)).limit(1)
        rows = []
        for sign, order in ((-1, points.value), (1, points.value.desc())):
            if end := (await tx.execute(finite.order_by(order, points.step))).one_or_none():
                rows.append(dict(zip(_EXTREME_KEY, (*key, sign), strict=True)) | {"step": end.step, "value": end.value})
        if not rows:
            return
        stored, new = schema.training_extreme.c, self._db.insert(schema.training_extreme)
        value, step = new.excluded.value * stored.sign, new.excluded.step
        beyond = or_(value > stored.value * stored.sign, and_(value == stored.value * stored.sign, step < stored.step))
        await tx.execute(
            new.on_conflict_do_update(
                index_elements=_EXTREME_KEY, set_={"step": step, "value": new.excluded.value}, where=beyond
            ),
            rows,
        )

    async def thin(self, tx: Transaction, account: str, job_id: str, run_id: str, most: int) -> None:
        """Keep at most ``most`` points of each series of a run, and its extremes."""
        points = schema.training_metric.c
        mine = (points.account == account, points.job_id == job_id, points.run_id == run_id)
        ends = func.count(), func.min(points.step), func.max(points.step)
        found = (await tx.execute(select(points.series, *ends).where(*mine).group_by(points.series))).all()
        for series, count, first, last in found:
            if count > most:
                await self._keep_extremes(tx, (account, job_id, run_id, series))
                inner = (*mine, points.series == series, points.step > first, points.step < last)
                dropped = select(points.priority).where(*inner).order_by(points.priority).offset(most - 2).limit(1)
                least = await tx.scalar(dropped)
                await tx.execute(delete(schema.training_metric).where(*inner, points.priority >= least))

    async def of_job(self, account: str, job_id: str) -> list[Point]:
        """Return the points of all runs of a job, and the extremes of their series where these were dropped."""
        points, extremes = schema.training_metric.c, schema.training_extreme.c
        async with self._db.transaction() as tx:
            kept = await tx.execute(
                select(schema.training_metric).where(points.account == account, points.job_id == job_id)
            )
            found = {(row.run_id, row.series, row.step): _point(row) for row in kept}
            ends = await tx.execute(
                select(schema.training_extreme).where(extremes.account == account, extremes.job_id == job_id)
            )
            for row in ends:
                end = Point(job_id, row.run_id, row.series, row.step, -1, row.value, -1)
                found.setdefault((row.run_id, row.series, row.step), end)
        return list(found.values())


def _stored(value: float) -> float | None:
    """Return a value as a database can hold it: SQLite has no NaN."""
    return None if math.isnan(value) else value


def _point(row: Any) -> Point:
    value = math.nan if row.value is None else row.value
    return Point(row.job_id, row.run_id, row.series, row.step, row.seq, value, row.priority)
