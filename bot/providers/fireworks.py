"""Fireworks dialect: supervised fine-tuning jobs, normalized to OpenAI's fields.

As of the published client, fireworks-ai 1.2.30: ``resources/supervised_fine_tuning_jobs.py``,
``types/supervised_fine_tuning_job.py``, ``pagination.py``, ``types/shared/status.py``.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from typing_extensions import override

from bot.errors import NotSupported
from bot.jobs.actions import JobAction
from bot.jobs.statuses import Phase, phase_of
from bot.providers.account import Account
from bot.providers.openai import OpenAI
from bot.providers.wire import Page, Request, Response, json_of, path_segment, timestamp

ID = "ftjob-"
"""Prefix for Fireworks' job IDs, which have none, so that they can be told from other words."""

_STATUSES = {
    "creating": "created",
    "creating_input_dataset": "validating_files",
    "validating": "validating_files",
    "re_queueing": "queued",
    "writing_results": "uploading",
    "early_stopped": "completed",
    "unspecified": "unknown",
}
"""OpenAI's status for Fireworks' states; a job that stopped early is finished and has its model."""
_LEFT_OUT = frozenset({"metricsFileSignedUrl", "trainerLogsSignedUrl", "updateTime", "createdBy"})
_HYPERPARAMETERS = {
    "epochs": "n_epochs",
    "batchSize": "batch_size",
    "learningRate": "learning_rate",
    "loraRank": "lora_rank",
    "maxContextLength": "max_context_length",
}


class Fireworks(OpenAI):
    """Fireworks' fine-tuning API. The account's ``organization`` is what Fireworks calls the account."""

    name: ClassVar[str] = "Fireworks"
    job_page_url: ClassVar[str] = "https://app.fireworks.ai/dashboard/fine-tuning/supervised/{job}"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.jobs_path = f"/accounts/{path_segment(account.organization or '-')}/supervisedFineTuningJobs"
        self.actions = frozenset({JobAction.CANCEL, JobAction.RESUME})

    @override
    def normalized(self, item: Any) -> Any:
        """Return a job in OpenAI's fields; its model's ID only after it succeeded, though it may be known from the start."""
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            return item
        state = str(item.get("state") or "").lower().removeprefix("job_state_")
        status = _STATUSES.get(state, state)
        # Signed URLs, and fields that change with each read.
        kept = {name: value for name, value in item.items() if name not in _LEFT_OUT}
        settings = {word: item[name] for name, word in _HYPERPARAMETERS.items() if item.get(name) is not None}
        return kept | {
            "object": "fine_tuning.job",
            "id": ID + item["name"].rsplit("/", 1)[-1],
            "status": status,
            "created_at": timestamp(item.get("createTime")),
            "finished_at": timestamp(item.get("completedTime")),
            "model": item.get("baseModel") or item.get("warmStartFrom"),
            "fine_tuned_model": item.get("outputModel") if phase_of(status) is Phase.SUCCEEDED else None,
            "training_file": item.get("dataset"),
            "validation_file": item.get("evaluationDataset"),
            "hyperparameters": settings,
            "error": item.get("status") if phase_of(status) is Phase.FAILED else None,
        }

    @override
    def list_jobs(
        self, *, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None
    ) -> Request:
        """Return the request for one page of jobs, newest first; without metadata to filter by."""
        del metadata
        token = (("pageToken", after),) if after else ()
        return Request("GET", self.jobs_path, (("pageSize", str(limit)), ("orderBy", "createTime desc"), *token))

    @override
    def read_jobs(self, response: Response, *, now: float, after: str | None = None) -> Page:
        """Parse a page of jobs. Its cursor is a token, not a job ID; an empty page has no list."""
        body = json_of(response, now=now)
        items = self._items(body.get("supervisedFineTuningJobs", []), response)
        token = body.get("nextPageToken")
        return self._page(items, token if isinstance(token, str) and token and token != after else None)

    @override
    def cursor_in(self, beginning: bytes) -> None:
        """Return None: the token is at the end of a page, which a truncated one lacks."""
        del beginning

    @override
    def retrieve_job(self, job_id: str) -> Request:
        """Return the request for one job."""
        return Request("GET", self._path(job_id))

    @override
    def job_action(self, action: JobAction, job_id: str) -> Request:
        """Return the request to cancel or resume a job. The response to a cancel is empty: then read the job."""
        return Request("POST", f"{self._path(job_id)}:{action}", body={})

    @override
    def job_page(self, job_id: str) -> str:
        """Return the URL of the job's page."""
        return super().job_page(job_id.removeprefix(ID))

    @override
    def create_job(self, body: Mapping[str, Any]) -> NoReturn:
        """Refuse: its jobs take other parameters than the form has."""
        del body
        raise NotSupported("ftjob can't create Fireworks jobs. Use `firectl` instead.")

    @override
    def list_events(self, job_id: str, *, limit: int = 20, after: str | None = None) -> NoReturn:
        """Refuse: it has no job log."""
        del limit, after
        raise NotSupported("ftjob can't read Fireworks job logs.")

    @override
    def list_checkpoints(self, job_id: str, *, limit: int = 10, after: str | None = None) -> NoReturn:
        """Refuse: its jobs have no checkpoints."""
        del limit, after
        raise NotSupported(f"Fireworks doesn't list checkpoints for {job_id}.")

    @override
    def list_files(self, *, purpose: str, limit: int) -> NoReturn:
        """Refuse: files are needed only to create jobs."""
        del purpose, limit
        raise NotSupported("ftjob can't create Fireworks jobs, so it doesn't list files.")

    @override
    def list_models(self) -> NoReturn:
        """Refuse: it announces no shutdown dates."""
        raise NotSupported("ftjob can't list Fireworks models.")

    def _path(self, job_id: str) -> str:
        return f"{self.jobs_path}/{path_segment(job_id.removeprefix(ID))}"
