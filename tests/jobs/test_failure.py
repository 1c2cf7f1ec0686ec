import pytest

from bot.jobs.failure import advice_for
from bot.jobs.models import JobError


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        ("invalid_training_file", "The job failed due to an invalid training file.", "training file was rejected"),
        ("invalid_training_file", "Invalid file format. Line 7, key 'messages' missing.", "one JSON object"),
        (
            "invalid_training_file",
            "Training file has 3 example(s), but must have at least 10 examples",
            "too few examples",
        ),
        ("invalid_training_file", "Example 4 exceeds the maximum number of tokens", "longer than the model allows"),
        ("invalid_validation_file", "The validation file is not good.", "validation file was rejected"),
        ("exceeded_quota", "Creating this fine-tuning job would exceed your hard limit.", "out of quota or credit"),
        ("moderation_failed", "The data was blocked by our moderation system", "safety check"),
        ("server_error", "Something went wrong.", "an internal error"),
        ("internalFailure", "Azure could not.", "an internal error"),
        ("jsonlValidationFailed", "Validation of jsonl file failed.", "one JSON object in the method's format"),
        ("training_not_available", "OpenAI is winding down the fine-tuning platform.", "Choose another base model"),
    ],
)
def test_a_known_failure_says_what_to_do(code: str, message: str, says: str) -> None:
    assert says in (advice_for(JobError(code=code, message=message)) or "")


def test_the_log_is_asked_where_the_job_does_not_say() -> None:
    assert "too few examples" in (advice_for(None, "has 3 examples, at least 10 are needed") or "")


@pytest.mark.parametrize(
    "message", ["Unbalanced quotes in line 12", "The load balancer returned 502", "The dataset is imbalanced"]
)
def test_a_word_inside_another_gives_no_advice_about_money(message: str) -> None:
    assert "credit" not in (advice_for(JobError(code=None, message=message)) or "")


def test_an_empty_balance_does() -> None:
    assert "credit" in (advice_for(JobError(code=None, message="The balance is too low for this job")) or "")


@pytest.mark.parametrize("error", [None, JobError(), JobError(code="odd_code", message="Odd, but it happens.")])
def test_what_nobody_knows_gets_no_advice(error: JobError | None) -> None:
    assert advice_for(error) is None
