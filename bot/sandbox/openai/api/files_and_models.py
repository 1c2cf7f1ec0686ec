"""Files and models of the API's account."""

import random
import re
import string
from collections.abc import Callable
from typing import Any

from bot.sandbox.openai.api.wire import JsonObject

FINE_TUNABLE: dict[str, str | None] = {
    "gpt-4.1-2025-04-14": "2027-01-14",
    "gpt-4.1-mini-2025-04-14": "2027-01-14",
    "gpt-4.1-nano-2025-04-14": "2026-10-23",
    "gpt-4o-2024-08-06": "2027-01-14",
    "gpt-4o-mini-2024-07-18": None,
    "o4-mini-2025-04-16": "2026-10-23",
}
"""Base models that can be fine-tuned, with the shutdown date of their fine-tuned models. The default model has none, so
that a demo's results carry no deprecation notice."""

_BASE_MODEL_CREATED_AT = 1_721_172_741
_SAMPLE_LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\n'


_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}\Z")
_SNAPSHOTS = {_DATE.sub("", model): model for model in FINE_TUNABLE}


def snapshot_of(model: str) -> str:
    """Return the dated snapshot of an alias: gpt-4o-mini is gpt-4o-mini-2024-07-18."""
    return _SNAPSHOTS.get(model, model)


class IdGenerator:
    """Generates random ids; that of a job has ``job_id_length`` random characters."""

    def __init__(self, job_id_length: int) -> None:
        self._job_id_length = job_id_length
        self._random = random.Random()  # noqa: S311 - names, not secrets
        self._letters = string.ascii_letters + string.digits

    def new(self, prefix: str = "", length: int = 24) -> str:
        """Return ``prefix`` and ``length`` random letters and digits."""
        return prefix + "".join(self._random.choices(self._letters, k=length))

    def job(self) -> str:
        """Return an id for a job."""
        return self.new("ftjob-", self._job_id_length)

    def hexadecimal(self, length: int) -> str:
        """Return ``length`` random hexadecimal digits."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def seed(self) -> int:
        """Return a random seed for a job."""
        return self._random.randrange(2**31)


class FilesAndModels:
    """Files and models of the account, by id, oldest first."""

    def __init__(self, ids: IdGenerator, clock: Callable[[], float]) -> None:
        self._ids, self._clock = ids, clock
        self.files: dict[str, JsonObject] = {}
        self.contents: dict[str, bytes] = {}
        self.models: dict[str, JsonObject] = {}
        for base in FINE_TUNABLE:
            self._add(base, _BASE_MODEL_CREATED_AT, "system", None)
        self.training_file = self.add_file(_SAMPLE_LINE * 10, filename="training.jsonl", purpose="fine-tune")
        self.validation_file = self.add_file(_SAMPLE_LINE * 2, filename="validation.jsonl", purpose="fine-tune")

    def add_file(self, content: bytes, *, filename: str, purpose: str, **fields: Any) -> str:
        """Store one file and return its id."""
        file_id = str(fields.get("id") or self._ids.new("file-"))
        self.contents[file_id] = content
        self.files[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(self._clock()),
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
        } | fields
        return file_id

    def add_model(self, name: str, base: str, organization: str, at: float) -> None:
        """Add a model that was fine-tuned from ``base``."""
        self._add(name, int(at), organization, FINE_TUNABLE.get(base))

    def _add(self, name: str, created: int, owner: str, shutdown: str | None) -> None:
        self.models[name] = {
            "id": name,
            "object": "model",
            "created": created,
            "owned_by": owner,
            "shutdown_date": shutdown,
        }
