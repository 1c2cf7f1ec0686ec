"""Creation of jobs: valid and invalid parameters."""

from typing import Any

import pytest

from bot.sandbox.openai.server import FineTuningApi
from tests.sandbox.openai.contract import Caller, example, ids

JOBS = "/fine_tuning/jobs"
GRADER = example("grader.validate.json")["grader"]


def creation(api: FineTuningApi, **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini-2024-07-18", "training_file": api.training_file, **fields}


async def test_a_created_job_is_validating_files_and_keeps_its_fields(api: FineTuningApi, call: Caller) -> None:
    fields = {"seed": 7, "metadata": {"team": "ml"}, "validation_file": api.validation_file}
    status, job = await call("POST", JOBS, body=creation(api, suffix="tuned", **fields))
    assert status == 200
    assert job["status"] == "validating_files"
    assert fields == {name: job[name] for name in fields}
    assert job["user_provided_suffix"] == "tuned"
    assert [job["id"]] == ids((await call("GET", JOBS))[1])


async def test_a_model_alias_becomes_its_snapshot(api: FineTuningApi, call: Caller) -> None:
    _, job = await call("POST", JOBS, body=creation(api, model="gpt-4o-mini"))
    assert job["model"] == "gpt-4o-mini-2024-07-18"


async def test_method_and_hyperparameters_of_a_created_job_agree(api: FineTuningApi, call: Caller) -> None:
    method = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 2, "beta": 0.1}}}
    _, job = await call("POST", JOBS, body=creation(api, method=method))
    assert job["method"]["dpo"]["hyperparameters"]["beta"] == 0.1
    assert job["hyperparameters"] == {"n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": "auto"}


def hyper(kind: str, **values: Any) -> dict[str, Any]:
    details = {"hyperparameters": values, "grader": GRADER}
    return {"method": {"type": kind, kind: details}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"model": "gpt-2"}, "model"),
        ({"training_file": ""}, "training_file"),
        ({"training_file": "file-nope"}, "training_file"),
        ({"validation_file": "file-nope"}, "validation_file"),
        ({"suffix": ""}, "suffix"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": True}, "seed"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: ""}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {"k": 1}}, "metadata"),
        ({"integrations": [{"type": "wandb"}]}, "integrations"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}] * 6}, "integrations"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"epochs": 1}}, "hyperparameters"),
        ({"method": {"type": "magic"}}, "method.type"),
        ({"method": {"type": "reinforcement"}}, "method.reinforcement.grader.type"),
        (hyper("supervised", batch_size=257), "method.supervised.hyperparameters.batch_size"),
        (hyper("supervised", learning_rate_multiplier=0), "method.supervised.hyperparameters.learning_rate_multiplier"),
        (hyper("dpo", beta=2.1), "method.dpo.hyperparameters.beta"),
        (hyper("reinforcement", eval_samples=0), "method.reinforcement.hyperparameters.eval_samples"),
        (hyper("reinforcement", reasoning_effort="max"), "method.reinforcement.hyperparameters.reasoning_effort"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_an_invalid_creation_is_rejected_and_creates_nothing(
    api: FineTuningApi, call: Caller, fields: dict[str, Any], param: str
) -> None:
    status, body = await call("POST", JOBS, body=creation(api, **fields))
    assert (400, param) == (status, body["error"]["param"])
    assert api.jobs == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"suffix": "x" * 64},
        {"suffix": None, "seed": None, "metadata": None, "integrations": None, "validation_file": None},
        {"seed": 0},
        {"seed": 2**31 - 1},
        {"metadata": {"k" * 61 + f"{number:03}": "v" * 512 for number in range(16)}},
        {"integrations": [{"type": "wandb", "wandb": {"project": "p"}}] * 5},
        {"hyperparameters": {"n_epochs": 50, "batch_size": "auto"}},
        hyper("reinforcement", compute_multiplier=10, eval_interval=1, reasoning_effort="low"),
    ],
)
async def test_a_creation_at_the_limits_is_accepted(api: FineTuningApi, call: Caller, fields: dict[str, Any]) -> None:
    assert (await call("POST", JOBS, body=creation(api, **fields)))[0] == 200


async def test_a_result_file_is_no_valid_training_file(api: FineTuningApi, call: Caller) -> None:
    results = api.add_file(b"step\n", purpose="fine-tune-results")
    status, body = await call("POST", JOBS, body=creation(api, training_file=results))
    assert (status, body["error"]["param"]) == (400, "training_file")


@pytest.mark.parametrize("body", [[], "text", 7])
async def test_a_body_that_is_no_object_is_rejected(call: Caller, body: Any) -> None:
    assert (await call("POST", JOBS, body=body))[0] == 400


async def test_a_body_that_is_not_json_is_rejected(call: Caller) -> None:
    assert (await call("POST", JOBS, body=b"{\xff"))[0] == 400
