"""Job scenarios from creation to the final status, on a manual clock."""

import base64

import pytest

from bot.sandbox.openai.scenarios import (
    Scenario,
    fails,
    pauses,
    reinforcement,
    reinforcement_csv,
    succeeds,
    supervised_csv,
    waits,
)
from bot.sandbox.openai.server import FineTuningApi
from tests.sandbox.clock import NOW, Clock
from tests.sandbox.openai.contract import PAYLOADS, Caller, example

JOBS = "/fine_tuning/jobs"


def statuses_of(api: FineTuningApi, clock: Clock, job_id: str, seconds: int) -> list[str]:
    """Advance the clock second by second and return the statuses of a job, each once."""
    statuses = [api.jobs[job_id]["status"]]
    for _ in range(seconds):
        clock.now += 1
        if (status := api.jobs[job_id]["status"]) != statuses[-1]:
            statuses.append(status)
    return statuses


async def test_a_successful_scenario_goes_through_every_status(api: FineTuningApi, clock: Clock) -> None:
    job_id = api.add_job(scenario=succeeds(20))
    assert statuses_of(api, clock, job_id, 20) == ["validating_files", "queued", "running", "succeeded"]


async def test_a_succeeded_job_has_model_tokens_result_file_and_finished_at(api: FineTuningApi, clock: Clock) -> None:
    job_id = api.add_job(scenario=succeeds(12), user_provided_suffix="tuned")
    clock.now += 1000
    job = api.jobs[job_id]
    assert job["fine_tuned_model"].startswith("ft:gpt-4o-mini-2024-07-18:sandbox:tuned:")
    assert job["fine_tuned_model"] in api.models
    assert job["trained_tokens"] > 0
    assert job["finished_at"] == int(NOW) + 12
    assert api.files[job["result_files"][0]]["purpose"] == "fine-tune-results"


async def test_a_scenario_read_late_leaves_the_same_events_as_one_read_often(
    api: FineTuningApi, clock: Clock, call: Caller
) -> None:
    often, late = (api.add_job(scenario=succeeds(12)) for _ in range(2))
    traces = []
    for _ in range(24):
        clock.now += 0.5
        await call("GET", f"{JOBS}/{often}")
    for job_id in (often, late):
        _, log = await call("GET", f"{JOBS}/{job_id}/events", limit="100")
        traces.append([(line["created_at"], line["message"].split(":")[0]) for line in log["data"]])
    assert traces[0] == traces[1]


async def test_training_steps_are_logged_as_in_openais_guide(api: FineTuningApi, clock: Clock, call: Caller) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += 12
    _, log = await call("GET", f"{JOBS}/{job_id}/events", limit="100")
    steps = [line for line in reversed(log["data"]) if line["type"] == "metrics"]
    losses = [line["data"]["train_loss"] for line in steps]
    assert list(range(1, 11)) == [line["data"]["step"] for line in steps]
    assert losses == sorted(losses, reverse=True)
    assert set(example("synthetic.event.metrics.supervised.json")["data"]) == set(steps[-1]["data"])
    wanted = "Step 10/10: training loss=0.79, validation loss=0.82, full validation loss=0.82"
    assert wanted == steps[-1]["message"]


async def test_checkpoints_appear_while_the_job_runs(api: FineTuningApi, clock: Clock, call: Caller) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += 8
    _, body = await call("GET", f"{JOBS}/{job_id}/checkpoints")
    assert [item["step_number"] for item in body["data"]] == [5]
    assert body["data"][0]["fine_tuned_model_checkpoint"].endswith(":ckpt-step-5")


async def test_a_running_job_has_the_right_estimated_finish(api: FineTuningApi, clock: Clock) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    assert api.jobs[job_id]["estimated_finish"] is None
    clock.now += 6
    assert api.jobs[job_id]["estimated_finish"] in (int(NOW) + 12, int(NOW) + 13)
    clock.now += 6
    assert api.jobs[job_id]["estimated_finish"] is None


async def test_auto_hyperparameters_are_resolved_and_explicit_ones_kept(api: FineTuningApi, clock: Clock) -> None:
    requested = {"n_epochs": 7, "batch_size": "auto", "learning_rate_multiplier": "auto"}
    method = {"type": "supervised", "supervised": {"hyperparameters": requested}}
    job_id = api.add_job(scenario=succeeds(12), hyperparameters=requested, method=method)
    clock.now += 6
    chosen = {"n_epochs": 7, "batch_size": 1, "learning_rate_multiplier": 1.8}
    assert chosen == api.jobs[job_id]["hyperparameters"]
    assert chosen == api.jobs[job_id]["method"]["supervised"]["hyperparameters"]


async def test_the_result_file_is_base64_of_the_contracts_csv(api: FineTuningApi, clock: Clock, call: Caller) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += 12
    file_id = api.jobs[job_id]["result_files"][0]
    _, content = await call("GET", f"/files/{file_id}/content")
    assert base64.b64decode(content).decode() == (PAYLOADS / "examples/metrics.supervised.csv").read_text()


def test_result_csvs_equal_the_contracts_examples() -> None:
    assert supervised_csv(10) == (PAYLOADS / "examples/metrics.supervised.csv").read_text()
    assert reinforcement_csv(10) == (PAYLOADS / "examples/metrics.reinforcement.csv").read_text()


async def test_a_failed_job_has_an_error_and_no_model(api: FineTuningApi, clock: Clock, call: Caller) -> None:
    job_id = api.add_job(scenario=fails(8))
    assert statuses_of(api, clock, job_id, 8) == ["validating_files", "failed"]
    _, job = await call("GET", f"{JOBS}/{job_id}")
    _, log = await call("GET", f"{JOBS}/{job_id}/events")
    assert example("synthetic.job.failed.json")["error"] == job["error"]
    assert (job["fine_tuned_model"], job["finished_at"]) == (None, int(NOW) + 8)
    assert ("error", job["error"]["message"]) == (log["data"][0]["level"], log["data"][0]["message"])


async def test_a_reinforcement_fine_tuning_has_rising_rewards(api: FineTuningApi, clock: Clock, call: Caller) -> None:
    job_id = api.add_job(model="o4-mini-2025-04-16", scenario=reinforcement(12))
    clock.now += 12
    _, log = await call("GET", f"{JOBS}/{job_id}/events", limit="100")
    steps = [line["data"] for line in reversed(log["data"]) if line["type"] == "metrics"]
    rewards = [step["train_mean_reward"] for step in steps]
    assert rewards == sorted(rewards)
    assert {"timing", "scores", "full_valid_mean_reward"} <= set(steps[-1])
    assert api.jobs[job_id]["method"]["type"] == "reinforcement"
    assert api.jobs[job_id]["status"] == "succeeded"


async def test_a_pausing_scenario_stops_until_resumed(api: FineTuningApi, clock: Clock, call: Caller) -> None:
    job_id = api.add_job(scenario=pauses(12))
    assert statuses_of(api, clock, job_id, 500)[-2:] == ["running", "paused"]
    await call("POST", f"{JOBS}/{job_id}/resume")
    assert statuses_of(api, clock, job_id, 12) == ["queued", "running", "succeeded"]


async def test_a_waiting_job_is_queued_long_and_then_trained(api: FineTuningApi, clock: Clock) -> None:
    job_id = api.add_job(scenario=waits(3600))
    clock.now += 3599
    assert api.jobs[job_id]["status"] == "queued"
    assert statuses_of(api, clock, job_id, 60) == ["queued", "running", "succeeded"]


@pytest.mark.parametrize("scenario", [succeeds(12), fails(12), reinforcement(12)])
async def test_twice_the_speed_is_half_the_time(api: FineTuningApi, clock: Clock, scenario: Scenario) -> None:
    job_id = api.add_job(scenario=scenario.at_speed(2))
    clock.now += 6.01
    assert api.jobs[job_id]["finished_at"] == int(NOW) + 6


@pytest.mark.parametrize("seconds", [0, 2, 6])
async def test_a_cancel_ends_a_scenario_for_good(api: FineTuningApi, clock: Clock, call: Caller, seconds: int) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += seconds
    await call("POST", f"{JOBS}/{job_id}/cancel")
    clock.now += 1000
    job = api.jobs[job_id]
    assert (job["status"], job["finished_at"]) == ("cancelled", int(NOW) + seconds)
    assert (job["fine_tuned_model"], job["estimated_finish"]) == (None, None)


async def test_a_pause_costs_its_own_time_and_a_second_in_the_queue(
    api: FineTuningApi, clock: Clock, call: Caller
) -> None:
    job_id = api.add_job(scenario=succeeds(20, steps=1))
    clock.now += 12
    await call("POST", f"{JOBS}/{job_id}/pause")
    assert api.jobs[job_id]["estimated_finish"] is None
    clock.now += 500
    await call("POST", f"{JOBS}/{job_id}/resume")
    clock.now += 2
    assert api.jobs[job_id]["estimated_finish"] == int(NOW) + 521
    clock.now += 498
    assert api.jobs[job_id]["finished_at"] == int(NOW) + 521


async def test_a_pause_loses_and_repeats_no_step(api: FineTuningApi, clock: Clock, call: Caller) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    for order in ("pause", "resume", "pause", "resume"):
        clock.now += 5
        await call("POST", f"{JOBS}/{job_id}/{order}")
    clock.now += 20
    _, log = await call("GET", f"{JOBS}/{job_id}/events", limit="100")
    steps = [line["data"]["step"] for line in reversed(log["data"]) if line["type"] == "metrics"]
    assert list(range(1, 11)) == steps


@pytest.mark.parametrize("seconds", range(5, 40))
async def test_a_scenario_ends_exactly_on_time_by_a_clock_that_starts_at_zero(seconds: int) -> None:
    clock = Clock()
    clock.now = 0.0
    api = FineTuningApi(clock=clock)
    job_id = api.add_job(scenario=succeeds(seconds))
    clock.now = float(seconds)
    assert api.jobs[job_id]["finished_at"] == seconds


async def test_a_change_to_a_final_status_ends_the_scenario(api: FineTuningApi, clock: Clock) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += 6
    api.change(job_id, status="failed")
    clock.now += 1000
    assert api.jobs[job_id]["status"] == "failed"


async def test_a_deleted_job_has_no_scenario(api: FineTuningApi, clock: Clock) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    del api.jobs[job_id]
    clock.now += 1000
    assert api.jobs == {}


async def test_a_job_created_over_http_follows_the_configured_scenario(
    api: FineTuningApi, clock: Clock, call: Caller
) -> None:
    api.scenario_of_created = succeeds(12)
    body = {"model": "gpt-4o-mini", "training_file": api.training_file}
    _, job = await call("POST", JOBS, body=body)
    assert statuses_of(api, clock, job["id"], 12) == ["validating_files", "queued", "running", "succeeded"]
