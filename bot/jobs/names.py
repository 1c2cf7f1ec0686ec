"""What people call a job: the name that they gave it, or the one of its model. Pure."""

from bot.jobs.models import Job

_MODEL_NAME_PARTS = 5
"""Parts of a model's name: ft:base:organization:suffix:id."""


def job_name(job: Job) -> str | None:
    """Return a job's name: its metadata ``name``, else its suffix, else None."""
    more = job.model_extra or {}
    given = ((job.metadata or {}).get("name"), more.get("suffix"), more.get("user_provided_suffix"))
    named = next((each.strip() for each in given if isinstance(each, str) and each.strip()), None)
    return named or model_suffix(job.fine_tuned_model)


def model_suffix(model: str | None) -> str | None:
    """Return the suffix in a fine-tuned model's name, or None: "search" of "ft:gpt-4o-mini:acme:search:AbC123"."""
    parts = (model or "").split(":")
    return (parts[3] or None) if len(parts) == _MODEL_NAME_PARTS and parts[0] == "ft" else None
