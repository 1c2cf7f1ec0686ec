"""Jobs of a provider with words and fields of its own: the base of the stand-ins that are not OpenAI-shaped."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, ClassVar

from bot.sandbox.openai.api.job_log import METRICS
from bot.sandbox.openai.api.wire import ApiError, JsonObject
from bot.sandbox.openai.jobs_server import JobsServer
from bot.sandbox.openai.scenarios import Scenario, ScenarioStep


@dataclass(frozen=True)
class Statuses:
    """Words of a provider for the statuses of the job store."""

    words: Mapping[str, str]
    """The usual word for each status that the provider calls otherwise."""
    further: Mapping[str, str] = field(default_factory=dict)
    """Final statuses of other words, such as those of a training that stopped early."""

    def stored(self, word: str) -> str:
        """Return the store's status for a word; a word without one is its own."""
        usual = {known: status for status, known in self.words.items()}
        return self.further.get(word) or usual.get(word, word)

    def word(self, job: JsonObject) -> str:
        """Return the word for a job's status: the one that it was given, as long as it is true."""
        given = job.get("word")
        if given and self.stored(given) == job["status"]:
            return str(given)
        return self.words.get(job["status"], job["status"])


class NativeJobsServer(JobsServer):
    """JobsServer whose jobs are added and changed in the provider's own words and fields."""

    statuses: ClassVar[Statuses]
    word_field: ClassVar[str] = "status"
    """Field of a job that holds the word."""
    first_word: ClassVar[str]
    """Word of a job that was just added."""
    model: ClassVar[str]
    """Base model of jobs that name none."""
    finishing: ClassVar[tuple[str, ...]] = ()
    """Words of a job between its training and its success."""

    def add_native_job(
        self, job_id: str, model: str, scenario: Scenario | None, project: str, fields: Mapping[str, Any]
    ) -> str:
        """Create a job and return its id; a ``scenario`` determines its status from the start."""
        word = str(fields.get(self.word_field) or self.first_word)
        self._jobs.add(
            id=job_id,
            status=self.statuses.stored(word),
            model=model,
            scenario=self._with_finish(scenario) if scenario else None,
            project=project,
            collection=project,
            **self._stored_fields({}, fields),
        )
        self.request_log.notify_waiters()
        return job_id

    def change(self, job_id: str, **fields: Any) -> None:
        """Set fields of a job by the provider's names; ``reason`` is why it fails, a new word acts as in ``FineTuningApi``."""
        self._jobs.advance()
        changes = self._stored_fields(self._jobs.index.by_id[job_id], fields)
        if word := fields.get(self.word_field):
            changes["status"] = self.statuses.stored(str(word))
        self._jobs.change(job_id, changes)
        self.request_log.notify_waiters()

    def add_metrics(
        self, job_id: str, step: int, total: int, train_loss: float, valid_loss: float | None = None
    ) -> None:
        """Record the metrics of one training step."""
        data: JsonObject = {"step": step, "total_steps": total, "train_loss": train_loss}
        if valid_loss is not None:
            data["full_valid_loss"] = valid_loss
        self._jobs.log.add_event(job_id, f"Step {step}/{total}", type_=METRICS, data=data)
        self.request_log.notify_waiters()

    def _stored_fields(self, job: JsonObject, fields: Mapping[str, Any]) -> JsonObject:
        own = {name: value for name, value in fields.items() if name not in (self.word_field, "reason")}
        stored: JsonObject = {"native": job.get("native", {}) | own, "changed_at": self._clock()}
        if word := fields.get(self.word_field):
            stored["word"] = word
        if reason := fields.get("reason"):
            stored["error"] = {"code": None, "message": reason, "param": None}
        return stored

    def _with_finish(self, scenario: Scenario) -> Scenario:
        """Return a scenario whose success is preceded by the words of ``finishing``."""
        *steps, last = scenario.steps
        if last.fields.get("status") != "succeeded":
            return scenario
        seconds = last.seconds / (len(self.finishing) + 1)
        between = [ScenarioStep(seconds, {"status": word}) for word in self.finishing]
        return replace(scenario, steps=(*steps, *between, replace(last, seconds=seconds)))


def integer(text: str, name: str) -> int:
    """Return a query parameter as a number.

    Raises:
        ApiError: it is not one.
    """
    try:
        return int(text)
    except ValueError:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name}: {text!r} is not an integer", param=name) from None
