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


def _failure_class(pattern: str, advice: str) -> _FailureClass:
    return _FailureClass(re.compile(pattern, re.IGNORECASE), advice)


_FAILURE_CLASSES = (
    _failure_class(
        r"insufficient_quota|exceeded_quota|quotaexceeded|billing|hard limit",
        "The account has no money or quota left for training. Raise its limit or pay its bill, then create the job again.",
    ),
    _failure_class(
        r"moderation|usage polic|unsafe|contentfilter|content_filter|safety|violat",
        "The provider's safety check refused the training data or the trained model. Look for examples that break its usage "
        "policies, take them out, upload the file anew and create the job again.",
    ),
    _failure_class(
        r"too few|at least 10|minimum (number )?of|not enough examples",
        "There are too few examples: most providers want at least ten. Add some, upload the file anew and create the job again.",
    ),
    _failure_class(
        r"token limit|too many tokens|exceeds the (maximum|context)|context length|too long",
        "Some examples are longer than the model takes. Shorten or split them, upload the file anew and create the job again.",
    ),
    _failure_class(
        r"jsonl|json line|line \d+|invalid (file )?format|parse|malformed|messages.*(missing|required)|jsonlvalidationfailed",
        "The file is not as the model expects it: one JSON object with `messages` in each line. Mend the line that the "
        "message names, upload the file anew and create the job again.",
    ),
    _failure_class(
        r"invalid_validation_file",
        "The validation file was refused. Check that it has the same format as the training file and shares no line with "
        "it, upload it anew and create the job again.",
    ),
    _failure_class(
        r"invalid_training_file|fileimportfailed|invalid_file",
        "The training file was refused. Check that each line is one JSON object in the format of the method, upload it anew "
        "and create the job again.",
    ),
    _failure_class(
        r"invalid_n_epochs|invalid_hyperparameter|learning_rate|batch_size|hyperparameter",
        "A hyperparameter does not fit. Set it to `auto`, or to a value that the provider's page of the method allows.",
    ),
    _failure_class(
        r"grader",
        "The grader could not be run on the examples. Try it on a few of them with the provider's grader check, mend it, and "
        "create the job again.",
    ),
    _failure_class(
        r"model_not_found|not available for fine-tuning|cannot be fine-tuned|training_not_available|winding down",
        "This model or this account cannot be fine-tuned (any more). Choose another base model, or another provider.",
    ),
    _failure_class(
        r"server_error|internal|internalfailure|serviceunavailable|overloaded|try again",
        "The provider had a fault of its own; the data is probably fine. Create the job again with the same files.",
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
