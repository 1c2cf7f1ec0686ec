"""Files, models, permissions of checkpoints, and graders."""

import pytest

from bot.sandbox.openai.server import FineTuningApi
from tests.sandbox.openai.contract import Caller, example, ids

GRADER = example("grader.validate.json")["grader"]


# --- files and models ---


async def test_files_are_newest_first_and_can_be_filtered_by_purpose(api: FineTuningApi, call: Caller) -> None:
    results = api.add_file(b"step\n", purpose="fine-tune-results")
    _, everything = await call("GET", "/files")
    assert [results, api.validation_file, api.training_file] == ids(everything)
    assert [results] == ids((await call("GET", "/files", purpose="fine-tune-results"))[1])
    assert [api.training_file] == ids((await call("GET", "/files", order="asc", limit="1"))[1])


async def test_an_unknown_file_is_not_found(call: Caller) -> None:
    assert (await call("GET", "/files/file-nope"))[0] == 404
    assert (await call("GET", "/files/file-nope/content"))[0] == 404


async def test_a_base_model_cannot_be_deleted_but_a_fine_tuned_one_can(api: FineTuningApi, call: Caller) -> None:
    job_id = api.add_job(status="running")
    model = api.add_checkpoint(job_id, 1)
    assert (await call("DELETE", f"/models/{api.jobs[job_id]['model']}"))[0] == 403
    assert (200, {"id": model, "object": "model", "deleted": True}) == await call("DELETE", f"/models/{model}")
    assert model not in api.models
    assert (await call("GET", f"/models/{model}"))[1]["error"]["code"] == "model_not_found"


async def test_models_have_a_shutdown_date(api: FineTuningApi, call: Caller) -> None:
    model = api.add_checkpoint(api.add_job(status="running", model="gpt-4o-2024-08-06"), 1)
    _, body = await call("GET", "/models")
    dates = {one["id"]: one["shutdown_date"] for one in body["data"]}
    assert dates[model] == "2027-01-14"


# --- checkpoint permissions and graders ---


async def test_permissions_are_granted_listed_and_revoked(api: FineTuningApi, call: Caller) -> None:
    path = f"/fine_tuning/checkpoints/{api.add_checkpoint(api.add_job(), 1)}/permissions"
    _, permissions = await call("POST", path, body={"project_ids": ["proj_a", "proj_b"]})
    assert [one["project_id"] for one in permissions["data"]] == ["proj_a", "proj_b"]
    assert ids(permissions)[::-1] == ids((await call("GET", path))[1])
    assert ids(permissions) == ids((await call("GET", path, order="ascending"))[1])
    assert ids(permissions)[1:] == ids((await call("GET", path, project_id="proj_b"))[1])
    _, deleted = await call("DELETE", f"{path}/{ids(permissions)[0]}")
    assert deleted["deleted"] is True
    assert ids(permissions)[1:] == ids((await call("GET", path))[1])
    assert (await call("DELETE", f"{path}/{ids(permissions)[0]}"))[0] == 404


async def test_an_unknown_checkpoint_has_no_permissions(call: Caller) -> None:
    assert (await call("GET", "/fine_tuning/checkpoints/ft:nope/permissions"))[0] == 404


async def test_a_valid_grader_is_returned_and_one_without_required_fields_rejected(call: Caller) -> None:
    path = "/fine_tuning/alpha/graders/validate"
    assert await call("POST", path, body={"grader": GRADER}) == (200, {"grader": GRADER})
    status, body = await call("POST", path, body={"grader": {"type": "string_check", "name": "x"}})
    assert (status, body["error"]["param"]) == (400, "grader.input")
    assert (await call("POST", path, body={"grader": {"type": ["multi"]}}))[0] == 400


@pytest.mark.parametrize(("sample", "reward"), [("yes", 1.0), ("no", 0.0)])
async def test_a_string_check_compares_sample_and_item(call: Caller, sample: str, reward: float) -> None:
    body = {"grader": GRADER, "item": {"label": "yes"}, "model_sample": sample}
    _, graded = await call("POST", "/fine_tuning/alpha/graders/run", body=body)
    assert reward == graded["reward"]
