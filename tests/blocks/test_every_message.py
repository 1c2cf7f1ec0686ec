import pytest

from bot.blocks.help import help_message, usage_message
from bot.blocks.job_list import job_list
from bot.blocks.parts import Message
from bot.blocks.replies import labeled_values, note_message, problem_message
from bot.blocks.tracked_list import tracked_list
from bot.commands.registry import USAGES
from bot.jobs.models import Job
from tests.blocks.rendered import (
    FAILED,
    FULL,
    SUCCEEDED,
    all_notices,
    examples,
    home_views,
    message_faults,
    messages_about,
    sample_job,
    view_faults,
)

STATUSES = (
    "validating_files queued running paused succeeded failed cancelled pausing resuming expired deleted "
    "some_word_of_tomorrow"
).split()
MARKUP = "<!channel> & `code` *bold* <https://evil.example|platform.openai.com> "


def markup(length: int) -> str:
    return (MARKUP * (length // len(MARKUP) + 1))[:length]


LONGEST_JOB = sample_job(
    id=markup(200),
    status="<!channel>&<!here>&<@U1>&<!everyone>&&&&"[:40],
    model=markup(300),
    fine_tuned_model=f"ft:gpt-4o-mini-2024-07-18:{markup(64)}:{'s' * 64}:7q8mpxmy",
    finished_at=1_790_008_040,
    error={"code": markup(200), "message": markup(4096), "param": markup(200)},
    hyperparameters={markup(64) + str(n): markup(512) for n in range(40)},
    organization_id=markup(300),
    result_files=[markup(200)] * 30,
    trained_tokens=2**63 - 1,
    training_file=markup(300),
    validation_file=markup(300),
    integrations=[{"type": "wandb", "wandb": {"project": markup(300), "tags": [markup(100)] * 9}}] * 5,
    seed=2**63 - 1,
    metadata={"name": markup(200)} | {markup(62) + f"{n:02}": markup(512) for n in range(15)},
    method={"type": "dpo", "dpo": {"hyperparameters": {markup(64) + str(n): markup(512) for n in range(40)}}},
    estimated_finish=1_790_009_000,
)
LONGEST_FAILED = LONGEST_JOB.model_copy(update={"status": "failed"})
LONGEST_SUCCEEDED = LONGEST_JOB.model_copy(update={"status": "succeeded"})


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("fields", [{}, SUCCEEDED, FAILED, FULL], ids=["bare", "succeeded", "failed", "full"])
def test_slack_accepts_every_message_of_a_job_in_every_state(status: str, fields: dict[str, object]) -> None:
    for name, message in messages_about(sample_job(**{**fields, "status": status})).items():
        assert message_faults(message) == [], name


def test_the_contract_has_twenty_three_example_jobs() -> None:
    assert len(examples()) == 23


@pytest.mark.parametrize("example", examples().values(), ids=examples().keys())
def test_slack_accepts_every_message_of_every_example_job(example: Job) -> None:
    for name, message in messages_about(example).items():
        assert message_faults(message) == [], name


@pytest.mark.parametrize("longest", [LONGEST_JOB, LONGEST_FAILED, LONGEST_SUCCEEDED], ids=lambda job: job.status[:9])
def test_slack_accepts_the_longest_messages(longest: Job) -> None:
    for name, message in messages_about(longest, reason=markup(4096), rows=500).items():
        assert message_faults(message) == [], name
        assert len(message.blocks) <= 50, name
    for name, view in home_views(longest, rows=500).items():
        assert view_faults(view) == [], name


def test_slack_accepts_the_longest_notices() -> None:
    for longest in (None, markup(200), "&" * 200):
        for kind, message in all_notices(markup(300), markup(4096), longest).items():
            assert message_faults(message) == [], kind


def test_slack_accepts_a_list_with_the_longest_title() -> None:
    title = "The newest jobs" + "".join(f" · {'k' * 64}={'&lt;' * 16}" for _ in range(16))

    assert (
        message_faults(job_list([LONGEST_JOB] * 25, title=title, empty="None.", older="list all 10 after:ftjob-abc123"))
        == []
    )


def test_slack_accepts_lists_without_rows() -> None:
    assert message_faults(job_list([], title="The newest jobs", empty="No jobs yet.")) == []
    assert message_faults(tracked_list([], subscribed=False)) == []
    assert message_faults(tracked_list([], subscribed=True)) == []


@pytest.mark.parametrize(
    "message",
    [
        help_message([(each.syntax, each.description) for each in USAGES.values()]),
        *(usage_message(each.syntax, each.description, each.example) for each in USAGES.values()),
        labeled_values("ftjob", [(f"Label {n}", "`value`" * 300) for n in range(10)][:3]),
        note_message("Tracking `ftjob-abc123` here."),
        note_message("`&lt;ftjob&gt;` " * 1000),
        problem_message("It did not work. Try again.", ref="7f3a"),
        problem_message("It did not work &amp; never will. " * 500, ref="7f3a"),
    ],
    ids=lambda message: message.text[:30],
)
def test_slack_accepts_every_short_reply(message: Message) -> None:
    assert message_faults(message) == []


def test_top_level_texts_have_no_date_that_only_a_client_can_format() -> None:
    messages = [
        *messages_about(sample_job(**FULL)).values(),
        note_message("It ended <!date^1790000000^{date} at {time}|2026-09-21 13:33 UTC>."),
    ]

    assert [message.text for message in messages if "<!date" in message.text] == []
    assert messages[-1].text == "It ended 2026-09-21 13:33 UTC."


def test_every_button_says_what_it_does_and_to_which_job() -> None:
    pictured = {
        name: message
        for name, message in messages_about(sample_job(), rows=500).items()
        if name not in ("outbox", "settings", "subscribed", "subscriptions", "audit")
    }
    buttons = [
        element
        for message in pictured.values()
        for block in message.blocks
        for element in [*block.get("elements", []), block.get("accessory")]
        if element and element.get("type") == "button"
    ]

    assert len(buttons) > 20
    labels = [button["accessibility_label"] for button in buttons]
    assert {label for label in labels if "ftjob-abc123" not in label} == {"Show older jobs", "Show more tracked jobs"}
