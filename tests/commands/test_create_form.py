from typing import Any

import pytest

from bot.blocks.create import FORM_FIELDS
from bot.commands.create_form import InvalidFields, read_job_request
from bot.jobs.creation import JobRequest

LEAST = {"model": "gpt-4o-mini", "training_file": "file-abc123", "method": "supervised"}


def wrong(**fields: str) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        read_job_request({**LEAST, **fields})
    return caught.value.errors


def test_the_least_that_a_job_needs_leaves_the_rest_to_the_api() -> None:
    creation = read_job_request({**LEAST, "n_epochs": "auto", "batch_size": " AUTO ", "suffix": "  "})

    assert creation == JobRequest("gpt-4o-mini", "file-abc123")
    assert creation.body(request="request-1", owner="U0OLIVIA") == {
        "model": "gpt-4o-mini",
        "training_file": "file-abc123",
        "method": {"type": "supervised"},
        "metadata": {"slack_user": "U0OLIVIA", "ftjob_request": "request-1"},
    }


def test_a_seed_of_zero_and_the_largest_numbers_are_accepted() -> None:
    creation = read_job_request(
        {
            **LEAST,
            "seed": "0",
            "method": "dpo",
            "n_epochs": "50",
            "batch_size": "256",
            "beta": "2",
            "learning_rate_multiplier": ".05",
        }
    )

    assert creation.seed == 0
    assert dict(creation.hyperparameters) == {
        "n_epochs": 50,
        "batch_size": 256,
        "learning_rate_multiplier": 0.05,
        "beta": 2.0,
    }


def test_metadata_that_leaves_room_for_our_own_is_accepted_as_typed() -> None:
    pairs = {f"{n:02}" + "k" * 62: "=" + "v" * 511 for n in range(14)}
    text = "\n\n".join(f" {key} = {value} " for key, value in pairs.items())

    creation = read_job_request({**LEAST, "metadata": text})

    assert dict(creation.metadata) == pairs
    assert len(creation.body(request="r", owner="U1")["metadata"]) == 16


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("model", "", "Enter a model name"),
        ("model", "two words", "Enter a model name"),
        ("model", "<!channel>", "Enter a model name"),
        ("model", "m" * 4000, "Enter a model name"),
        ("training_file", "", "Enter the ID of an uploaded file"),
        ("training_file", "../files", "Enter the ID of an uploaded file"),
        ("validation_file", "data.jsonl", "Enter the ID of an uploaded file"),
        ("method", "reinforcement", "Choose Supervised or DPO"),
        ("suffix", "s" * 65, "Use up to 64"),
        ("seed", "-1", "from 0 to 2147483647"),
        ("seed", "2147483648", "from 0 to 2147483647"),
        ("seed", "\u0663", "from 0 to"),
        ("n_epochs", "0", "from 1 to 50"),
        ("n_epochs", "51", "from 1 to 50"),
        ("n_epochs", "1.5", "from 1 to 50"),
        ("batch_size", "257", "from 1 to 256"),
        ("learning_rate_multiplier", "0", "greater than 0"),
        ("learning_rate_multiplier", "nan", "greater than 0"),
        ("learning_rate_multiplier", "1e3", "greater than 0"),
        ("learning_rate_multiplier", ".", "greater than 0"),
        ("learning_rate_multiplier", "1000000", "less than 1,000,000"),
        ("learning_rate_multiplier", "1e-5", "a decimal number greater than 0"),
        ("learning_rate_multiplier", "1e-5", "such as 0.00001 (up to 8 decimal places)"),
        ("learning_rate_multiplier", "0.000000001", "(up to 8 decimal places)"),
        ("beta", "2.5", "greater than 0 and up to 2,"),
        ("metadata", "no pair", "Enter one key=value per line"),
        ("metadata", "=v", "Enter one key=value per line"),
        ("metadata", "k=", "Enter one key=value per line"),
        ("metadata", "k=v\nk=w", "The key k appears twice."),
        ("metadata", "ftjob_request=x", "ftjob fills in ftjob_request for you"),
        ("metadata", "slack_user=U0MILO", "ftjob fills in slack_user for you"),
        ("metadata", "k" * 65 + "=v", "up to 64 characters"),
        ("metadata", "k=" + "v" * 513, "and values up to 512"),
        ("metadata", "\n".join(f"k{n}=v" for n in range(15)), "Use up to 14 pairs"),
    ],
)
def test_an_invalid_value_has_an_error_at_its_own_field_only(field: str, text: str, said: str) -> None:
    problems = wrong(**{field: text})

    assert set(problems) == {field}
    assert said in problems[field]
    assert len(problems[field]) < 300


def test_beta_is_for_dpo_and_has_its_bounds() -> None:
    assert set(wrong(beta="0.1")) == {"beta"}
    assert "up to 2" in wrong(method="dpo", beta="2.1")["beta"]


@pytest.mark.parametrize("field", FORM_FIELDS)
def test_a_secret_is_refused_in_every_field_and_not_repeated(field: str) -> None:
    secret = "sk-proj-0123456789abcdef"
    problems = wrong(**{field: f"x={secret}"})

    assert "looks like a secret" in problems[field]
    assert secret not in str(problems)


@pytest.mark.parametrize("values", [{}, {"unknown": "x"}, {"model": "\x00"}])
def test_a_form_without_its_fields_is_wrong_and_breaks_nothing(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidFields):
        read_job_request(values)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("suffix", "a\u202eb", "This contains U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("suffix", "a\x00b", "This contains U+0000"),
        ("suffix", "a\ud800b", "This contains U+D800"),
        ("suffix", "a\u200db", "This contains U+200D ZERO WIDTH JOINER"),
        ("metadata", "team=a\u2067b", "This contains U+2067 RIGHT-TO-LEFT ISOLATE"),
        ("metadata", "te\u200bam=a", "This contains U+200B ZERO WIDTH SPACE"),
        ("model", "gpt\u2060-4o", "This contains U+2060 WORD JOINER"),
        ("training_file", "file-\u202eabc", "This contains U+202E"),
    ],
)
def test_an_invisible_character_is_named_at_its_field(field: str, text: str, said: str) -> None:
    problems = wrong(**{field: text})

    assert set(problems) == {field}
    assert said in problems[field]


def test_visible_characters_of_any_script_are_accepted_as_typed() -> None:
    family, persian = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0645\u06cc\u200c\u0631\u0648\u0645"
    creation = read_job_request({**LEAST, "suffix": family, "metadata": f"name={persian}"})

    assert (creation.suffix, creation.metadata) == (family, (("name", persian),))


@pytest.mark.parametrize(
    "around", ["'{}'", '"{}"', "\u201c{}\u201d", "\u00ab{}\u00bb", "`{}`", " {}\u200b", "\ufeff{}"]
)
def test_quotes_and_pasted_formatting_are_ignored_in_a_form(around: str) -> None:
    plain = {**LEAST, "suffix": "search", "seed": "7", "method": "supervised"}
    quoted = {name: around.format(text) for name, text in plain.items() if name != "method"}
    pair = f"{around.format('team')} = {around.format('big vision')}"

    creation = read_job_request({**plain, **quoted, "metadata": f"{pair}\n{around.format('a=b')}"})

    assert creation == read_job_request({**plain, "metadata": "team=big vision\na=b"})
