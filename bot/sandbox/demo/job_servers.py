"""What has jobs in a demo: OpenAI's API, and perhaps other providers' and a machine that trains. Jobs have the IDs that the bot shows."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox.fireworks.bodies import DPO, REINFORCEMENT
from bot.sandbox.fireworks.server import FireworksApi
from bot.sandbox.openai.api.job_store import JobEnd
from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.openai.jobs_server import JobsServer
from bot.sandbox.openai.scenarios import Scenario
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack.app_secrets import SecretFactory
from bot.sandbox.together.server import TogetherApi
from bot.sandbox.trainer.machine import TrainingMachine

OPENAI, TOGETHER, FIREWORKS, MACHINE = "OpenAI", "Together", "Fireworks", "this machine"
_MODEL = "accounts/sandbox-team/models/tuned"
_ENDS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    TOGETHER: {
        "succeeded": {"status": "completed", "model_output_name": "sandbox/tuned"},
        "failed": {"status": "error"},
        "stuck": {"status": "queued"},
    },
    FIREWORKS: {
        "succeeded": {"state": "JOB_STATE_COMPLETED", "outputModel": _MODEL},
        "failed": {"state": "JOB_STATE_FAILED"},
        "stuck": {"state": "JOB_STATE_PENDING"},
    },
}
"""What changes of a job that ends, or that stops in the queue, by provider and outcome."""
_PREFIXES = {DPO: "ftjob-dpo_", REINFORCEMENT: "ftjob-rft_"}


@dataclass(frozen=True)
class JobServers:
    """The running servers."""

    openai: FineTuningApi
    others: Mapping[str, TogetherApi | FireworksApi] = field(default_factory=dict)
    """By the provider's name."""
    machine: TrainingMachine | None = None

    @property
    def by_name(self) -> dict[str, JobsServer]:
        """Every server by its provider's name, OpenAI's first."""
        return {OPENAI: self.openai, **self.others}

    @property
    def request_logs(self) -> dict[str, RequestLog]:
        """The requests that each got or, from trainers, the bot got."""
        apis = {"API": self.openai, **self.others} | ({"Trainer": self.machine.network} if self.machine else {})
        return {name: server.request_log for name, server in apis.items()}

    def jobs(self) -> dict[str, JsonObject]:
        """Return every job by the ID that the bot shows."""
        return {shown: job for shown, job, _ in self.listed()}

    def listed(self) -> Iterator[tuple[str, JsonObject, str]]:
        """Yield every job with the ID that the bot shows and its provider's name, oldest first at each provider."""
        for name, server in self.by_name.items():
            for job in server.jobs.values():
                yield shown_id(server, job), job, name
        if self.machine:
            for job_id, job in self.machine.jobs.items():
                yield job_id, job, MACHINE

    def ends(self) -> Iterator[tuple[str, JsonObject, list[JobEnd]]]:
        """Yield each job that ended, by the ID that the bot shows, with its transitions to a final status."""
        for server in self.by_name.values():
            jobs = server.jobs
            for own_id, ends in server.ends.items():
                job = jobs.get(own_id, {"id": own_id})
                yield shown_id(server, job), job, ends
        if self.machine:
            trained = self.machine.jobs
            for job_id, ends in self.machine.ends.items():
                yield job_id, trained[job_id], ends

    def add_job(self, provider: str, scenario: Scenario, *, name: str = "", metadata: Mapping[str, str]) -> str:
        """Create a job at a provider and return the ID that the bot shows; other providers than OpenAI keep no metadata.

        Raises:
            LookupError: there is no such provider.
        """
        match self.by_name[provider]:
            case FineTuningApi() as api:
                return api.add_job(scenario=scenario, metadata={**metadata, **({"name": name} if name else {})})
            case TogetherApi() as api:
                return api.add_job(scenario=scenario, **({"suffix": name} if name else {}))
            case FireworksApi() as api:
                return "ftjob-" + api.add_job(scenario=scenario, **({"displayName": name} if name else {}))
            case _:
                raise LookupError(provider)

    def end_job(self, job_id: str, outcome: str, error: Mapping[str, Any] | None) -> None:
        """Let a job succeed, fail with ``error``, or be stuck in the queue.

        Raises:
            LookupError: there is no such job or outcome.
        """
        name, own_id, server = self._find(job_id)
        if isinstance(server, FineTuningApi):
            _end_openai(server, own_id, outcome, error)
        else:
            reason = {"reason": error["message"]} if error else {}
            self.others[name].change(own_id, **_ENDS[name][outcome], **reason)
        if outcome == "stuck":
            server.freeze(own_id)

    def set_speed(self, speed: float) -> None:
        """Set the speed of every job."""
        for server in self.by_name.values():
            server.speed = speed

    def _find(self, job_id: str) -> tuple[str, str, JobsServer]:
        found = next(((name, job["id"]) for shown, job, name in self.listed() if shown == job_id), None)
        if found is None:
            raise LookupError(job_id)
        return *found, self.by_name[found[0]]


def shown_id(server: JobsServer, job: JsonObject) -> str:
    """Return the ID that the bot shows of a job."""
    own_id = str(job["id"])
    return _PREFIXES.get(job.get("collection", ""), "ftjob-") + own_id if isinstance(server, FireworksApi) else own_id


@asynccontextmanager
async def job_servers(
    new_secret: SecretFactory, *, all_providers: bool, job_id_length: int, folder: Path
) -> AsyncIterator[JobServers]:
    """Run OpenAI's API, and if ``all_providers`` those of the others, and a machine that trains in ``folder``."""
    keys = {f"sk-{new_secret()}": ApiKey("default")}
    async with FineTuningApi(keys=keys, job_id_length=job_id_length) as openai:
        if not all_providers:
            yield JobServers(openai)
            return
        async with (
            TogetherApi(keys={f"tgp_v1_{new_secret()}": ApiKey("default")}) as together,
            FireworksApi(keys={f"fw_{new_secret()}": ApiKey("default")}) as fireworks,
            TrainingMachine(new_secret(), folder).running() as machine,
        ):
            yield JobServers(openai, {TOGETHER: together, FIREWORKS: fireworks}, machine)


def _end_openai(api: FineTuningApi, job_id: str, outcome: str, error: Mapping[str, Any] | None) -> None:
    match outcome:
        case "succeeded":
            model = f"ft:{api.jobs[job_id]['model']}:sandbox::{job_id[-8:]}"
            api.change(job_id, status=outcome, fine_tuned_model=model, trained_tokens=48_576)
        case "failed":
            api.change(job_id, status=outcome, error=error)
        case "stuck":
            api.change(job_id, status="queued")
        case _:
            raise LookupError(outcome)
