"""Every text that an API gives loses what looks like a secret where the answer is read, whichever part of it says so."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.errors import ProviderError
from bot.providers.http.wire import Response
from tests.builders import JOB, NOW, answer, error_body, job_body, list_body
from tests.providers.dialects import Spoken

OPENAI, TOGETHER, FIREWORKS = (
    Spoken(organization="org-1", provider=each) for each in ("openai", "together", "fireworks")
)
SECRETS = {
    "a key of OpenAI's": "sk-proj-c4n4ry0123456789abcdef",
    "a token of Slack's": "xoxb-c4n4ry-0123456789",
    "a token of GitHub's": "ghp_c4n4ry0123456789abcdef",
    "a password in an address": "https://user:c4n4ry0123@host.example/x",
}
CANARY = "c4n4ry"

Read = Callable[[Response], Any]


def checkpoints(said: str) -> dict[str, Any]:
    """Return a list of checkpoints, as OpenAI and Together describe them, that says it wherever a text can stand."""
    made = {"id": f"ftckpt_1 {said}", "fine_tuned_model_checkpoint": f"ft:gpt-4o:acme:{said}", "step_number": 1}
    theirs = {"object_id": f"a {said}", "object_name": f"b {said}", "path": f"c {said}", "step": 1}
    return list_body(made | theirs | {"metrics": {said: 1, "note": said}})


def events(said: str) -> dict[str, Any]:
    event = {"id": f"e {said}", "created_at": 1, "message": f"m {said}", "level": said, "type": said}
    return list_body(event | {"data": {"inner": [said], said: said}})


def jobs(said: str) -> dict[str, Any]:
    texts = ("fine_tuned_model", "model", "training_file", "validation_file", "organization_id", "status")
    said_of = dict.fromkeys(texts, f"x {said}") | {"model_output_name": said, "training_method": {"method": said}}
    nested = {
        "metadata": {"note": said, said: "x"},
        "result_files": [said],
        "integrations": [{"wandb": {"name": said}}],
    }
    error = {"error": {"code": said, "message": f"because of {said}", "param": said}}
    return list_body(job_body(**said_of, **nested, **error, unknown_field=[said]))


def fireworks_jobs(said: str) -> dict[str, Any]:
    job = {"name": "accounts/a/supervisedFineTuningJobs/ab12", "state": "JOB_STATE_FAILED", "baseModel": said}
    status = {"status": {"code": said, "message": said}}
    return {"supervisedFineTuningJobs": [job | status | {"dataset": said, "outputModel": said, "displayName": said}]}


def files(said: str) -> dict[str, Any]:
    return list_body({"id": "file-abc", "filename": f"train {said}.jsonl", "purpose": "fine-tune", "bytes": 1})


def models(said: str) -> dict[str, Any]:
    return list_body({"id": f"ft:gpt-4o:acme:{said}", "created": 1, "owned_by": said})


PARTS: dict[str, tuple[Callable[[str], dict[str, Any]], Read]] = {
    "jobs": (jobs, lambda got: OPENAI.read_jobs(got, now=NOW)),
    "a job": (lambda said: jobs(said)["data"][0], lambda got: OPENAI.read_created(got, now=NOW)),
    "events": (events, lambda got: OPENAI.read_events(got, now=NOW)),
    "checkpoints": (checkpoints, lambda got: OPENAI.read_checkpoints(got, now=NOW)),
    "files": (files, lambda got: OPENAI.read_files(got, purpose="fine-tune", now=NOW)),
    "models": (models, lambda got: OPENAI.read_models(got, now=NOW)),
    "jobs of Together": (jobs, lambda got: TOGETHER.read_jobs(got, now=NOW)),
    "events of Together": (events, lambda got: TOGETHER.read_events(got, now=NOW)),
    "checkpoints of Together": (checkpoints, lambda got: TOGETHER.read_checkpoints(got, now=NOW)),
    "jobs of Fireworks": (fireworks_jobs, lambda got: FIREWORKS.read_jobs(got, now=NOW)),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_no_part_of_a_response_shows_a_secret(part: str, secret: str) -> None:
    body, read = PARTS[part]
    found = read(answer(body(secret)))

    assert CANARY not in repr(found)
    assert "..." in repr(found), "it was read, and something was taken out of it"


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 429, 500])
def test_no_error_and_no_ref_shows_a_secret(status: int, secret: str) -> None:
    for body in (error_body(f"No: {secret}.", code=secret), {"error": secret}, {"detail": f"No: {secret}"}, secret):
        for header in ("x_request_id", "apim_request_id"):
            with pytest.raises(ProviderError) as caught:
                OPENAI.read_job(answer(body, status, **{header: f"req {secret}"}), JOB, now=NOW)

            assert CANARY not in f"{caught.value!r} {caught.value} {caught.value.request_id}"
            assert caught.value.request_id, header


def test_a_ref_is_kept_as_it_is_and_a_long_one_is_cut() -> None:
    assert (
        answer(x_request_id="req_0123456789abcdef0123456789abcdef").request_id == "req_0123456789abcdef0123456789abcdef"
    )
    assert len(answer(x_request_id="r" * 5_000).request_id or "") == 200
    assert answer().request_id is None
