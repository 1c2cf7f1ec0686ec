"""Together's and Fireworks' dialects, held to the shapes of their published clients; Azure's and OpenAI's requests."""

from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.errors import AccessDenied, InvalidResponse, MismatchedResponse, NotFound, NotSupported
from bot.jobs.actions import JobAction
from bot.jobs.statuses import Phase, is_final, phase_of
from bot.providers.dialects.azure import AzureOptions
from bot.providers.http.wire import Request, Response, ResponseSize
from bot.providers.registry import dialects
from tests.builders import NOW, account, answer
from tests.providers.dialects import Spoken

TOGETHER = Spoken(provider="together", base_url="https://api.together.ai/v1")
FIREWORKS = Spoken(provider="fireworks", base_url="https://api.fireworks.ai/v1", organization="my-team")
LONGEST_DIALECT = 150
"""Lines of a dialect's file, with its docstrings."""

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
    "total_price": 1_500_000_000,
    "training_method": {"method": "dpo", "dpo_beta": 0.1},
    "training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 16},
    "progress": {"estimate_available": True, "seconds_remaining": 6300},
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
    "batchSize": 0,
    "jobProgress": {"percent": 40, "epoch": 0},
    "estimatedCost": {"currencyCode": "USD", "units": "3", "nanos": 500_000_000},
}


async def never(*_: object) -> Response:
    raise AssertionError("nothing has to be requested")


@pytest.mark.parametrize("dialect", dialects())
def test_a_dialect_is_short(dialect: str) -> None:
    file = {"bedrock-mantle": "bedrock"}.get(dialect, dialect.replace("-", "_"))
    lines = (Path("bot/providers/dialects") / f"{file}.py").read_text().splitlines()
    assert len(lines) <= LONGEST_DIALECT


# --- Together ---


def test_a_fine_tune_of_together_is_mapped_to_our_fields() -> None:
    job = TOGETHER.read_job(answer(FINE_TUNE), FINE_TUNE["id"], now=NOW).job

    assert (job.status, job.created_at, job.model) == ("running", 1_789_992_000.0, FINE_TUNE["model"])
    assert job.fine_tuned_model is None, "its name is known long before it is there"
    assert (job.finished_at, job.trained_tokens, job.cost) == (None, None, None)
    assert job.hyperparameters == {
        "n_epochs": 3,
        "batch_size": 8,
        "learning_rate": 1e-05,
        "lora_r": 8,
        "lora_alpha": 16,
    }
    assert (job.method, job.seed) == ({"type": "dpo"}, 42)
    assert job.estimated_finish == 1_789_992_300.0 + 6300, "counted from its start"


def test_a_completed_fine_tune_has_its_model_and_its_cost() -> None:
    done = TOGETHER.read_job(answer({**FINE_TUNE, "status": "completed"}), FINE_TUNE["id"], now=NOW).job

    assert done.is_final
    assert done.fine_tuned_model == FINE_TUNE["model_output_name"]
    assert (done.finished_at, done.trained_tokens, done.cost) == (1_789_997_400.0, 500_000, 1.5)
    assert done.estimated_finish is None


def test_a_model_without_an_output_name_has_its_name_in_the_registry() -> None:
    named = {**FINE_TUNE, "status": "completed", "model_output_name": None, "model_object_name": "team/tuned"}
    assert TOGETHER.read_job(answer(named), FINE_TUNE["id"], now=NOW).job.fine_tuned_model == "team/tuned"


def test_a_list_of_fine_tunes_is_one_page_newest_first() -> None:
    older = {**FINE_TUNE, "id": "ft-older", "created_at": "2026-09-20T12:00:00Z"}
    page = TOGETHER.read_jobs(answer({"data": [older, FINE_TUNE, None]}), now=NOW)
    asked = TOGETHER.first_page(after="ft-x", limit=5, metadata={"a": "b"})

    assert (asked.path, asked.query) == ("/fine-tunes", ())
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
    assert event.id
    assert event.id != last.id, "it has none of its own, by which older ones could be asked for"


@pytest.mark.parametrize("kind", ["job_error", "billing_limit"])
def test_why_a_fine_tune_ended_is_an_error_whatever_its_level(kind: str) -> None:
    said = {**TOGETHER_EVENT, "type": kind, "level": None, "message": "Out of credit."}
    (event,) = TOGETHER.read_events(answer({"data": [said]}), now=NOW)
    assert event.level == "error"


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


def test_metrics_of_together_are_rows_of_training_and_of_evaluation() -> None:
    rows = TOGETHER.read_metrics(
        answer(
            {"metrics": [{"train/global_step": 1, "train/loss": 2.4}, {"eval/global_step": 1, "eval/loss": 2.5}, None]}
        ),
        now=NOW,
    )
    assert rows == [
        {"step": 1, "train_loss": 2.4, "valid_loss": None},
        {"step": 1, "train_loss": None, "valid_loss": 2.5},
    ]


async def test_requests_to_together_equal_those_of_its_client() -> None:
    assert TOGETHER.retrieve_job("ft-1") == Request("GET", "/fine-tunes/ft-1")
    assert TOGETHER.job_action(JobAction.CANCEL, "ft-1") == Request("POST", "/fine-tunes/ft-1/cancel")
    whole = ResponseSize.WHOLE_LIST
    assert TOGETHER.list_events("ft-1") == Request("GET", "/fine-tunes/ft-1/events", size=whole)
    assert TOGETHER.list_checkpoints("ft-1") == Request("GET", "/fine-tunes/ft-1/checkpoints", size=whole)
    assert TOGETHER.list_metrics("ft-1") == Request(
        "GET", "/fine-tunes/ft-1/metrics", (("resolution", "500"),), size=whole
    )
    assert await TOGETHER.dialect.auth.headers(SecretStr("k"), TOGETHER.account, never) == {"Authorization": "Bearer k"}
    assert set(TOGETHER.dialect.actions) == {JobAction.CANCEL}
    assert TOGETHER.job_page("ft-1") == "https://api.together.ai/fine-tuning/ft-1"


def test_the_short_response_to_a_cancel_is_a_job() -> None:
    short = {name: FINE_TUNE[name] for name in ("id", "created_at", "updated_at", "user_id")}
    job = TOGETHER.read_job(answer({**short, "status": "cancel_requested"}), FINE_TUNE["id"], now=NOW).job
    assert (job.status, job.is_final) == ("cancelling", False)


# --- Fireworks ---

FIRE_ID = "ftjob-ab12cd34"
SFT, DPO, RFT = FIREWORKS.dialect.listings


def test_a_supervised_job_of_fireworks_is_mapped_to_our_fields() -> None:
    job = FIREWORKS.read_job(answer(SUPERVISED), FIRE_ID, now=NOW).job

    assert (job.id, job.status, job.created_at) == (FIRE_ID, "running", 1_789_992_000.0)
    assert (job.model, job.fine_tuned_model) == (SUPERVISED["baseModel"], None)
    assert job.hyperparameters == {"n_epochs": 2, "learning_rate": 0.0001, "lora_rank": 8}, "0 is the default"
    assert (job.error, job.fraction_done, job.cost) == (None, 0.4, 3.5)


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


def test_a_failure_of_ok_has_no_reason() -> None:
    failed = FIREWORKS.read_job(answer({**SUPERVISED, "state": "JOB_STATE_FAILED"}), FIRE_ID, now=NOW).job
    assert failed.error is None


@pytest.mark.parametrize(
    ("listing", "kind", "prefix"),
    [(SFT, "supervisedFineTuningJobs", ""), (DPO, "dpoJobs", "dpo_"), (RFT, "reinforcementFineTuningJobs", "rft_")],
)
def test_each_kind_of_jobs_has_its_list_and_its_ids(listing: Any, kind: str, prefix: str) -> None:
    item = {**SUPERVISED, "name": f"accounts/my-team/{kind}/ab12cd34"}
    page = FIREWORKS.read_jobs(answer({kind: [item]}), now=NOW, listing=listing)
    job_id = f"ftjob-{prefix}ab12cd34"

    assert [each.snapshot.id for each in page.fetched] == [job_id]
    assert FIREWORKS.list_jobs(listing).path == f"/accounts/my-team/{kind}"
    assert FIREWORKS.retrieve_job(job_id).path == f"/accounts/my-team/{kind}/ab12cd34"
    assert FIREWORKS.dialect.listing_of(job_id) is listing


def test_the_model_of_another_kind_is_in_its_training_config() -> None:
    config = {"trainingConfig": {"baseModel": "base", "outputModel": "tuned"}}
    item = {"name": "accounts/my-team/dpoJobs/j1", "state": "JOB_STATE_COMPLETED", **config}
    job = FIREWORKS.read_job(answer(item), "ftjob-dpo_j1", now=NOW).job
    assert (job.model, job.fine_tuned_model) == ("base", "tuned")


FINAL_STATES = {"COMPLETED", "FAILED", "CANCELLED", "EXPIRED", "EARLY_STOPPED"}
FIREWORKS_STATES = (
    "CREATING RUNNING COMPLETED FAILED CANCELLED DELETING WRITING_RESULTS VALIDATING DELETING_CLEANING_UP PENDING EXPIRED"
    " RE_QUEUEING CREATING_INPUT_DATASET IDLE CANCELLING EARLY_STOPPED PAUSED UNSPECIFIED"
).split()


@pytest.mark.parametrize("word", FIREWORKS_STATES)
def test_every_state_of_fireworks_has_a_status_and_only_final_ones_are_final(word: str) -> None:
    status = FIREWORKS.dialect.status_of(f"JOB_STATE_{word}")

    assert "job_state" not in status
    assert is_final(status) == (word in FINAL_STATES)


@pytest.mark.parametrize(
    ("word", "phase"), [("IDLE", Phase.WAITING), ("DELETING", Phase.ACTIVE), ("DELETING_CLEANING_UP", Phase.ACTIVE)]
)
def test_a_job_that_idles_waits_and_one_that_is_being_deleted_is_active(word: str, phase: Phase) -> None:
    assert phase_of(FIREWORKS.dialect.status_of(f"JOB_STATE_{word}")) is phase


def test_a_list_of_fireworks_is_paged_by_its_token() -> None:
    asked = FIREWORKS.first_page(after="token-2", limit=100)
    body = {"supervisedFineTuningJobs": [SUPERVISED], "nextPageToken": "token-3", "totalSize": 9}
    page = FIREWORKS.read_jobs(answer(body), now=NOW, after="token-2")

    assert asked.path == "/accounts/my-team/supervisedFineTuningJobs"
    assert dict(asked.query) == {"pageSize": "100", "orderBy": "create_time desc", "pageToken": "token-2"}
    assert page.after == "token-3"
    assert FIREWORKS.read_jobs(answer(body), now=NOW, after="token-3").after is None, "a cursor that does not move"
    assert FIREWORKS.read_jobs(answer({"nextPageToken": ""}), now=NOW).fetched == ()


def test_requests_to_fireworks_equal_those_of_its_client() -> None:
    jobs = "/accounts/my-team/supervisedFineTuningJobs"
    assert FIREWORKS.retrieve_job(FIRE_ID) == Request("GET", f"{jobs}/ab12cd34")
    assert FIREWORKS.job_action(JobAction.CANCEL, FIRE_ID) == Request("POST", f"{jobs}/ab12cd34:cancel", body={})
    assert FIREWORKS.job_action(JobAction.RESUME, FIRE_ID) == Request("POST", f"{jobs}/ab12cd34:resume", body={})
    assert set(FIREWORKS.dialect.actions) == {JobAction.CANCEL, JobAction.RESUME}
    assert str(FIREWORKS.job_page(FIRE_ID)).endswith("/supervised/ab12cd34")


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
        (lambda: TOGETHER.job_action(JobAction.PAUSE, "ft-1"), "ftjob can't pause Together jobs."),
        (lambda: TOGETHER.file_content("file-1"), "ftjob can't read Together files."),
        (lambda: FIREWORKS.create_job({}), "ftjob can't create Fireworks jobs. Use `firectl` instead."),
        (
            lambda: FIREWORKS.list_files(purpose="fine-tune", limit=1),
            "ftjob can't create Fireworks jobs, so it doesn't list files.",
        ),
        (FIREWORKS.list_models, "ftjob can't list Fireworks models."),
        (lambda: FIREWORKS.list_events(FIRE_ID), "ftjob can't read Fireworks job logs."),
        (lambda: FIREWORKS.list_checkpoints(FIRE_ID), "Fireworks doesn't list checkpoints."),
    ],
)
def test_a_feature_that_a_provider_lacks_is_never_requested(ask: Any, said: str) -> None:
    with pytest.raises(NotSupported) as refused:
        ask()
    assert str(refused.value) == said


@pytest.mark.parametrize("dialect", [TOGETHER, FIREWORKS], ids=["together", "fireworks"])
@pytest.mark.parametrize("item", [None, 7, "x", [], {}, {"id": 7}, {"name": 7}, {"name": None}])
def test_an_invalid_job_is_counted_and_loses_no_other(dialect: Spoken, item: Any) -> None:
    good = FINE_TUNE if dialect is TOGETHER else SUPERVISED
    items = [item, good]
    page = dialect.read_jobs(answer({"data": items, "supervisedFineTuningJobs": items}), now=NOW)
    assert (len(page.fetched), page.broken) == (1, 1)


# --- OpenAI's API under another name ---


@pytest.mark.parametrize("provider", ["nebius", "bedrock-mantle", "openai-compatible"])
def test_an_api_like_openais_has_neither_its_pages_nor_its_actions(provider: str) -> None:
    other = Spoken(provider=provider, base_url="https://host.example/v1")

    assert set(other.dialect.actions) == {JobAction.CANCEL}, "a created job is found by metadata, which none may keep"
    assert "openai.com" not in (other.job_page("ftjob-1") or "")


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
    azure = Spoken(provider="azure", base_url=endpoint, options=AzureOptions(api_version=version))
    assert (azure.dialect.base_url, azure.retrieve_job("ftjob-1").query) == (base_url, query)


async def test_keys_and_tokens_of_azure() -> None:
    keyed, entra = (Spoken(provider="azure", options=AzureOptions(bearer=each)) for each in (False, True))
    assert await keyed.dialect.auth.headers(SecretStr("k"), account(), never) == {"api-key": "k"}
    assert await entra.dialect.auth.headers(SecretStr("t"), account(), never) == {"Authorization": "Bearer t"}


@pytest.mark.parametrize(
    ("version", "actions"),
    [
        (None, set(JobAction)),
        ("preview", set(JobAction)),
        ("2025-04-01-preview", {JobAction.CANCEL, JobAction.PAUSE, JobAction.RESUME}),
        ("2024-10-21", {JobAction.CANCEL}),
    ],
)
def test_actions_of_azure_depend_on_the_version(version: str | None, actions: set[JobAction]) -> None:
    assert set(Spoken(provider="azure", options=AzureOptions(api_version=version)).dialect.actions) == actions


def test_azure_announces_the_last_day_to_train_and_the_last_to_serve() -> None:
    azure = Spoken(provider="azure")
    model = {"id": "gpt-4o", "deprecation": {"fine_tune": 1_806_537_600, "inference": 1_822_348_800}}
    dated = {"id": "gpt-4", "shutdown_date": "2027-01-14"}
    found = azure.read_models(answer({"data": [model, dated, {"id": "gpt-5", "deprecation": None}]}), now=NOW)

    assert [(each.last_training_date, each.shutdown_date) for each in found] == [
        (date(2027, 4, 1), date(2027, 10, 1)),
        (None, date(2027, 1, 14)),
        (None, None),
    ]


def test_the_web_page_of_a_job_can_be_configured() -> None:
    own = Spoken(job_page_url="https://jobs.example.com/{job}?x")
    assert own.job_page("a/b") == "https://jobs.example.com/a%2Fb?x"


@pytest.mark.parametrize(
    ("provider", "word", "status"),
    [
        ("azure", "notRunning", "notRunning"),
        ("openai", "SUCCEEDED", "SUCCEEDED"),
        ("openai", "JOB_STATE_COMPLETED", "completed"),
        ("together", "user_error", "user_error"),
        ("together", "cancel_requested", "cancelling"),
        ("fireworks", "JOB_STATE_IDLE", "queued"),
        ("bedrock-mantle", "idle", "idle"),
    ],
)
def test_a_word_that_means_itself_keeps_its_spelling(provider: str, word: str, status: str) -> None:
    assert dialects()[provider].status_of(word) == status
