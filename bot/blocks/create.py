"""The form (a modal) for a new job, and its result."""

from collections.abc import Sequence
from enum import StrEnum

from bot.blocks.choices import Choice, distinct_labels
from bot.blocks.interactive import option, plain_text
from bot.blocks.parts import Block, code_span, context, format_utc, section
from bot.blocks.view import View
from bot.jobs.creation import MAX_METADATA_PAIRS, JobRequest
from bot.jobs.models import File

CREATE = "ftjob_create"
"""Callback ID of the form, and action ID of a button that opens it."""
MAX_FILES = 100
"""Files in a menu; beyond it, a file ID is typed."""
_MAX_TEXT_LENGTH = 3000
_TITLE = "Create a job"
_NO_GRADER = "Reinforcement jobs need a grader, which this form doesn't support. Create them through the API."
_NO_FILES = "I can't list your files here. Enter the ID of a file uploaded for fine-tuning, such as file-abc123."


class FormField(StrEnum):
    """Fields of the form, by their names in the API."""

    MODEL = "model"
    TRAINING = "training_file"
    VALIDATION = "validation_file"
    METHOD = "method"
    SUFFIX = "suffix"
    SEED = "seed"
    EPOCHS = "n_epochs"
    BATCH = "batch_size"
    RATE = "learning_rate_multiplier"
    BETA = "beta"
    METADATA = "metadata"


FORM_FIELDS = tuple(FormField)

CREATING = View(_TITLE, [section(":hourglass_flowing_sand: Creating…")])
"""The modal between submission and result."""


def create_form(
    private_metadata: str,
    files: Sequence[File] | None,
    *,
    prefilled: JobRequest | None = None,
    problem: str = "",
    account: str | None = None,
) -> View:
    """Return the form.

    Args:
        private_metadata: see `form_metadata`.
        files: training files to choose from, newest first; None if a file ID has to be typed.
        prefilled: an earlier request, to fill the fields with.
        problem: why that request failed, safe mrkdwn.
        account: name of the account that gets the job, if there are several.
    """
    values = _field_values(prefilled)
    head = [section(f":warning: {problem}")] if problem else []
    if account:
        head.append(
            context(f"In account {code_span(account)}. For another account, run `/ftjob create account:&lt;name&gt;`.")
        )
    blocks = [*head, *_required_inputs(files, values), *_optional_inputs(values), context(_NO_GRADER)]
    return View(_TITLE, blocks, CREATE, "Create", private_metadata)


def create_result(text: str) -> View:
    """Return the modal with the result of a creation, safe mrkdwn."""
    return View(_TITLE, [section(text)])


def _field_values(prefilled: JobRequest | None) -> dict[str, str]:
    """Return the initial value of each field."""
    if prefilled is None:
        return {FormField.METHOD: "supervised"}
    parameters = {field.value: getattr(prefilled, field, None) for field in FORM_FIELDS}
    numbers = {name: f"{number:.8f}".rstrip("0").rstrip(".") for name, number in prefilled.hyperparameters}
    lines = "\n".join(f"{key}={value}" for key, value in prefilled.metadata)
    values: dict[str, object] = {**parameters, **numbers, FormField.METADATA.value: lines}
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


def _required_inputs(files: Sequence[File] | None, values: dict[str, str]) -> list[Block]:
    """Return the inputs for model, files and method."""
    methods = [option("Supervised", "supervised"), option("DPO", "dpo")]
    return [
        _input("Base model", _text(FormField.MODEL, values, "gpt-4o-mini-2024-07-18")),
        *([context(_NO_FILES)] if files is None else []),
        _input("Training file", _file(FormField.TRAINING, files, values)),
        _input("Validation file", _file(FormField.VALIDATION, files, values), optional=True),
        _input("Method", _select(FormField.METHOD, methods, values)),
    ]


def _optional_inputs(values: dict[str, str]) -> list[Block]:
    """Return the inputs for suffix, hyperparameters, seed and metadata."""
    hint = f"One key=value per line, up to {MAX_METADATA_PAIRS} lines. Your Slack user ID is added automatically."
    metadata = _text(FormField.METADATA, values, "team=search", multiline=True)
    return [
        _input("Model suffix", _text(FormField.SUFFIX, values, "search"), optional=True),
        _input("Epochs", _text(FormField.EPOCHS, values, "auto"), optional=True),
        _input("Batch size", _text(FormField.BATCH, values, "auto"), optional=True),
        _input("Learning rate multiplier", _text(FormField.RATE, values, "auto"), optional=True),
        _input("Beta (DPO only)", _text(FormField.BETA, values, "auto"), optional=True),
        _input("Seed", _text(FormField.SEED, values, "42"), optional=True),
        _input("Metadata", metadata, optional=True, hint=hint),
    ]


def _input(label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block = {"type": "input", "block_id": element["action_id"], "label": plain_text(label), "element": element}
    return block | ({"optional": True} if optional else {}) | ({"hint": plain_text(hint)} if hint else {})


def _text(field: FormField, values: dict[str, str], example: str, *, multiline: bool = False) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": field.value, "placeholder": plain_text(example)}
    if value := values.get(field):
        element["initial_value"] = value[:_MAX_TEXT_LENGTH]
    return element | ({"multiline": True} if multiline else {})


def _file(field: FormField, files: Sequence[File] | None, values: dict[str, str]) -> Block:
    if files is None:
        return _text(field, values, "file-abc123")
    menu_labels = distinct_labels([Choice(file.id, file.filename, _size_and_day(file)) for file in files])
    return _select(field, [option(label, file.id) for label, file in zip(menu_labels, files, strict=True)], values)


def _select(field: FormField, options: list[Block], values: dict[str, str]) -> Block:
    element: Block = {"type": "static_select", "action_id": field.value, "options": options}
    chosen = next((option for option in options if option["value"] == values.get(field)), None)
    return element | ({"initial_option": chosen} if chosen else {})


def _size_and_day(file: File) -> str:
    size = next((f"{file.bytes / step:.1f} {unit}" for step, unit in _SIZES if file.bytes >= step), f"{file.bytes} B")
    return f"{size} · {format_utc(file.created_at)[:10]}" if file.created_at else size


_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def form_metadata(key: str, channel: str) -> str:
    """Return a form's private metadata: the key of its pending action, and the channel that asked for it."""
    return f"{key} {channel}"
