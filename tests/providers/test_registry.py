"""Together's and Fireworks' dialects, held to the shapes of their published clients; Azure's and OpenAI's requests."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.errors import AccessDenied, InvalidResponse, MismatchedResponse, NotFound, NotSupported
from bot.jobs.actions import JobAction
from bot.jobs.statuses import Phase, is_final, phase_of
from bot.providers.account import PROVIDERS
from bot.providers.azure import Azure
from bot.providers.fireworks import Fireworks
from bot.providers.openai import OpenAI
from bot.providers.registry import dialect_of
from bot.providers.together import Together
from bot.providers.wire import Request
from tests.builders import NOW, account, answer

TOGETHER = Together(account(provider="together", base_url="https://api.together.ai/v1"))
FIREWORKS = Fireworks(account(provider="fireworks", base_url="https://api.fireworks.ai/v1", organization="my-team"))
LONGEST_DIALECT = 150

# As together 3.1.1 reads them: types/finetune_response.py and types/finetune_event.py.
FINE_TUNE: dict[str, Any] = {
    "id": "ft-8b1a2c3d-0000-4444-8888-123456789abc",
    "status": "running",
    "user_id": "u1",
    "created_at": "2026-09-21T12:00:00.000Z",
    "updated_at": "2026-09-21T13:30:00Z",
    "started_at": "2026-09-21T12:05:00Z",
    "model": "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference",
    "model_output_name": "team/Meta-Llama-3.1-8B-Instruct-Reference-ft-1",
    "training_file": "file-1",
    "validation_file": "",
    "n_epochs": 3,
    "batch_size": 8,
    "learning_rate": 1e-05,
    "token_count": 500_000,
    "total_price": 1_500_000,
    "training_method": {"method": "dpo", "dpo_beta": 0.1},
    "training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 16},
    "progress": {"estimate_available": True, "seconds_remaining": 600},
    "random_seed": 42,
}
TOGETHER_EVENT = {
    "object": "fine-tune-event",
    "created_at": "2026-09-21T12:30:00Z",
    "level": "legacy_iwarning",
    "message": "Epoch completed",
    "type": "epoch_complete",
    "step": 30,
    "total_steps": 90,
}
# As fireworks-ai 1.2.30 reads it: types/supervised_fine_tuning_job.py.
SUPERVISED: dict[str, Any] = {
    "name": "accounts/my-team/supervisedFineTuningJobs/ab12cd34",
    "displayName": "first",
    "createTime": "2026-09-21T12:00:00Z",
    "completedTime": None,
    "dataset": "accounts/my-team/datasets/d1",
    "evaluationDataset": "",
    "state": "JOB_STATE_RUNNING",
    "status": {"code": "OK", "message": ""},
    "baseModel": "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "outputModel": "accounts/my-team/models/tuned",
    "epochs": 2,
    "learningRate": 0.0001,
    "loraRank": 8,
    "jobProgress": {"percent": 40, "epoch": 0},
    "estimatedCost": {"currencyCode": "USD", "units": "3"},
}
TOGETHER_WORDS = "pending queued running compressing uploading cancel_requested cancelled error completed".split()
FIREWORKS_WORDS = (
    "CREATING RUNNING COMPLETED FAILED CANCELLED DELETING WRITING_RESULTS VALIDATING DELETING_CLEANING_UP PENDING EXPIRED"
    " RE_QUEUEING CREATING_INPUT_DATASET IDLE CANCELLING EARLY_STOPPED PAUSED UNSPECIFIED"
).split()


@pytest.mark.parametrize("file", [each for each in PROVIDERS if each != "openai"])
def test_a_dialect_is_short(file: str) -> None:
    lines = (Path("bot/providers") / f"{file}.py").read_text().splitlines()
    assert len(lines) <= LONGEST_DIALECT


def test_every_provider_has_a_dialect() -> None:
    kinds = [type(dialect_of(account(provider=provider))) for provider in PROVIDERS]
    assert kinds == [OpenAI, Azure, Together, Fireworks]


# --- Together ---


def test_a_fine_tune_of_together_is_mapped_to_openais_fields() -> None:
    job = TOGETHER.read_job(answer(FINE_TUNE), FINE_TUNE["id"], now=NOW).job

    assert (job.status, job.created_at, job.model) == ("running", 1_789_992_000.0, FINE_TUNE["model"])
    assert job.fine_tuned_model is None, "its name is known long before it is there"
    assert (job.finished_at, job.trained_tokens) == (None, None)
    assert job.hyperparameters == {"n_epochs": 3, "batch_size": 8, "learning_rate": 1e-05}
    assert (job.method, job.seed) == ({"type": "dpo"}, 42)


def test_a_completed_fine_tune_has_its_model() -> None:
    done = TOGETHER.read_job(answer({**FINE_TUNE, "status": "completed"}), FINE_TUNE["id"], now=NOW).job

    assert done.is_final
    assert done.fine_tuned_model == FINE_TUNE["model_output_name"]
    assert (done.finished_at, done.trained_tokens) == (1_789_997_400.0, 500_000)


@pytest.mark.parametrize("word", TOGETHER_WORDS)
def test_every_status_of_together_has_a_phase(word: str) -> None:
    assert phase_of(word) is not Phase.UNKNOWN
    assert is_final(word) == (word in {"cancelled", "error", "completed"})


def test_a_list_of_fine_tunes_is_one_page_newest_first() -> None:
    older = {**FINE_TUNE, "id": "ft-older", "created_at": "2026-09-20T12:00:00Z"}
    page = TOGETHER.read_jobs(answer({"data": [older, FINE_TUNE, None]}), now=NOW)

    assert TOGETHER.list_jobs(after="ft-x", limit=5, metadata={"a": "b"}) == Request("GET", "/fine-tunes")
    assert [each.snapshot.id for each in page.fetched] == [FINE_TUNE["id"], "ft-older"]
    assert (page.broken, page.after) == (1, None)


def test_a_log_of_together_is_read() -> None:
    (event, last) = TOGETHER.read_events(
        answer({"data": [{**TOGETHER_EVENT, "created_at": "2026-09-21T13:00:00Z", "level": None}, TOGETHER_EVENT, 7]}),
        now=NOW,
    )

    assert (event.created_at, event.level, event.message) == (1_789_993_800.0, "warning", "Epoch completed")
    assert event.data == {"step": 30, "total_steps": 90}
    assert last.level == "info"


def test_checkpoints_of_together_are_read() -> None:
    items = [
        {
            "checkpoint_type": "Intermediate (step 10)",
            "created_at": "2026-09-21T12:30:00Z",
            "path": "s3://1",
            "step": 10,
        },
        {
            "checkpoint_type": "Final",
            "created_at": "2026-09-21T12:40:00Z",
            "path": "s3://2",
            "step": 20,
            "object_name": "t/m",
        },
    ]
    found = TOGETHER.read_checkpoints(answer({"data": items}), now=NOW)

    assert [(each.step_number, each.fine_tuned_model_checkpoint) for each in found] == [(20, "t/m"), (10, "s3://1")]


def test_requests_to_together_equal_those_of_its_client() -> None:
    assert TOGETHER.retrieve_job("ft-1") == Request("GET", "/fine-tunes/ft-1")
    assert TOGETHER.job_action(JobAction.CANCEL, "ft-1") == Request("POST", "/fine-tunes/ft-1/cancel")
    assert TOGETHER.list_events("ft-1").path == "/fine-tunes/ft-1/events"
    assert TOGETHER.list_checkpoints("ft-1").path == "/fine-tunes/ft-1/checkpoints"
    assert TOGETHER.auth_headers(SecretStr("k")) == {"Authorization": "Bearer k"}
    assert TOGETHER.actions == {JobAction.CANCEL}
    assert TOGETHER.job_page("ft-1") == "https://api.together.ai/fine-tuning/ft-1"


def test_the_short_response_to_a_cancel_is_a_job() -> None:
    short = {name: FINE_TUNE[name] for name in ("id", "created_at", "updated_at", "user_id")}
    job = TOGETHER.read_job(answer({**short, "status": "cancel_requested"}), FINE_TUNE["id"], now=NOW).job
    assert (job.status, job.is_final) == ("cancel_requested", False)


# --- Fireworks ---

FIRE_ID = "ftjob-ab12cd34"


def test_a_supervised_job_of_fireworks_is_mapped_to_openais_fields() -> None:
    job = FIREWORKS.read_job(answer(SUPERVISED), FIRE_ID, now=NOW).job

    assert (job.id, job.status, job.created_at) == (FIRE_ID, "running", 1_789_992_000.0)
    assert (job.model, job.fine_tuned_model) == (SUPERVISED["baseModel"], None)
    assert job.hyperparameters == {"n_epochs": 2, "learning_rate": 0.0001, "lora_rank": 8}
    assert job.error is None


def test_a_failed_job_has_its_reason_and_a_completed_job_its_model() -> None:
    why = {"code": "INVALID_ARGUMENT", "message": "The dataset is empty."}
    failed = FIREWORKS.read_job(
        answer({**SUPERVISED, "state": "JOB_STATE_FAILED", "status": why}), FIRE_ID, now=NOW
    ).job
    done = {**SUPERVISED, "state": "JOB_STATE_COMPLETED", "completedTime": "2026-09-21T13:00:00Z"}
    completed = FIREWORKS.read_job(answer(done), FIRE_ID, now=NOW).job

    assert failed.error
    assert (failed.error.code, failed.error.message) == ("INVALID_ARGUMENT", "The dataset is empty.")
    assert (completed.fine_tuned_model, completed.finished_at) == (SUPERVISED["outputModel"], 1_789_995_600.0)


def test_signed_urls_of_files_are_not_stored() -> None:
    signed = {
        "metricsFileSignedUrl": "https://x/?sig=1",
        "trainerLogsSignedUrl": "https://x/?sig=2",
        "updateTime": "now",
    }
    body = FIREWORKS.read_job(answer({**SUPERVISED, **signed, "createdBy": "a@b.example"}), FIRE_ID, now=NOW).body
    assert not {*signed, "createdBy"} & body.keys()


@pytest.mark.parametrize("word", FIREWORKS_WORDS)
def test_every_state_of_fireworks_has_a_status_and_only_final_ones_are_final(word: str) -> None:
    status = FIREWORKS.normalized({**SUPERVISED, "state": f"JOB_STATE_{word}"})["status"]

    assert "job_state" not in status
    assert is_final(status) == (word in {"COMPLETED", "FAILED", "CANCELLED", "EXPIRED", "EARLY_STOPPED"})


def test_a_list_of_fireworks_is_paged_by_its_token() -> None:
    asked = FIREWORKS.list_jobs(after="token-2", limit=100)
    body = {"supervisedFineTuningJobs": [SUPERVISED], "nextPageToken": "token-3", "totalSize": 9}
    page = FIREWORKS.read_jobs(answer(body), now=NOW, after="token-2")

    assert asked.path == "/accounts/my-team/supervisedFineTuningJobs"
    assert dict(asked.query) == {"pageSize": "100", "orderBy": "createTime desc", "pageToken": "token-2"}
    assert page.after == "token-3"
    assert FIREWORKS.read_jobs(answer(body), now=NOW, after="token-3").after is None, "a cursor that does not move"
    assert FIREWORKS.read_jobs(answer({"nextPageToken": ""}), now=NOW).fetched == ()


def test_requests_to_fireworks_equal_those_of_its_client() -> None:
    jobs = "/accounts/my-team/supervisedFineTuningJobs"
    assert FIREWORKS.retrieve_job(FIRE_ID) == Request("GET", f"{jobs}/ab12cd34")
    assert FIREWORKS.job_action(JobAction.CANCEL, FIRE_ID) == Request("POST", f"{jobs}/ab12cd34:cancel", body={})
    assert FIREWORKS.job_action(JobAction.RESUME, FIRE_ID) == Request("POST", f"{jobs}/ab12cd34:resume", body={})
    assert FIREWORKS.actions == {JobAction.CANCEL, JobAction.RESUME}
    assert FIREWORKS.job_page(FIRE_ID).endswith("/supervised/ab12cd34")


def test_after_an_empty_response_to_a_cancel_the_job_is_read() -> None:
    with pytest.raises(InvalidResponse):
        FIREWORKS.read_job(answer({}), FIRE_ID, now=NOW)


def test_the_errors_of_googles_proxy_are_read() -> None:
    refused = {"code": 16, "message": "unauthenticated", "details": []}
    with pytest.raises(AccessDenied, match="unauthenticated"):
        FIREWORKS.read_jobs(answer(refused, HTTPStatus.UNAUTHORIZED), now=NOW)
    with pytest.raises(NotFound, match="job not found"):
        FIREWORKS.read_job(answer({"code": 5, "message": "job not found"}, 404), FIRE_ID, now=NOW)
    with pytest.raises(MismatchedResponse):
        FIREWORKS.read_job(answer(SUPERVISED), "ftjob-other", now=NOW)


# --- what is not there is not asked for ---


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: TOGETHER.create_job({}),
            "ftjob can't create Together jobs. Use `together fine-tuning create` instead.",
        ),
        (
            lambda: TOGETHER.list_files(purpose="fine-tune", limit=1),
            "ftjob can't create Together jobs, so it doesn't list files.",
        ),
        (TOGETHER.list_models, "ftjob can't list Together models."),
        (lambda: FIREWORKS.create_job({}), "ftjob can't create Fireworks jobs. Use `firectl` instead."),
        (
            lambda: FIREWORKS.list_files(purpose="fine-tune", limit=1),
            "ftjob can't create Fireworks jobs, so it doesn't list files.",
        ),
        (FIREWORKS.list_models, "ftjob can't list Fireworks models."),
        (lambda: FIREWORKS.list_events(FIRE_ID), "ftjob can't read Fireworks job logs."),
        (lambda: FIREWORKS.list_checkpoints(FIRE_ID), f"Fireworks doesn't list checkpoints for {FIRE_ID}."),
    ],
)
def test_a_feature_that_a_provider_lacks_is_never_requested(ask: Any, said: str) -> None:
    with pytest.raises(NotSupported) as refused:
        ask()
    assert str(refused.value) == said


@pytest.mark.parametrize("dialect", [TOGETHER, FIREWORKS])
@pytest.mark.parametrize("item", [None, 7, "x", [], {}, {"id": 7}, {"name": 7}, {"name": None}])
def test_an_invalid_job_is_counted_and_loses_no_other(dialect: OpenAI, item: Any) -> None:
    good = FINE_TUNE if dialect is TOGETHER else SUPERVISED
    items = [item, good]
    page = dialect.read_jobs(answer({"data": items, "supervisedFineTuningJobs": items}), now=NOW)
    assert (len(page.fetched), page.broken) == (1, 1)


# --- Azure ---


DATED = (("api-version", "2024-10-21"),)


@pytest.mark.parametrize(
    ("endpoint", "version", "base_url", "query"),
    [
        (
            "https://n.openai.azure.com",
            "2024-10-21",
            "https://n.openai.azure.com/openai",
            DATED,
        ),
        ("https://n.openai.azure.com/", None, "https://n.openai.azure.com/openai/v1", ()),
        ("https://openai-prod.openai.azure.com", None, "https://openai-prod.openai.azure.com/openai/v1", ()),
        ("https://gw.example.com/openai/v1", None, "https://gw.example.com/openai/v1", ()),
        ("https://gw.example.com/team/openai/v1", None, "https://gw.example.com/team/openai/v1", ()),
        ("https://gw.example.com/openai", None, "https://gw.example.com/openai/v1", ()),
        ("https://gw.example.com/openai/", "2024-10-21", "https://gw.example.com/openai", DATED),
        ("https://apim.example.net/openai-prod", "2024-10-21", "https://apim.example.net/openai-prod/openai", DATED),
        ("https://apim.example.net/openai-prod", None, "https://apim.example.net/openai-prod/openai/v1", ()),
        ("https://apim.example.net/my-openai", "2024-10-21", "https://apim.example.net/my-openai/openai", DATED),
        ("https://apim.example.net/openai.eu/a", "2024-10-21", "https://apim.example.net/openai.eu/a/openai", DATED),
        ("https://apim.example.net/openais/openai", "2024-10-21", "https://apim.example.net/openais/openai", DATED),
    ],
)
def test_urls_of_azure(endpoint: str, version: str | None, base_url: str, query: tuple[tuple[str, str], ...]) -> None:
    azure = Azure(account(provider="azure", base_url=endpoint, api_version=version))
    assert (azure.base_url, azure.query) == (base_url, query)


def test_keys_and_tokens_of_azure() -> None:
    assert Azure(account()).auth_headers(SecretStr("k")) == {"api-key": "k"}
    assert Azure(account(uses_entra_id=True)).auth_headers(SecretStr("t")) == {"Authorization": "Bearer t"}


def test_the_web_page_of_a_job_can_be_configured() -> None:
    own = OpenAI(account(job_page_url="https://jobs.example.com/{job}?x"))
    assert own.job_page("a/b") == "https://jobs.example.com/a%2Fb?x"


def test_bodies_keep_the_providers_fields() -> None:
    kept = TOGETHER.normalized(FINE_TUNE)
    assert json.dumps(kept)
    assert kept["total_price"] == 1_500_000
