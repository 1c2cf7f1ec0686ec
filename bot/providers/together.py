"""Together dialect: fine-tunes, normalized to OpenAI's fields.

As of the published client, together 3.1.1: ``resources/fine_tuning.py``, ``types/finetune_response.py``,
``types/fine_tuning_list_response.py``, ``types/finetune_event.py``.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from typing_extensions import override

from bot.errors import NotSupported
from bot.jobs.actions import JobAction
from bot.jobs.models import Checkpoint, Event
from bot.jobs.statuses import Phase, is_final, phase_of
from bot.providers.account import Account
from bot.providers.openai import OpenAI
from bot.providers.wire import FetchedJob, Page, Request, Response, items_of, json_of, timestamp

_HYPERPARAMETERS = ("n_epochs", "batch_size", "learning_rate", "warmup_ratio", "weight_decay", "train_on_inputs")
_LEVELS = {"legacy_info": "info", "legacy_iwarning": "warning", "legacy_ierror": "error"}


class Together(OpenAI):
    """Together's fine-tuning API. Its list has no pages; its jobs have no metadata and no result files."""

    name: ClassVar[str] = "Together"
    job_page_url: ClassVar[str] = "https://api.together.ai/fine-tuning/{job}"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.jobs_path = "/fine-tunes"
        self.actions = frozenset({JobAction.CANCEL})

    @override
    def normalized(self, item: Any) -> Any:
        """Return a fine-tune in OpenAI's fields; its model's name only after it succeeded, though it is known from the start."""
        if not isinstance(item, dict):
            return item
        status = str(item.get("status") or "")
        made = phase_of(status) is Phase.SUCCEEDED
        method = item.get("training_method")
        return item | {
            "object": "fine_tuning.job",
            "created_at": timestamp(item.get("created_at")),
            "finished_at": timestamp(item.get("updated_at")) if is_final(status) else None,
            "fine_tuned_model": item.get("model_output_name") if made else None,
            "trained_tokens": item.get("token_count") if made else None,
            "hyperparameters": {name: item[name] for name in _HYPERPARAMETERS if item.get(name) is not None},
            "method": {"type": method["method"]} if isinstance(method, dict) and "method" in method else None,
            "seed": item.get("random_seed"),
        }

    @override
    def list_jobs(
        self, *, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None
    ) -> Request:
        """Return the request for all jobs: it has no pages and no filters."""
        del after, limit, metadata
        return Request("GET", self.jobs_path)

    @override
    def read_jobs(self, response: Response, *, now: float, after: str | None = None) -> Page:
        """Parse the jobs, newest first."""
        del after
        items = self._items(json_of(response, now=now).get("data"), response)
        return self._page(sorted(items, key=_created, reverse=True), None)

    @override
    def cursor_in(self, beginning: bytes) -> None:
        """Return None: it has no pages."""
        del beginning

    @override
    def read_events(self, response: Response, *, now: float) -> list[Event]:
        """Parse the events, oldest first."""
        events = [_event(item) for item in items_of(response, "events", now=now) if isinstance(item, dict)]
        return sorted(events, key=lambda event: event.created_at or 0.0)

    @override
    def read_checkpoints(self, response: Response, *, now: float) -> list[Checkpoint]:
        """Parse the checkpoints, newest first."""
        items = [item for item in items_of(response, "checkpoints", now=now) if isinstance(item, dict)]
        found = [
            Checkpoint.model_validate(
                {
                    "id": item.get("object_id") or item.get("path"),
                    "created_at": timestamp(item.get("created_at")),
                    "fine_tuned_model_checkpoint": item.get("object_name") or item.get("path"),
                    "step_number": item.get("step"),
                }
            )
            for item in items
        ]
        return sorted(found, key=lambda each: each.step_number or 0, reverse=True)

    @override
    def create_job(self, body: Mapping[str, Any]) -> NoReturn:
        """Refuse: its jobs take other parameters than the form has."""
        del body
        raise NotSupported("ftjob can't create Together jobs. Use `together fine-tuning create` instead.")

    @override
    def list_files(self, *, purpose: str, limit: int) -> NoReturn:
        """Refuse: files are needed only to create jobs."""
        del purpose, limit
        raise NotSupported("ftjob can't create Together jobs, so it doesn't list files.")

    @override
    def list_models(self) -> NoReturn:
        """Refuse: its list has the public models, not the account's."""
        raise NotSupported("ftjob can't list Together models.")


def _created(item: FetchedJob | None) -> float:
    return (item.snapshot.created_at if item else None) or 0.0


def _event(item: dict[str, Any]) -> Event:
    level = str(item.get("level") or "info")
    steps = {"step": item.get("step"), "total_steps": item.get("total_steps")}
    data = {name: value for name, value in steps.items() if value is not None}
    known = {"created_at": timestamp(item.get("created_at")), "level": _LEVELS.get(level, level), "data": data or None}
    return Event.model_validate(item | known)
