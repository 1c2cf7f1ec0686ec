import pytest

from bot.blocks.action_confirmation import CONFIRM, DISMISS, action_confirmation
from bot.blocks.help import help_message, usage_message
from bot.blocks.replies import labeled_values, note_message, problem_message
from bot.commands.registry import USAGES
from bot.commands.usage import Usage
from bot.jobs.actions import JobAction
from tests.blocks.rendered import KEY, sample_job, visible_text


def test_a_note_has_equal_spoken_and_shown_text() -> None:
    message = note_message("Tracking `ftjob-a` here.")

    assert message.text == visible_text(message) == "Tracking `ftjob-a` here."


def test_a_problem_has_a_reference_to_the_log() -> None:
    message = problem_message("It broke. Try again.", ref="7f3a")

    assert visible_text(message).splitlines() == [":warning: It broke. Try again.", "ref: `7f3a`"]
    assert "ref" not in visible_text(problem_message("It broke. Try again."))


def test_help_has_a_line_for_each_verb() -> None:
    text = visible_text(help_message([(each.syntax, each.description) for each in USAGES.values()]))

    assert len(text) <= 2500
    assert [
        form.syntax
        for form in USAGES.values()
        if f"`/ftjob {form.syntax}`".replace("<", "&lt;").replace(">", "&gt;") not in text
    ] == []


@pytest.mark.parametrize("each", USAGES.values(), ids=lambda each: each.example)
def test_the_usage_of_a_verb_has_its_form_its_use_and_one_example(each: Usage) -> None:
    text = visible_text(usage_message(each.syntax, each.description, each.example))

    assert each.description in text
    assert f"Example: `/ftjob {each.example}`" in text


def test_facts_are_labelled_and_spoken_in_a_row() -> None:
    message = labeled_values("ftjob", [("Version", "`1.0`"), ("Checks every", "30 s")])

    assert message.text == "ftjob: version `1.0`, checks every 30 s."
    assert "*Checks every*\n30 s" in visible_text(message)


def test_the_confirmation_before_a_cancel_names_what_is_at_stake() -> None:
    message = action_confirmation(JobAction.CANCEL, sample_job(trained_tokens=1234), KEY, now=1_790_008_040)
    text = visible_text(message)

    assert message.text == "Cancel ftjob-abc123? It is running. This can't be undone."
    for part in ("*ftjob-abc123*", "`gpt-4o-mini-2024-07-18`", "2 h 14 min ago", "1,234", "can't be undone", "billed"):
        assert part in text


def test_the_confirmation_has_one_red_button_and_it_holds_the_key_alone() -> None:
    buttons = [
        element
        for block in action_confirmation(JobAction.CANCEL, sample_job(), KEY, now=0).blocks
        for element in block.get("elements", [])
    ]

    assert [(each["action_id"], each["value"], each.get("style")) for each in buttons if each["type"] == "button"] == [
        (CONFIRM, KEY, "danger"),
        (DISMISS, "cancel", None),
    ]


def test_a_job_with_a_future_timestamp_was_created_just_now() -> None:
    assert "0 s ago" in visible_text(action_confirmation(JobAction.CANCEL, sample_job(), KEY, now=1))
