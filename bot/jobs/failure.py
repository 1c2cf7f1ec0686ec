"""Advice about a failed job, by the code, parameter and message of its error. Pure.

The classes of failures are those that OpenAI's and Azure's documentation and their users report.
"""

import re
from dataclasses import dataclass

from bot.jobs.models import JobError


@dataclass(frozen=True)
class _FailureClass:
    """Failures with the same advice."""

    pattern: re.Pattern[str]
    advice: str
    """At most three lines on a phone."""


def _failure_class(pattern: str, advice: str) -> _FailureClass:
    return _FailureClass(re.compile(pattern, re.IGNORECASE), advice)


_FAILURE_CLASSES = (
    _failure_class(
        r"insufficient_quota|exceeded_quota|quotaexceeded|billing|hard limit|"
        r"(account|credit|insufficient|low)\W+balance\b|\bbalance (is|was) (empty|too low|insufficient)",
        "The account is out of quota or credit. Add credit or raise the spending limit, then retry the job.",
    ),
    _failure_class(
        r"moderation|usage polic|unsafe|contentfilter|content_filter|safety|violat",
        "The safety check rejected the data or the model. Remove examples that violate the provider's usage policies.",
    ),
    _failure_class(
        r"too few|at least 10|minimum (number )?of|not enough examples",
        "There are too few examples; most providers require at least 10. Add some, then retry the job.",
    ),
    _failure_class(
        r"token limit|too many tokens|exceeds the (maximum|context)|context length|too long",
        "Some examples are longer than the model allows. Shorten or split them, then retry the job.",
    ),
    _failure_class(
        r"jsonl|json line|line \d+|invalid (file )?format|parse|malformed|messages.*(missing|required)|jsonlvalidationfailed",
        "Each line must be one JSON object in the method's format. Fix the line that the error names.",
    ),
    _failure_class(
        r"invalid_validation_file",
        "The validation file was rejected. Use the training file's format, and don't reuse any of its examples.",
    ),
    _failure_class(
        r"invalid_training_file|fileimportfailed|invalid_file",
        "The training file was rejected. Check that each line is one JSON object in the method's format.",
    ),
    _failure_class(
        r"invalid_n_epochs|invalid_hyperparameter|learning_rate|batch_size|hyperparameter",
        "A hyperparameter isn't valid. Set it to `auto`, or to a value that the provider's docs allow.",
    ),
    _failure_class(
        r"grader",
        "The grader failed on the examples. Test it with the provider's grader check, then fix it.",
    ),
    _failure_class(
        r"model_not_found|not available for fine-tuning|cannot be fine-tuned|training_not_available|winding down",
        "Fine-tuning isn't available for this model or account anymore. Choose another base model or provider.",
    ),
    _failure_class(
        r"server_error|internal|internalfailure|serviceunavailable|overloaded|try again",
        "The provider had an internal error; your data is probably fine. Retry the job as is.",
    ),
)


def advice_for(error: JobError | None, reason: str | None = None) -> str | None:
    """Return what to do about a failure; None for one of no known class.

    Args:
        error: the job's error.
        reason: the last error in the job's log, if the job itself has none.
    """
    details = " ".join(part for part in (error.code, error.param, error.message) if part) if error else ""
    text = details or reason or ""
    return next((each.advice for each in _FAILURE_CLASSES if text and each.pattern.search(text)), None)
