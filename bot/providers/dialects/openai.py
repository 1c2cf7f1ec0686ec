"""OpenAI's fine-tuning API, and the parts of it that others took over.

https://platform.openai.com/docs/api-reference/fine-tuning
"""

from bot.jobs.actions import JobAction
from bot.jobs.statuses import KNOWN_STATUSES
from bot.providers.auth import Bearer
from bot.providers.dialect import BY_ID, FAILED, Call, Dialect, ItemList, Listing
from bot.providers.fields import field, same

JOB = same(
    "id",
    "object",
    "status",
    "created_at",
    "finished_at",
    "error",
    "fine_tuned_model",
    "hyperparameters",
    "model",
    "result_files",
    "trained_tokens",
    "training_file",
    "validation_file",
    "integrations",
    "seed",
    "metadata",
    "method",
    "estimated_finish",
    "suffix",
    "user_provided_suffix",
    "usage_metrics",
    "shared_with_openai",
    "eval_id",
) | {"organization_id": field("organization_id", "organisation_id")}
STATUSES = {word: word for word in KNOWN_STATUSES}
"""Gateways in front of other providers pass the providers' own words on."""
STATUS_PREFIX = "job_state_"
LISTING = Listing(
    "/fine_tuning/jobs",
    job_page="https://platform.openai.com/finetune/{job}",
    other_job_pages=("https://platform.openai.com/finetune?jobId={job}",),
    pages=BY_ID,
    filters_metadata=True,
)
EVENTS = ItemList("/events", same("id", "created_at", "level", "message", "type", "data"), pages=BY_ID)
CHECKPOINTS = ItemList(
    "/checkpoints",
    same("id", "created_at", "fine_tuned_model_checkpoint", "step_number", "metrics"),
    pages=BY_ID,
)
FILES = ItemList("/files", same("id", "filename", "bytes", "created_at", "purpose"), pages=BY_ID)
FILE_CONTENT = "/files/{file}/content"
MODELS = ItemList("/models", same("id", "created", "shutdown_date"))
CANCEL = {JobAction.CANCEL: Call("/cancel")}
ACTIONS = CANCEL | {
    JobAction.PAUSE: Call("/pause"),
    JobAction.RESUME: Call("/resume"),
    JobAction.CREATE: Call(""),
}

DIALECT = Dialect(
    id="openai",
    name="OpenAI",
    base_url="https://api.openai.com/v1",
    auth=Bearer(organization_header="OpenAI-Organization", project_header="OpenAI-Project"),
    listings=(LISTING,),
    job=JOB,
    statuses=STATUSES,
    status_prefix=STATUS_PREFIX,
    actions=ACTIONS,
    events=EVENTS,
    explained_in_log=FAILED,
    checkpoints=CHECKPOINTS,
    files=FILES,
    file_content=FILE_CONTENT,
    models=MODELS,
)
