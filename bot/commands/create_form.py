"""Read what somebody filled into a form. Pure; what does not fit is said at its field."""

import re
from collections.abc import Callable, Mapping

from bot.blocks.create import FORM_FIELDS, FormField
from bot.blocks.parts import strip_invisible
from bot.commands.arguments import CREDENTIAL_TYPED
from bot.commands.tokenizer import EMPTY, problem_in, unquoted
from bot.errors import UserError
from bot.jobs.creation import MAX_METADATA_PAIRS, METHODS, REQUEST_KEY, JobRequest, Method, Number
from bot.jobs.models import OWNER_KEY
from bot.telemetry.redaction import holds_secret

MAX_SUFFIX, MAX_KEY, MAX_VALUE = 64, 64, 512
MAX_EPOCHS, MAX_BATCH, MAX_BETA, MAX_SEED = 50, 256, 2.0, 2**31 - 1

_FILE = re.compile(r"file-[A-Za-z0-9_-]{1,100}", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}", re.ASCII)


class InvalidFields(UserError):
    """Some fields do not fit; says of each why."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


def read_job_request(values: Mapping[str, str]) -> JobRequest:
    """Return the job that a form asks for, by what stands in its fields.

    Raises:
        InvalidFields: some of it cannot be.
    """
    typed = {field.value: "\n".join(map(_bare, values.get(field, "").splitlines())).strip() for field in FORM_FIELDS}
    problems = {name: CREDENTIAL_TYPED for name, text in typed.items() if holds_secret(strip_invisible(text))}
    read: dict[FormField, object] = {}
    for field, reader in _READERS.items():
        try:
            read[field] = reader(typed[field] if field is FormField.METADATA else _seen(typed[field]))
        except UserError as error:
            problems.setdefault(field, str(error))
    if typed[FormField.BETA] and read.get(FormField.METHOD) == "supervised":
        problems.setdefault(FormField.BETA, "Beta applies to DPO only.")
    if problems:
        raise InvalidFields(problems)
    numbers = {field.value: read.pop(field) for field in _NUMBERS}
    given = tuple((name, number) for name, number in numbers.items() if number is not None)
    fields = {field.value: value for field, value in read.items()}
    return JobRequest(**fields, hyperparameters=given)  # type: ignore[arg-type]  # each reader returns what its field takes


def _bare(text: str) -> str:
    """Return what was typed without the quotes around it, and without what a copied text brings along at its ends."""
    return unquoted(text.strip().strip(EMPTY).strip())


def _seen(text: str) -> str:
    """Return a text of which all can be seen.

    Raises:
        UserError: some of it cannot.
    """
    if problem := problem_in(text):
        raise UserError(f"This {problem}. Retype it.")
    return text


def _model(text: str) -> str:
    if not _MODEL.fullmatch(text):
        raise UserError("Enter a model name, such as gpt-4o-mini-2024-07-18.")
    return text


def _training_file(text: str) -> str:
    if not _FILE.fullmatch(text):
        raise UserError("Enter the ID of an uploaded file, such as file-abc123.")
    return text


def _validation_file(text: str) -> str | None:
    return _training_file(text) if text else None


def _suffix(text: str) -> str | None:
    text = " ".join(text.split())
    if len(text) > MAX_SUFFIX:
        raise UserError(f"Use up to {MAX_SUFFIX} characters.")
    return text or None


def _seed(text: str) -> int | None:
    return None if not text else _whole(text, 0, MAX_SEED)


def _method(text: str) -> Method:
    if text not in METHODS:
        raise UserError("Choose Supervised or DPO.")
    return METHODS[text]


def _whole(text: str, least: int, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else -1
    if not least <= number <= most:
        raise UserError(f"Enter a whole number from {least} to {most}, or leave it blank.")
    return number


def _auto(read: Callable[[str], Number]) -> Callable[[str], Number | None]:
    return lambda text: None if text.casefold() in ("", "auto") else read(text)


def _above_zero(most: float, limit: str) -> Callable[[str], float]:
    """Return the reader of a decimal number up to ``most``; ``limit`` says in words how large it may be."""

    def read(text: str) -> float:
        # Not float() alone: it takes "nan", "1_0" and digits of other scripts.
        number = float(text) if re.fullmatch(r"\d{0,6}(\.\d{1,8})?", text, re.ASCII) and text != "" else 0.0
        if not 0 < number <= most:
            raise UserError(
                f"Enter auto, or a decimal number greater than 0 and {limit}, such as 0.00001 (up to 8 decimal places)."
            )
        return number

    return read


def _metadata(text: str) -> tuple[tuple[str, str], ...]:
    pairs: dict[str, str] = {}
    for line in filter(None, text.splitlines()):
        key, equals, value = (part if part == "=" else _seen(_bare(part)) for part in line.partition("="))
        if not (equals and key and value):
            raise UserError("Enter one key=value per line, such as team=search.")
        if key in (OWNER_KEY, REQUEST_KEY):
            raise UserError(f"ftjob fills in {key} for you.")
        if key in pairs:
            raise UserError(f"The key {key[:MAX_KEY]} appears twice.")
        if len(key) > MAX_KEY or len(value) > MAX_VALUE:
            raise UserError(f"Keys can have up to {MAX_KEY} characters, and values up to {MAX_VALUE}.")
        pairs[key] = value
    if len(pairs) > MAX_METADATA_PAIRS:
        raise UserError(
            f"Use up to {MAX_METADATA_PAIRS} pairs. A job can have 16, and ftjob adds two: the owner and a request ID."
        )
    return tuple(pairs.items())


_NUMBERS: dict[FormField, Callable[[str], Number | None]] = {
    FormField.EPOCHS: _auto(lambda text: _whole(text, 1, MAX_EPOCHS)),
    FormField.BATCH: _auto(lambda text: _whole(text, 1, MAX_BATCH)),
    FormField.RATE: _auto(_above_zero(1e6, "less than 1,000,000")),
    FormField.BETA: _auto(_above_zero(MAX_BETA, f"up to {MAX_BETA:g}")),
}
_READERS: dict[FormField, Callable[[str], object]] = {
    FormField.MODEL: _model,
    FormField.TRAINING: _training_file,
    FormField.VALIDATION: _validation_file,
    FormField.SUFFIX: _suffix,
    FormField.SEED: _seed,
    FormField.METHOD: _method,
    FormField.METADATA: _metadata,
    **_NUMBERS,
}
