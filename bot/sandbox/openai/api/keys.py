"""API keys: their scopes, projects and rate limits, and the authorization of a request."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.openai.api.job_store import PROJECT
from bot.sandbox.openai.api.rate_limit import RateLimit
from bot.sandbox.openai.api.wire import missing_scope, unauthorized

JOBS_READ = "api.fine_tuning.jobs.read"
JOBS_WRITE = "api.fine_tuning.jobs.write"
FILES_READ = "api.files.read"
MODELS_READ = "api.model.read"
MODELS_WRITE = "api.model.write"
PERMISSIONS = "api.fine_tuning.checkpoints.permissions"
SCOPES = frozenset({JOBS_READ, JOBS_WRITE, FILES_READ, MODELS_READ, MODELS_WRITE, PERMISSIONS})
"""Scopes of API keys. The names of the last two are this stand-in's own."""


@dataclass(frozen=True)
class ApiKey:
    """An API key's name in the request log, its scopes, and the project whose jobs it sees."""

    name: str
    scopes: frozenset[str] = SCOPES
    project: str = PROJECT


def _random_key() -> dict[str, ApiKey]:
    """Return one key with every scope, by its random secret."""
    return {f"sk-{secrets.token_hex()}": ApiKey("default")}


@dataclass
class ApiKeys:
    """The account's keys by secret, with a rate limit for each."""

    clock: Callable[[], float]
    by_secret: dict[str, ApiKey] = field(default_factory=_random_key)
    per_minute: int | None = None
    """Requests of each key in any 60 seconds, None for no limit."""
    _rate_limits: dict[str, RateLimit] = field(default_factory=dict)

    def authorize(self, secret: str, project: str | None, scope: str) -> ApiKey:
        """Return the key of a request, and count the request.

        Raises:
            ApiError: the key is missing, unknown, of another project, over its rate limit, or lacks the scope.
        """
        key = self.by_secret.get(secret)
        if not secret:
            raise unauthorized("You didn't provide an API key.")
        if key is None:
            raise unauthorized("Incorrect API key provided.", code="invalid_api_key")
        if project not in (None, key.project):
            raise unauthorized("OpenAI-Project header should match project for API key", code="mismatched_project")
        if self.per_minute is not None:
            self._rate_limits.setdefault(key.name, RateLimit(self.clock)).consume(self.per_minute)
        if scope not in key.scopes:
            raise missing_scope(scope)
        return key
