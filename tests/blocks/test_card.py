"""The card of a job: short enough for a phone, whatever its job is called and made of."""

from bot.blocks.card import card
from bot.jobs.models import JobError
from tests.blocks.cards_page import links, state
from tests.blocks.rendered import FAILED, PERSON, SUCCEEDED, sample_job, visible_text

OWNER = "U0MILO"


def facts(name: str) -> str:
    """Return the last line of the card of a running job."""
    job = sample_job(hyperparameters={"n_epochs": 3}, metadata={"slack_user": OWNER, "name": name})
    shown = card(job, links(job), state(40), person=PERSON)
    return str(shown.blocks[0]["text"]["text"].split("\n")[-1])


def test_the_longer_the_name_of_a_job_the_fewer_facts_are_below_it() -> None:
    shown = dict.fromkeys(facts("n" * length) for length in range(1, 51))

    loss, model, epochs, owner = "loss 2.48 → 1.70", "gpt-4o-mini-2024-07-18", "3 epochs", f"<@{OWNER}>"
    assert list(shown) == [
        f"{loss} · {model} · {epochs} · {owner} · tracked by <@{PERSON}>",
        f"{loss} · {model} · {epochs} · {owner}",
        f"{loss} · {owner}",
    ]


def test_a_long_name_in_wide_characters_shows_its_start_and_its_end() -> None:
    wide = "\u8a13"
    job = sample_job(metadata={"name": f"v7 {wide * 50} v8"})

    assert f"*v7 {wide * 13}…{wide * 12} v8* · running" in visible_text(card(job, links(job)))


def test_an_unknown_error_is_cut_where_the_card_is_full() -> None:
    error = JobError(code="odd", message="It is not to be explained in one word. " * 20)
    job = sample_job(**FAILED).model_copy(update={"error": error})

    lines = card(job, links(job), state()).blocks[0]["text"]["text"].split("\n")

    assert lines[1].startswith("odd: It is not to be explained in one word.")
    assert lines[1].endswith("…")
    assert len(lines[1]) < 150


def test_a_model_is_whole_unless_its_name_fills_the_card() -> None:
    usual, long = (f"ft:gpt-4o-mini-2024-07-18:acme-research:{'s' * length}:7q8mpxmy" for length in (32, 300))

    for model, is_whole in ((usual, True), (long, False)):
        job = sample_job(**{**SUCCEEDED, "fine_tuned_model": model})
        shown = visible_text(card(job, links(job), state(), person=PERSON))
        assert (f"`{model}`" in shown) is is_whole
        assert ":7q8mpxmy`" in shown
