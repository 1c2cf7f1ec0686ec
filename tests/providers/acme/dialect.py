"""Acme's training API: ``GET /v2/runs`` lists runs, ``POST /v2/runs/{id}/stop`` stops one."""

from bot.jobs.actions import JobAction
from bot.providers.auth import Header
from bot.providers.dialect import FAILED, FINAL, SUCCEEDED, Call, Dialect, ItemList, Listing, Pages
from bot.providers.fields import converted, field, group, time

DIALECT = Dialect(
    id="acme",
    name="Acme",
    base_url="https://api.acme.example/v2",
    auth=Header("x-acme-key"),
    listings=(
        Listing(
            "/runs",
            job_page="https://console.acme.example/runs/{job}",
            items="runs",
            pages=Pages(size="per_page", cursor="page_token", next_token="next"),
        ),
    ),
    job={
        "id": field("run_id"),
        "status": field("phase"),
        "created_at": time("started"),
        "finished_at": time("ended"),
        "model": field("base"),
        "fine_tuned_model": field("artifact.name"),
        "suffix": field("label"),
        "hyperparameters": group({"n_epochs": "config.epochs", "learning_rate": "config.lr"}),
        "error": converted("reason", lambda reason: {"message": reason}),
    },
    only_in={"fine_tuned_model": SUCCEEDED, "finished_at": FINAL, "error": FAILED},
    statuses={
        "waiting": "queued",
        "training": "running",
        "ready": "succeeded",
        "broken": "failed",
        "stopped": "cancelled",
    },
    actions={JobAction.CANCEL: Call("/stop")},
    metrics=ItemList(
        "/metrics",
        {"step": field("step"), "train_loss": field("loss"), "valid_loss": field("eval_loss")},
        items="points",
    ),
    hint=":rocket: Publish the artifact before use.",
    create_with="Use the Acme console instead.",
)
