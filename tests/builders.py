"""Values for tests, with defaults that are right: say only what the test is about."""

import json
from typing import Any

from pydantic import SecretStr

from bot.providers.account import Account
from bot.providers.http.wire import Response

JOB = "ftjob-abc123"
NOW = 1_790_000_000.0
"""The moment at which tests read answers: 2026-09-21 14:13:20 UTC."""


def account(**fields: Any) -> Account:
    """Return an account of OpenAI's."""
    return Account(**{"name": "default", "base_url": "https://api.openai.com/v1", "key": SecretStr("sk-1"), **fields})


def job_body(**fields: Any) -> dict[str, Any]:
    """Return a job as the API describes a running one."""
    return {
        "object": "fine_tuning.job",
        "id": JOB,
        "model": "gpt-4o-mini-2024-07-18",
        "created_at": 1_789_990_000,
        "finished_at": None,
        "fine_tuned_model": None,
        "organization_id": "org-123",
        "result_files": [],
        "status": "running",
        "validation_file": None,
        "training_file": "file-abc123",
        "hyperparameters": {"n_epochs": 3},
        "trained_tokens": None,
        "error": None,
        "seed": 42,
        **fields,
    }


def list_body(*items: Any, has_more: bool = False) -> dict[str, Any]:
    """Return a page of a list."""
    return {"object": "list", "data": list(items), "has_more": has_more}


def error_body(message: Any, *, kind: str = "invalid_request_error", code: Any = None) -> dict[str, Any]:
    """Return the envelope in which the API puts an error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def answer(body: Any = "", status: int = 200, **headers: str) -> Response:
    """Return an HTTP answer; a string or bytes are the body itself, anything else is sent as JSON.

    Underscores in the names of headers stand for hyphens.
    """
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return Response(status, {name.replace("_", "-").lower(): value for name, value in headers.items()}, content)


def graded(length: int) -> dict[str, Any]:
    """Return the method of a job whose grader is a program of so many characters."""
    grader = {"type": "python", "name": "g", "source": "x" * length}
    return {"type": "reinforcement", "reinforcement": {"grader": grader}}
