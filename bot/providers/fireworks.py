"""Fireworks' dialect: its supervised fine-tuning jobs, told in OpenAI's fields.

As of the published client, fireworks-ai 1.2.30: ``resources/supervised_fine_tuning_jobs.py``,
``types/supervised_fine_tuning_job.py``, ``pagination.py``, ``types/shared/status.py``.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from bot.errors import NotSupported
from bot.jobs.actions import JobAction
from bot.jobs.statuses import Phase, phase_of
from bot.providers.account import Account
from bot.providers.openai import OpenAI
from bot.providers.wire import Page, Request, Response, json_of, path_segment, timestamp

ID = "ftjob-"
"""Before Fireworks' own ids, which have no beginning by which a job could be told from any other word."""

_STATUSES = {
    "creating": "created",
    "creating_input_dataset": "validating_files",
    "validating": "validating_files",
    "re_queueing": "queued",
    "writing_results": "uploading",
    "early_stopped": "completed",
    "unspecified": "unknown",
}
"""Its states that have a word of the field; one that stopped early has its model, and is over."""
_LEFT_OUT = frozenset({"metricsFileSignedUrl", "trainerLogsSignedUrl", "updateTime", "createdBy"})
_HYPERPARAMETERS = {
    "epochs": "n_epochs",
    "batchSize": "batch_size",
    "learningRate": "learning_rate",
    "loraRank": "lora_rank",
    "maxContextLength": "max_context_length",
}


class Fireworks(OpenAI):
    """Fireworks' fine-tuning API; the account's organisation is what Fireworks calls the account."""

    job_page_url: ClassVar[str] = "https://app.fireworks.ai/dashboard/fine-tuning/supervised/{job}"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.jobs = f"/accounts/{path_segment(account.organization or '-')}/supervisedFineTuningJobs"
        self.actions = frozenset({JobAction.CANCEL, JobAction.RESUME})

    def normalized(self, item: Any) -> Any:
        """Return a job in OpenAI's fields; the id of its model may be known from the start, and is told when it is there."""
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            return item
        state = str(item.get("state") or "").lower().removeprefix("job_state_")
        status = _STATUSES.get(state, state)
        # Addresses that open files, and what is new at each read.
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

    def list_jobs(
        self, *, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None
    ) -> Request:
        """Ask for one page of jobs, newest first; there is no metadata to choose by."""
        del metadata
        token = (("pageToken", after),) if after else ()
        return Request("GET", self.jobs, (("pageSize", str(limit)), ("orderBy", "createTime desc"), *token))

    def read_jobs(self, response: Response, *, now: float, after: str | None = None) -> Page:
        """Read a page of jobs; its cursor is a token, and no id of a job. An empty page leaves the list out."""
        body = json_of(response, now=now)
        items = self._items(body.get("supervisedFineTuningJobs", []), response)
        token = body.get("nextPageToken")
        return self._page(items, token if isinstance(token, str) and token and token != after else None)

    def cursor_in(self, beginning: bytes) -> None:
        """Return None: a token stands at the end of a page, and what was cut off has none."""
        del beginning

    def retrieve_job(self, job_id: str) -> Request:
        """Ask for one job."""
        return Request("GET", self._path(job_id))

    def job_action(self, action: JobAction, job_id: str) -> Request:
        """Order the end of a job, or that it goes on. The answer to a cancel is empty: then the job is read."""
        return Request("POST", f"{self._path(job_id)}:{action}", body={})

    def job_page(self, job_id: str) -> str:
        """Return the address of the job's page, for people."""
        return super().job_page(job_id.removeprefix(ID))

    def create_job(self, body: Mapping[str, Any]) -> NoReturn:
        """Refuse: its jobs are described in other words than the form's."""
        del body
        raise NotSupported("I start no jobs at Fireworks; `firectl` does.")

    def list_events(self, job_id: str, *, limit: int = 20, after: str | None = None) -> NoReturn:
        """Refuse: there is none."""
        raise NotSupported(f"Fireworks keeps no log of {job_id} that I could read ({limit} lines, after {after}).")

    def list_checkpoints(self, job_id: str, *, limit: int = 10, after: str | None = None) -> NoReturn:
        """Refuse: they are no part of a job there."""
        raise NotSupported(f"Fireworks lists no checkpoints of {job_id} ({limit}, after {after}).")

    def list_files(self, *, purpose: str, limit: int) -> NoReturn:
        """Refuse: files are needed for new jobs alone."""
        raise NotSupported(f"I start no jobs at Fireworks, so I need none of its files (of {limit} for {purpose}).")

    def list_models(self) -> NoReturn:
        """Refuse: it announces no end of its models."""
        raise NotSupported("Fireworks announces no end of its models.")

    def _path(self, job_id: str) -> str:
        return f"{self.jobs}/{path_segment(job_id.removeprefix(ID))}"
