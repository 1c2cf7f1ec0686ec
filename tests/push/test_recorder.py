"""Calls on a real store: the same result in whatever order they come, told once, with restarts, limits and requests to stop."""

import asyncio
import math
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.jobs.changes import ChangeKind
from bot.push import document, recorder
from bot.push.document import CANCEL_REQUESTED
from bot.push.recorder import Acceptance, PushRecorder
from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from bot.store.db import schema
from bot.store.training.runs import in_order
from tests.deep import DEEP
from tests.push.calls import ACCOUNT, JOB, STARTED, batches, call, history, received
from tests.store.seeds import deliveries, rows
from tests.store.statements import statements

CHANNEL = "C1"


async def subscribe(store: Store) -> None:
    async with store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, CHANNEL, "U1", 0.0))


async def told(store: Store, job_id: str = JOB) -> list[tuple[str, str, str | None]]:
    """Return the changes of a job: kind, status and model."""
    return [
        (row.kind, row.new_status, row.new_model) for row in await rows(store, schema.change) if row.job_id == job_id
    ]


async def curve(store: Store, job_id: str = JOB) -> dict[int, float]:
    """Return the training loss of a job by step."""
    async with store.db.transaction() as tx:
        runs = (await store.training.runs.of_jobs(tx, ACCOUNT, [job_id]))[job_id]
    points = await store.training.metrics.of_job(ACCOUNT, job_id)
    return {row["step"]: row["train_loss"] for row in document.metrics(runs, points)}


@pytest.mark.parametrize("seed", range(200 if DEEP else 15))
async def test_any_order_loss_and_repetition_of_calls_has_the_same_result(
    store: Store, pushes: PushRecorder, seed: int
) -> None:
    await subscribe(store)
    lived = history(seed, JOB)
    for batch in batches(lived.arrivals, seed):
        await pushes.record(batch)

    job = await store.jobs.states.find(ACCOUNT, JOB)
    assert job is not None
    assert (job.state.status, job.state.fine_tuned_model, job.closed) == ("succeeded", lived.result, True)
    assert await curve(store) == lived.points
    results = [model for kind, status, model in await told(store) if (kind, status) == ("status", "succeeded")]
    assert results.count(lived.result) == 1
    posted = [row for row in await deliveries(store, CHANNEL) if row.message_kind == "card"]
    assert len(posted) == 1


async def test_a_job_is_announced_and_its_result_is_told_as_a_polls_would_be(
    store: Store, pushes: PushRecorder
) -> None:
    await subscribe(store)
    await pushes.record([received(call(seq=1, status="queued", name="ranker"))])
    await pushes.record([received(call(seq=2))])
    await pushes.record([received(call(seq=2)), received(call(seq=3, status="succeeded", result={"model": "s3://m"}))])

    assert await told(store) == [
        ("new", "queued", None),
        ("status", "running", None),
        ("status", "succeeded", "s3://m"),
    ]


async def test_a_job_whose_last_call_comes_first_has_begun_and_ended(store: Store, pushes: PushRecorder) -> None:
    await subscribe(store)
    await pushes.record([received(call(seq=9, status="failed", error={"code": "oom", "message": "Out of memory"}))])

    assert await told(store) == [("new", "running", None), ("status", "failed", None)]
    (*_, last) = await rows(store, schema.change)
    assert (await store.jobs.changes.find(last.id)).job.error.message == "Out of memory"  # type: ignore[union-attr]


async def test_another_run_reopens_a_job_and_is_told(store: Store, pushes: PushRecorder) -> None:
    await subscribe(store)
    await pushes.record([received(call(status="succeeded", result={"model": "m1"}))])
    again = call("run-2", 1) | {"started": STARTED + 100, "at": STARTED + 101}
    await pushes.record([received(again)])
    job = await store.jobs.states.find(ACCOUNT, JOB)
    assert job is not None
    assert (job.state.status, job.state.fine_tuned_model, job.closed) == ("running", None, False)
    ended = call("run-2", 2, "succeeded", result={"model": "m1"}) | {"started": STARTED + 100, "at": STARTED + 140}
    await pushes.record([received(ended)])

    assert (await told(store))[2:] == [("restarted", "running", None), ("status", "succeeded", "m1")]


async def test_a_run_that_ended_stays_ended(store: Store, pushes: PushRecorder) -> None:
    await pushes.record([received(call(seq=5, status="succeeded"))])
    await pushes.record([received(call(seq=6)), received(call(seq=4))])

    job = await store.jobs.states.find(ACCOUNT, JOB)
    assert job is not None
    assert job.state.status == "succeeded"


async def test_a_call_of_an_older_run_adds_only_what_the_newer_one_has_not_replaced(
    store: Store, pushes: PushRecorder
) -> None:
    newer = call("run-2", 1, metrics=[[10, {"train_loss": 0.5}]]) | {"started": STARTED + 900, "at": STARTED + 901}
    await pushes.record([received(newer)])
    line = {"n": 1, "at": STARTED + 2, "message": "epoch 1"}
    old = call("run-1", 2, "failed", metrics=[[9, {"train_loss": 2.0}], [10, {"train_loss": 3.0}]], logs=[line])
    await pushes.record([received(old)])

    assert await curve(store) == {9: 2.0, 10: 0.5}
    assert [each.message for each in await store.training.logs.lines_of(ACCOUNT, JOB)] == ["epoch 1"]
    job = await store.jobs.states.find(ACCOUNT, JOB)
    assert job is not None
    assert job.state.status == "running"


async def test_a_clock_that_is_two_hours_off_changes_no_order(store: Store, pushes: PushRecorder) -> None:
    wrong = call("run-1", 3, "failed") | {"started": STARTED + 7200, "at": STARTED + 7203}
    await pushes.record([received(wrong, at=STARTED + 3)])
    right = call("run-2", 1) | {"started": STARTED + 60, "at": STARTED + 61}
    await pushes.record([received(right)])

    async with store.db.transaction() as tx:
        runs = (await store.training.runs.of_jobs(tx, ACCOUNT, [JOB]))[JOB]
    assert [run.id for run in in_order(runs.values())] == ["run-1", "run-2"]
    assert runs["run-1"].began_at == STARTED
    assert runs["run-1"].our_time(STARTED + 7203) == STARTED + 3


async def test_long_series_are_thinned_and_keep_their_extremes(
    store: Store, pushes: PushRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MAX_POINTS", 50)
    monkeypatch.setattr(recorder, "_THIN_AFTER", 60)
    values = {step: 1.0 + step % 7 for step in range(1000)} | {333: -5.0, 667: 50.0, 500: math.nan}
    for seq, start in enumerate(range(0, 1000, 100), start=1):
        sent = [
            [step, {"train_loss": "nan" if math.isnan(values[step]) else values[step]}]
            for step in range(start, start + 100)
        ]
        await pushes.record([received(call(seq=seq, metrics=sent))])

    kept = await curve(store)
    async with store.db.transaction() as tx:
        stored = await tx.scalar(select(func.count()).select_from(schema.training_metric))
    assert stored == 50
    assert {0, 333, 667, 999} <= kept.keys()
    assert (kept[333], kept[667]) == (-5.0, 50.0)
    assert all(kept[step] == values[step] or math.isnan(kept[step]) for step in kept)


async def test_a_series_that_is_too_long_shows_its_extremes_before_it_is_thinned_and_after(
    store: Store, pushes: PushRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (recorder, document):
        monkeypatch.setattr(module, "MAX_POINTS", 20)
    monkeypatch.setattr(recorder, "_THIN_AFTER", 60)
    values = dict.fromkeys(range(120), 1.0) | {7: -1.0, 13: 5.0, 77: -2.0}
    for seq, start in enumerate(range(0, 120, 40), start=1):
        sent = [[step, {"train_loss": values[step]}] for step in range(start, start + 40)]
        await pushes.record([received(call(seq=seq, metrics=sent))])
        known = {step: value for step, value in values.items() if step < start + 40}
        kept = await curve(store)
        assert (min(kept.values()), max(kept.values())) == (min(known.values()), max(known.values()))
        assert len(kept) <= 22

    assert kept[77] == -2.0
    assert 7 not in kept, "it is the least value no more"


async def test_a_call_that_brings_only_a_point_takes_four_statements(pushes: PushRecorder) -> None:
    for seq in (1, 2):
        await pushes.record([received(call(seq=seq, metrics=[[seq, {"train_loss": 1.0}]]), f"job-{n}") for n in (1, 2)])
    with statements() as sent:
        await pushes.record([received(call(seq=3, metrics=[[3, {"train_loss": 1.0}]]), f"job-{n}") for n in (1, 2)])

    assert [each.split()[0] for each in sent if not each.startswith("BEGIN")] == [
        "SELECT",
        "SELECT",
        "INSERT",
        "INSERT",
    ]


async def test_a_request_to_cancel_is_passed_on_until_the_trainer_answers(store: Store, pushes: PushRecorder) -> None:
    assert await pushes.record([received(call())]) == {JOB: Acceptance.STORED}
    async with store.db.transaction() as tx:
        await store.training.runs.request_cancel(tx, ACCOUNT, [JOB], requested=True)

    assert await pushes.record([received(call(seq=2))]) == {JOB: Acceptance.CANCEL}
    job = await store.jobs.states.find(ACCOUNT, JOB)
    assert job is not None
    assert job.state.status == CANCEL_REQUESTED
    assert await pushes.record([received(call(seq=3, status="cancelled"))]) == {JOB: Acceptance.STORED}
    again = call("run-2", 1) | {"started": STARTED + 900, "at": STARTED + 901}
    assert await pushes.record([received(again)]) == {JOB: Acceptance.STORED}, "a restart was not asked to stop"


async def test_an_account_has_a_limit_of_unfinished_jobs(pushes: PushRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_OPEN_JOBS", 2)
    accepted = await pushes.record([received(call(), f"job-{n}") for n in range(3)])
    assert list(accepted.values()).count(Acceptance.TOO_MANY_JOBS) == 1
    assert await pushes.record([received(call(seq=2, status="succeeded"), "job-0")]) == {"job-0": Acceptance.STORED}
    assert await pushes.record([received(call(), "job-2")]) == {"job-2": Acceptance.STORED}


async def test_runs_beyond_the_limit_are_forgotten_with_all_that_they_sent(
    store: Store, pushes: PushRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MAX_RUNS", 3)
    for nth in range(5):
        body = call(f"run-{nth}", 1, metrics=[[nth, {"train_loss": float(nth)}]])
        await pushes.record([received(body | {"started": STARTED + 100 * nth, "at": STARTED + 100 * nth + 1})])

    assert await curve(store) == {2: 2.0, 3: 3.0, 4: 4.0}
    async with store.db.transaction() as tx:
        assert await tx.scalar(select(func.count()).select_from(schema.training_metric)) == 3


async def test_a_card_shows_how_far_a_job_is(store: Store, pushes: PushRecorder) -> None:
    await subscribe(store)
    await pushes.record([received(call(step=10, total_steps=100))])
    await pushes.record(
        [
            received(
                call(seq=2, step=20, total_steps=100, metrics=[[19, {"train_loss": 1.5}], [20, {"train_loss": 1.4}]])
            )
        ]
    )

    snapshot = await store.jobs.snapshots.find(ACCOUNT, JOB)
    assert snapshot is not None
    assert snapshot.progress is not None
    assert (snapshot.progress.step, snapshot.progress.steps) == (20, 100)
    assert snapshot.progress.points == ((19, 1.5), (20, 1.4))
    assert snapshot.progress.pace == pytest.approx(0.1)


async def test_calls_of_two_processes_at_one_moment_are_both_stored(store: Store, pushes: PushRecorder) -> None:
    bodies: list[dict[str, Any]] = [call(seq=n, metrics=[[n, {"train_loss": float(n)}]]) for n in range(1, 9)]
    await asyncio.gather(*(pushes.record([received(body)]) for body in bodies))

    assert await curve(store) == {n: float(n) for n in range(1, 9)}


def test_every_kind_of_change_of_a_trainer_has_a_value_of_its_own() -> None:
    assert {ChangeKind.RESTARTED, ChangeKind.SILENT, ChangeKind.HEARD} == {"restarted", "silent", "heard"}
