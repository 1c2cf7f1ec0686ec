from typing import Any

import pytest

from bot.blocks import Message
from bot.blocks.action_confirmation import CONFIRM, DISMISS, action_confirmation
from bot.blocks.card import CardState
from bot.blocks.help import help_message, usage_message
from bot.blocks.job import JobLinks
from bot.blocks.replies import labeled_values, note_message, problem_message
from bot.commands.registry import USAGES
from bot.commands.usage import Usage
from bot.jobs.actions import JobAction
from bot.jobs.progress import Progress
from tests.blocks.rendered import KEY, NOW, sample_job, visible_text


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
    message = labeled_values("ftjob", [("Version", "`1.0`"), ("Check interval", "30 s")])

    assert message.text == "ftjob · Version: `1.0` · Check interval: 30 s."
    assert "*Check interval*\n30 s" in visible_text(message)


def confirmation(action: JobAction, state: CardState, *, price: float | None = None, **fields: Any) -> Message:
    return action_confirmation(action, sample_job(**fields), JobLinks(None, price=price), state, key=KEY)


def test_the_confirmation_before_a_cancel_names_what_is_at_stake() -> None:
    progress = Progress(120, 300, NOW, 36.0, ())
    message = confirmation(JobAction.CANCEL, CardState(NOW, NOW - 2460, progress), price=3.0, trained_tokens=2_333_333)

    assert visible_text(message).splitlines()[0] == (
        "Cancel *ftjob-abc123*? It's been running for 41 min (step 120 of 300, about $7.00 so far). This can't be undone, "
        "and you may be billed for the work so far."
    )
    assert message.text.endswith("about $7.00 so far). This can't be undone.")
    assert "gpt-4o-mini-2024-07-18 · Only you can confirm" in visible_text(message)


@pytest.mark.parametrize(
    ("action", "status", "said"),
    [
        (JobAction.CANCEL, "queued", "It's been queued for 1 min."),
        (JobAction.RESUME, "paused", "It's been paused for 1 min."),
        (JobAction.CANCEL, "word_of_tomorrow", "It has the status \u201cword of tomorrow\u201d."),
    ],
)
def test_a_confirmation_says_since_when_a_job_has_its_status(action: JobAction, status: str, said: str) -> None:
    assert said in visible_text(confirmation(action, CardState(NOW, NOW - 60), status=status))


def test_a_confirmation_of_a_job_that_nobody_tracks_says_its_status() -> None:
    assert "*ftjob-abc123*? It's running (created 2 h 46 min ago). This can't" in visible_text(
        confirmation(JobAction.CANCEL, CardState(NOW))
    )


def test_the_confirmation_has_one_red_button_and_it_holds_the_key_alone() -> None:
    buttons = [
        element
        for block in confirmation(JobAction.CANCEL, CardState(NOW)).blocks
        for element in block.get("elements", [])
    ]

    assert [(each["action_id"], each["value"], each.get("style")) for each in buttons if each["type"] == "button"] == [
        (CONFIRM, KEY, "danger"),
        (DISMISS, "cancel", None),
    ]
