from typing import Any

import pytest

from bot.blocks.card import CardState, card
from bot.blocks.job import MENU, JobLinks, failure_text, job_sentence, status_emoji, status_label, status_phrase
from bot.blocks.status import status_message
from bot.jobs.actions import JobAction
from bot.jobs.models import Job, JobError
from bot.jobs.statuses import Phase, phase_of
from tests.blocks.rendered import FAILED, FULL, NOW, SUCCEEDED, sample_job, visible_text

PAGE = "https://platform.openai.com/finetune/ftjob-abc123"
LINKS = JobLinks(PAGE, page_label="Open in OpenAI")
SHOWN_AS = {
    "id": "`ftjob-abc123`",
    "object": "*Object*\n`fine_tuning.job`",
    "created_at": "*Created*\n<!date^1790000000^{date_short_pretty} at {time}|2026-09-21 14:13 UTC>",
    "finished_at": "*Finished*\n<!date^1790008040^{date_short_pretty} at {time}|2026-09-21 16:27 UTC>",
    "error": "code: odd_code\nmessage: Odd, but it happens.\nparam: odd_param",
    "fine_tuned_model": "\n`ft:gpt-4o-mini-2024-07-18:acme:search:7q8mpxmy`\n",
    "hyperparameters": "*Hyperparameters*\nn_epochs: `4`\nbatch_size: `auto`",
    "model": "\ngpt-4o-mini-2024-07-18 · 4 epochs",
    "organization_id": "*Organization*\n`org-123`",
    "result_files": "*Result files*\n`file-result1`",
    "status": ":white_check_mark: *search* · succeeded in 2 h 14 min ·",
    "trained_tokens": " · 5.77 M tokens",
    "training_file": "*Training file*\n`file-abc123`",
    "validation_file": "*Validation file*\n`file-val123`",
    "integrations": '*Integrations*\n`{"type": "wandb", "wandb": {"project": "search"}}`',
    "seed": "*Seed*\n42",
    "metadata": "*Metadata*\nteam: `search`\nticket: `ML-7`",
    "method": "*Method*\n`dpo`\n*Method settings*\nbeta: `0.1`",
    "fraction_done": "*Progress*\n75%",
    "cost": " · about $12",
    "estimated_finish": "*Estimated finish*\n<!date^1790009000^{date_short_pretty} at {time}|2026-09-21 16:43 UTC>",
    "url": "*Page*\n`https://wandb.ai/acme/runs/1`",
    "run_number": "*Run*\n2",
    "silent_since": "*Last heartbeat*\n<!date^1790007000^{date_short_pretty} at {time}|2026-09-21 16:10 UTC>",
}
"""What a person reads of each property of the reference class, and of those that other APIs add."""


def drawn_status(**fields: Any) -> str:
    return visible_text(status_message(sample_job(**fields), LINKS, CardState(NOW)))


def test_the_list_of_properties_is_the_whole_model() -> None:
    assert len(SHOWN_AS) == 18 + 6
    assert SHOWN_AS.keys() == Job.model_fields.keys()


@pytest.mark.parametrize(("name", "expected"), SHOWN_AS.items(), ids=SHOWN_AS.keys())
def test_status_shows_every_property_that_has_a_value(name: str, expected: str) -> None:
    assert expected in drawn_status(**FULL)
    if name not in ("id", "status"):
        assert expected not in drawn_status(**{**FULL, name: None})


def test_status_shows_nothing_of_what_has_no_value() -> None:
    text = drawn_status(seed=None, metadata={}, method=None, result_files=[], integrations=None, error={}, object=None)

    labels = [line for line in text.splitlines() if line.startswith("*")]
    assert labels == ["*Created*", "*Training file*"]


def test_a_seed_of_zero_and_no_trained_tokens_are_values() -> None:
    text = drawn_status(seed=0, trained_tokens=0)

    assert "*Seed*\n0" in text
    assert " · 0 tokens" in text


def test_what_does_not_fit_is_counted() -> None:
    text = drawn_status(
        result_files=[f"file-{n}" for n in range(8)],
        metadata={f"key{n}": "v" for n in range(20)},
    )

    assert "`file-4` and 3 more" in text
    assert "key15: `v` and 4 more" in text


def test_all_sixteen_pairs_of_the_longest_metadata_have_a_line() -> None:
    text = drawn_status(metadata={f"key{n:02}" + "k" * 59: f"value{n:02}" + "<" * 505 for n in range(16)})

    assert [n for n in range(16) if f"key{n:02}" not in text or f"`value{n:02}" not in text] == []


@pytest.mark.parametrize(
    ("said", "phase", "words"),
    [
        ("validating_files", Phase.WAITING, "is validating files"),
        ("queued", Phase.WAITING, "is queued"),
        ("created", Phase.WAITING, "is waiting to start"),
        ("running", Phase.ACTIVE, "is running"),
        ("cancel_requested", Phase.ACTIVE, "is being canceled"),
        ("paused", Phase.HELD, "is paused"),
        ("succeeded", Phase.SUCCEEDED, "succeeded"),
        ("completed", Phase.SUCCEEDED, "succeeded"),
        ("SUCCESS", Phase.SUCCEEDED, "succeeded"),
        ("failed", Phase.FAILED, "failed"),
        ("error", Phase.FAILED, "failed"),
        ("user_error", Phase.FAILED, "failed (user error)"),
        ("failed_validation", Phase.FAILED, "failed validation"),
        ("expired", Phase.FAILED, "failed (expired)"),
        ("cancelled", Phase.CANCELLED, "was canceled"),
        ("canceled", Phase.CANCELLED, "was canceled"),
        ("deleted", Phase.CANCELLED, "was canceled (deleted)"),
        ("sleeping", Phase.UNKNOWN, "is sleeping"),
        ("half_done", Phase.UNKNOWN, "has the status “half done”"),
        ("\u200b", Phase.UNKNOWN, "has the status “unknown”"),
    ],
)
def test_a_status_is_in_plain_words(said: str, phase: Phase, words: str) -> None:
    assert phase_of(said) is phase
    assert status_phrase(said) == words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("validating_files", ":mag: Validating files"),
        ("queued", ":hourglass_flowing_sand: Queued"),
        ("running", ":gear: Running"),
        ("paused", ":double_vertical_bar: Paused"),
        ("succeeded", ":white_check_mark: Succeeded"),
        ("failed", ":x: Failed"),
        ("cancelled", ":no_entry_sign: Canceled"),
        ("word_of_tomorrow", ":grey_question: Word of tomorrow"),
    ],
)
def test_a_status_is_a_word_beside_its_emoji(said: str, expected: str) -> None:
    assert f"{status_emoji(said)} {status_label(said)}" == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "ftjob-abc123 is running."),
        ({"metadata": {"name": "ranker v7"}}, "ranker v7 is running."),
        (SUCCEEDED, "search succeeded in 2 h 14 min: ft:gpt-4o-mini-2024-07-18:acme:search:7q8mpxmy"),
        (
            FAILED,
            "ftjob-abc123 failed after 7 s: invalid_training_file: The job failed due to an invalid training file.",
        ),
        ({"status": "cancelled", "created_at": 0}, "ftjob-abc123 was canceled."),
    ],
)
def test_a_job_is_one_sentence(fields: dict[str, Any], expected: str) -> None:
    assert job_sentence(sample_job(**fields)) == expected


@pytest.mark.parametrize(
    ("error", "reason", "expected"),
    [
        (None, None, None),
        (None, "from the log", "from the log"),
        (JobError(code="c", message="m", param="p"), "from the log", "code: c\nmessage: m\nparam: p"),
        (JobError(message="m"), None, "message: m"),
        (JobError(), "from the log", "from the log"),
    ],
)
def test_the_reason_of_a_failure_is_in_the_providers_words(
    error: JobError | None, reason: str | None, expected: str | None
) -> None:
    assert failure_text(error, reason) == expected


def menu_of(fields: dict[str, Any], around: JobLinks) -> list[str]:
    """Return the values of the options of a card's menu, without the job's id."""
    menu = card(sample_job(**fields), around).blocks[0]["accessory"]
    assert (menu["type"], menu["action_id"]) == ("overflow", MENU)
    return [option["value"].removesuffix(" ftjob-abc123") for option in menu["options"]]


@pytest.mark.parametrize(
    ("fields", "tracked", "can_cancel", "expected"),
    [
        ({}, False, True, ["ftjob_details", "ftjob_open_page", "ftjob_pause", "ftjob_cancel", "ftjob_track"]),
        ({}, True, True, ["ftjob_details", "ftjob_open_page", "ftjob_pause", "ftjob_cancel", "ftjob_untrack"]),
        ({}, True, False, ["ftjob_details", "ftjob_open_page", "ftjob_untrack"]),
        (SUCCEEDED, True, True, ["ftjob_details", "ftjob_open_page", "ftjob_untrack"]),
        (
            {"status": "paused"},
            False,
            True,
            ["ftjob_details", "ftjob_open_page", "ftjob_resume", "ftjob_cancel", "ftjob_track"],
        ),
        (
            {"status": "odd"},
            False,
            True,
            ["ftjob_details", "ftjob_open_page", "ftjob_pause", "ftjob_cancel", "ftjob_track"],
        ),
    ],
)
def test_a_card_offers_what_can_be_done(
    fields: dict[str, Any], *, tracked: bool, can_cancel: bool, expected: list[str]
) -> None:
    around = JobLinks(
        "https://platform.openai.com/finetune/x",
        tracked=tracked,
        actions=frozenset(JobAction) if can_cancel else frozenset(),
    )

    assert menu_of(fields, around) == expected


def test_the_menu_of_a_card_opens_the_providers_page() -> None:
    options = card(sample_job(), LINKS).blocks[0]["accessory"]["options"]

    assert [(each["text"]["text"], each["url"]) for each in options if "url" in each] == [("Open in OpenAI", PAGE)]


def test_metadata_that_is_shown_elsewhere_is_not_repeated() -> None:
    text = drawn_status(
        metadata={"name": "ranker v7", "slack_user": "U0OLIVIA", "ftjob_request": "r1", "team": "search"}
    )

    assert "*Metadata*\nteam: `search`" in text
    assert " · <@U0OLIVIA>\n" in text
    assert text.count("ranker v7") == 1
    assert "r1" not in text
