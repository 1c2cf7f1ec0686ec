"""A pushed job in the fields of ``models.Job``, as its runs tell it, with its log, checkpoints and metrics. Pure."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bot.jobs.models import NAME_KEY, OWNER_KEY
from bot.jobs.statuses import Phase, is_final, phase_of
from bot.push.merge import visible_below
from bot.push.thinning import MAX_POINTS, kept_steps
from bot.store.training.logs import CheckpointEntry, LogEntry
from bot.store.training.metrics import Point
from bot.store.training.runs import Run, in_order

CANCEL_REQUESTED = "cancel_requested"
"""Status of an unfinished job whose trainer was asked to stop."""


def job_body(
    job_id: str,
    runs: Mapping[str, Run],
    *,
    cancel_requested: bool = False,
    status: str | None = None,
    silent_since: float | None = None,
) -> dict[str, Any]:
    """Return a job as its newest run tells it.

    Args:
        job_id: ID of the job.
        runs: all of its runs, at least one.
        cancel_requested: whether its trainer was asked to stop.
        status: a status to show in place of the present one.
        silent_since: when its trainer was last heard, if an alert said that it is silent.
    """
    ordered = in_order(runs.values())
    newest = ordered[-1]
    state, shown = newest.state, status or status_of(newest, cancel_requested=cancel_requested)
    owner, name = state.get("owner"), state.get("name")
    metadata = {
        **(state.get("metadata") or {}),
        **({OWNER_KEY: owner} if owner else {}),
        **({NAME_KEY: name} if name else {}),
    }
    body = {
        "id": job_id,
        "status": shown,
        # Later calls correct the moment by parts of a second, which is nothing to tell.
        "created_at": max(1.0, float(round(ordered[0].began_at))),
        "finished_at": newest.our_time(state["at"]) if is_final(shown) else None,
        "model": state.get("model"),
        "fine_tuned_model": (state.get("result") or {}).get("model") if phase_of(shown) is Phase.SUCCEEDED else None,
        "error": state.get("error") if phase_of(shown) is Phase.FAILED else None,
        "metadata": metadata or None,
        "url": state.get("url"),
        "run_number": len(ordered),
        "silent_since": silent_since,
    }
    return {key: value for key, value in body.items() if value is not None}


def status_of(run: Run, *, cancel_requested: bool = False) -> str:
    """Return the status of a job whose newest run this is."""
    return CANCEL_REQUESTED if cancel_requested and not run.is_final else run.status


def events(runs: Mapping[str, Run], lines: Sequence[LogEntry]) -> list[dict[str, Any]]:
    """Return the log of a job in the fields of ``models.Event``, newest first."""
    known = [each for each in lines if each.run_id in runs]
    known.sort(key=lambda each: (runs[each.run_id].began_at, each.run_id, each.number), reverse=True)
    return [
        {
            "id": f"{each.run_id}:{each.number}",
            "created_at": runs[each.run_id].our_time(each.at),
            "level": each.level,
            "message": each.message,
        }
        for each in known
    ]


def checkpoints(
    runs: Mapping[str, Run], saved: Sequence[CheckpointEntry], points: Sequence[Point]
) -> list[dict[str, Any]]:
    """Return the checkpoints of a job in the fields of ``models.Checkpoint``, newest first, with the metrics at their steps."""
    limits, values = visible_below(runs), {row["step"]: row for row in metrics(runs, points)}
    visible = [each for each in saved if each.run_id in runs and _is_below(each.step, limits[each.run_id])]
    visible.sort(key=lambda each: (each.step, runs[each.run_id].began_at), reverse=True)
    return [
        {
            "id": f"{each.run_id}:{each.step}",
            "created_at": runs[each.run_id].our_time(each.at),
            "fine_tuned_model_checkpoint": each.model,
            "step_number": each.step,
            "metrics": values.get(each.step),
        }
        for each in visible
    ]


def metrics(runs: Mapping[str, Run], points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return the metrics of a job as rows with ``step`` and a value for each series, in the order of their steps.

    From the first step of a newer run on, its points replace those of the runs before.
    """
    limits = visible_below(runs)
    points = _kept(points)
    rows: dict[int, dict[str, Any]] = defaultdict(dict)
    order = {run.id: n for n, run in enumerate(in_order(runs.values()))}
    for each in sorted(points, key=lambda point: order.get(point.run_id, -1)):
        if each.run_id in runs and _is_below(each.step, limits[each.run_id]):
            rows[each.step][each.series] = each.value
    return [{"step": step, **rows[step]} for step in sorted(rows)]


def _kept(points: Sequence[Point]) -> list[Point]:
    """Return the points that are kept of each series of each run: those that were not dropped yet may be more.

    An extreme that was kept when others were dropped may be none any more.
    """
    series: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for each in points:
        series[each.run_id, each.series].append(each)
    kept = []
    for found in series.values():
        steps = kept_steps((each.step for each in found if not each.is_extreme), MAX_POINTS) | _extreme_steps(found)
        kept += [each for each in found if each.step in steps]
    return kept


def _extreme_steps(points: Sequence[Point]) -> set[int]:
    """Return the steps of the least and the greatest value; of equal ones the earlier."""
    finite = [each for each in points if math.isfinite(each.value)]
    least = min(finite, key=lambda each: (each.value, each.step), default=None)
    greatest = min(finite, key=lambda each: (-each.value, each.step), default=None)
    return {each.step for each in (least, greatest) if each}


def _is_below(step: int, limit: int | None) -> bool:
    return limit is None or step < limit
