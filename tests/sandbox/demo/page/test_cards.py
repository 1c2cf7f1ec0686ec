"""Cards on a phone: each is short, whatever its job is called and made of."""

from dataclasses import replace

from bot.blocks import Message
from bot.blocks.card import CardState, card
from bot.jobs.models import Job, JobError
from bot.providers.dialects import azure
from tests.blocks.cards_page import OWNED, drawn, links, samples, state
from tests.blocks.rendered import PERSON, SUCCEEDED, sample_job, visible_text
from tests.sandbox.demo.page.browser_session import NARROW, BrowserSession
from tests.sandbox.demo.page.shown_cards import count_lines

MOST_LINES = 6
LONG_NAMES = {
    "words": "customer support intents, second attempt with the cleaned data of May " * 3,
    "one word": "n" * 200,
    "wide letters": "\u8a13\u7df4" * 100,
    "emoji": "\U0001f680" * 200,
    "right to left": "\u05d0\u05d1\u05d2 " * 50,
}
MODEL = "meta-llama-" + "m" * 53
LONG_FIELDS = {
    "model": MODEL,
    "trained_tokens": 999_000_000,
    "hyperparameters": {"n_epochs": 100},
    "error": JobError(code="c" * 200, message="It is not to be explained in one word. " * 20, param="p" * 200),
}


def longest_card(job: Job, state: CardState, name: str) -> Message:
    """Return a job's card with the longest text wherever the API or a person chooses it."""
    metadata = {"name": name, "slack_user": "olivia.of.the.long.name@" * 8}
    model = f"ft:{MODEL}:organization-of-many:{'s' * 64}:7q8mpxmy" if job.fine_tuned_model else None
    long = job.model_copy(update={**LONG_FIELDS, "metadata": metadata, "fine_tuned_model": model})
    progress = state.progress and replace(state.progress, step=1_999_999, steps=2_000_000)
    around = replace(links(long), account="a" * 32, price=25.0)
    return card(long, around, replace(state, progress=progress), person=PERSON)


def azure_card() -> Message:
    """Return the card of a job on Azure that succeeded: its model has a long name, and a hint below it."""
    model = f"gpt-4o-mini-2024-07-18.ft-{'0123456789abcdef' * 2}-ranker"
    done = sample_job(**{**SUCCEEDED, **OWNED, "fine_tuned_model": model})
    shown = card(done, replace(links(done), model_hint=azure.DIALECT.hint), state(), person=PERSON)
    assert f"`{model}`" in visible_text(shown), "it can be copied"
    return shown


async def test_no_card_has_more_than_six_lines_on_a_phone(session: BrowserSession) -> None:
    await session.tab.set_viewport_size(NARROW)
    longest = {
        f"{title}, name of {kind}": longest_card(*sample, name[:200])
        for title, sample in samples().items()
        for kind, name in LONG_NAMES.items()
    }

    lines = await count_lines(session, {**drawn(samples()), **longest, "Succeeded on Azure": azure_card()})

    assert min(lines.values()) > 1, "name and facts are on lines of their own"
    assert {title: count for title, count in lines.items() if count > MOST_LINES} == {}
