"""The page ``docs/cards.md``: the card of a job through its life, as its reader has it.

``python -m tests.blocks.cards_page`` writes it; ``make pictures`` takes its screenshots.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.blocks import Message
from bot.blocks.alert import alert
from bot.blocks.card import CardState, card
from bot.blocks.curves import curves_image
from bot.blocks.job import JobLinks
from bot.delivery.charts import Chart, alt_text
from bot.jobs.models import Job
from bot.jobs.progress import Progress
from bot.jobs.results import Curve
from bot.providers.registry import dialect_of
from bot.providers.requests import Requests
from tests.blocks.plain_text import message_text
from tests.blocks.rendered import FAILED, NOW, PERSON, SUCCEEDED, change_from, sample_job
from tests.builders import account

PAGE = Path(__file__).parents[2] / "docs" / "cards.md"
HEAD = """# A job's card, from start to finish

A card is one message that ftjob edits as its job goes on. Beside its chart it has at most six lines of text on a phone,
unless the channel's `settings size` is full. Details, actions and the provider's page are in its menu.

{screenshots}
Each block below is a card as people read it: `[⋯ -> A / B]` is its menu, `[Label -> action = value]` a button, `(small)` a
gray line, `(said)` what a screen reader and a notification say. `python -m tests.blocks.cards_page` writes this page,
`make pictures` takes the screenshots; tests check the page against the code, and each card's lines in a browser.
"""
SCREENSHOT = """<picture>
  <source media="(prefers-color-scheme: dark)" srcset="cards-{width}-dark.png">
  <img src="cards-{width}-light.png" alt="{alt}">
</picture>
"""
WIDTHS = {1440: "in a window 1440 pixels wide", 375: "on a phone, 375 pixels wide"}
"""Widths of the screenshots, and what their alt texts say of them."""
CURVES = "F0CURVES"
CHART = Chart(
    "search · gpt-4o-mini-2024-07-18",
    [
        Curve("training loss", tuple((step, 0.48 + 2 * math.exp(-step / 22)) for step in range(1, 101))),
        Curve("validation loss", tuple((step, 0.55 + 1.9 * math.exp(-step / 20)) for step in range(10, 101, 10))),
    ],
)
"""Curves of the job that succeeded."""
OWNED = {"metadata": {"name": "ranker v7", "slack_user": PERSON}}
PAGES = Requests(dialect_of(account()), account())
Sample = tuple[Job, CardState]


def page() -> str:
    """Return the page."""
    titles = "; ".join(states()).lower()
    screenshots = "\n".join(
        SCREENSHOT.format(width=width, alt=f"Ten cards {where}: {titles}") for width, where in WIDTHS.items()
    )
    parts = [f"\n## {title}\n\n```\n{message_text(each)}\n```\n" for title, each in sections().items()]
    return HEAD.format(screenshots=screenshots) + "".join(parts)


def states() -> dict[str, Sample]:
    """Return a job and what its card shows beside it, for each of the ten states by its title."""
    return {
        "Validating files": (sample_job(status="validating_files"), state()),
        "Queued": (sample_job(status="queued", **OWNED), state()),
        "Running, nothing measured yet": (sample_job(**OWNED), state()),
        "Running, 40 %": (sample_job(hyperparameters={"n_epochs": 3}, **OWNED), state(40)),
        "Paused": (sample_job(status="paused", **OWNED), state(40)),
        "Stalled": (sample_job(**OWNED), state(40, stalled_since=NOW - 9000)),
        "Succeeded, with its curves": (
            sample_job(**SUCCEEDED),
            state(100, curves_image=curves_image(CURVES, alt_text(CHART))),
        ),
        "Failed": (sample_job(**FAILED, **OWNED), state()),
        "Canceled": (sample_job(status="cancelled", finished_at=1_790_000_100), state()),
        "No longer visible": (sample_job(), state(is_missing=True)),
    }


def samples() -> dict[str, Sample]:
    """Return the ten states, and what else a card can show."""
    return states() | {
        "Running, 100 %": (sample_job(), state(100)),
        "Pausing, as Azure says": (sample_job(status="pausing"), state(40)),
        "Unknown status": (sample_job(status="word_of_tomorrow"), state()),
    }


def sections() -> dict[str, Message]:
    """Return what the page shows, by title: every card, a full one, and the result of a job."""
    done = sample_job(**SUCCEEDED)
    return drawn(samples()) | {
        "Full, as `settings size full` has it": draw(sample_job(), state(40), full=True),
        "The last message of the thread, in the channel too": alert(
            change_from(done), done, links(done), person=PERSON
        ),
    }


def state(step: int = 0, **beside: Any) -> CardState:
    """Return what a card shows beside a job that has been in its status for two hours and finished a step; 0: none."""
    points = tuple((n, 2.5 - n / 50) for n in range(1, step + 1))
    progress = Progress(step, 100, NOW, 36.0, points) if step else None
    return CardState(NOW, NOW - 7200, progress, **beside)


def drawn(samples: Mapping[str, Sample]) -> dict[str, Message]:
    """Return the card of each sample."""
    return {title: draw(*sample) for title, sample in samples.items()}


def draw(job: Job, shown: CardState, *, full: bool = False) -> Message:
    """Return the card of a job."""
    return card(job, links(job), shown, person=PERSON, full=full)


def links(job: Job) -> JobLinks:
    return JobLinks(PAGES.job_page(job.id), tracked=True, page_label="Open in OpenAI")


if __name__ == "__main__":
    PAGE.write_text(page())
