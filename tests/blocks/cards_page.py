"""The page ``docs/cards.md``: the card of a job through its life, as its reader has it.

``python -m tests.blocks.cards_page`` writes it anew.
"""

from pathlib import Path

from bot.blocks.alert import alert
from bot.blocks.card import CardState, card
from bot.blocks.curves import curves_image
from bot.blocks.job import JobLinks
from bot.jobs.models import Job
from bot.jobs.progress import Progress
from bot.providers.openai import OpenAI
from tests.blocks.plain_text import message_text
from tests.blocks.rendered import FAILED, NOW, PERSON, SUCCEEDED, change_from, sample_job
from tests.builders import account

PAGE = Path(__file__).parents[2] / "docs" / "cards.md"
HEAD = """# A job's card, from start to finish

Each block is a card as people read it: `[⋯ -> A / B]` is its menu, `[Label -> action = value]` a button, `(small)` a gray
line, `(said)` what a screen reader and a notification say. `python -m tests.blocks.cards_page` writes this page; a test
checks it against the code.
"""
PAGES = OpenAI(account())
CURVES = curves_image("F0CURVES", "training loss 2.5 at step 1 to 0.5 at step 100, lowest 0.48 at step 97")


def page() -> str:
    """Return the page."""
    parts = [f"\n## {title}\n\n```\n{text}\n```\n" for title, text in sections().items()]
    return HEAD + "".join(parts)


def sections() -> dict[str, str]:
    """Return each state of a card by its title."""
    return {
        "Queued": shown(sample_job(status="queued")),
        "Running, nothing measured yet": shown(sample_job()),
        "Running, 40 %": shown(sample_job(metadata={"team": "search", "slack_user": PERSON}), step=40),
        "Running, 100 %": shown(sample_job(), step=100),
        "Succeeded, with its curves": shown(sample_job(**SUCCEEDED), curves=True),
        "Failed": shown(sample_job(**FAILED)),
        "Canceled": shown(sample_job(status="cancelled", finished_at=1_790_000_100)),
        "Paused": shown(sample_job(status="paused"), step=40),
        "Pausing, as Azure says": shown(sample_job(status="pausing"), step=40),
        "A status that nobody knows": shown(sample_job(status="word_of_tomorrow")),
        "No longer visible": shown(sample_job(), is_gone=True),
        "Full, as `settings size full` has it": shown(sample_job(), step=40, is_full=True),
        "The last message of the thread, in the channel too": message_text(
            alert(
                change_from(sample_job(**SUCCEEDED)),
                sample_job(**SUCCEEDED),
                JobLinks(PAGES.job_page("ftjob-abc123"), tracked=True, provider="OpenAI"),
                person=PERSON,
            )
        ),
    }


def shown(drawn: Job, *, step: int = 0, curves: bool = False, is_gone: bool = False, is_full: bool = False) -> str:
    """Return one card as it is read."""
    points = tuple((n, 2.5 - n / 50) for n in range(1, step + 1))
    progress = Progress(step, 100, NOW, 36.0, points) if step else None
    present = CardState(NOW, NOW - 7200, progress, is_gone, curves_image=CURVES if curves else None)
    around = JobLinks(PAGES.job_page(drawn.id), tracked=True, provider="OpenAI")
    return message_text(card(drawn, around, present, person=PERSON, full=is_full))


if __name__ == "__main__":
    PAGE.write_text(page())
