"""Merge of a trainer's calls into the runs of a job: the same result in whatever order and however often calls arrive. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from bot.jobs.statuses import is_final
from bot.push.call import Call
from bot.store.training.runs import Run, in_order


def merged(run: Run | None, call: Call, received_at: float) -> Run:
    """Return a run after one of its calls.

    Args:
        run: the run so far; None for its first call.
        call: the call.
        received_at: when it arrived, by our clock. The trainer's may be wrong, but ``at`` and ``started`` are both its own.
    """
    began_at = received_at - max(0.0, call.at - call.started)
    steps = [step for step, _ in call.metrics]
    state = call.state.model_dump(exclude_none=True)
    if run is None:
        first = min(steps, default=None)
        return Run(
            call.run, began_at, call.started, call.seq, received_at, received_at, first, state, points=_size(call)
        )
    takes_state = _rank(call.status, call.seq) > _rank(run.status, run.seq)
    first_steps = [*steps, *([run.first_step] if run.first_step is not None else [])]
    return replace(
        run,
        began_at=min(run.began_at, began_at),
        started=min(run.started, call.started),
        seq=call.seq if takes_state else run.seq,
        state=state if takes_state else run.state,
        called_at=received_at,
        active_at=received_at if _is_active(run, call) else run.active_at,
        first_step=min(first_steps, default=None),
        points=run.points + _size(call),
    )


def _rank(status: str, seq: int) -> tuple[bool, int]:
    """Return which of two calls of a run has its state: the later one, but a run that has ended stays so."""
    return (True, -seq) if is_final(status) else (False, seq)


def _size(call: Call) -> int:
    return sum(len(values) for _, values in call.metrics)


def _is_active(run: Run, call: Call) -> bool:
    """Whether a call brings a step, a line or a status that is new."""
    moved = call.step is not None and call.step > int(run.state.get("step") or 0)
    return bool(moved or call.metrics or call.logs or call.checkpoints or call.status != run.status)


def visible_below(runs: Mapping[str, Run]) -> dict[str, int | None]:
    """Return, for each run of a job, the step from which on newer runs have replaced its points; None for no step."""
    limits: dict[str, int | None] = {}
    least: int | None = None
    for run in reversed(in_order(runs.values())):
        limits[run.id] = least
        if run.first_step is not None:
            least = run.first_step if least is None else min(least, run.first_step)
    return limits
