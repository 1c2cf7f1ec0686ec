from dataclasses import replace

import pytest

from bot.blocks.changes import (
    WORDINGS,
    change_advice,
    change_brief,
    change_headline,
    change_label,
    change_line,
    change_sentence,
)
from bot.jobs.changes import ChangeKind
from tests.blocks.rendered import change_from, sample_job


def test_the_table_has_a_wording_for_every_kind_of_change() -> None:
    assert set(WORDINGS) == set(ChangeKind)


@pytest.mark.parametrize("kind", ChangeKind)
def test_every_template_is_filled_in(kind: ChangeKind) -> None:
    job = sample_job()
    change = change_from(job, kind)
    texts = [
        *(change_headline(change, job, in_thread=each) for each in (True, False)),
        change_sentence(change, job, None),
        change_line(change, job),
        change_brief(change),
        change_label(change, job.id, None),
        change_label(change, job.id, "ranker v7"),
    ]

    assert all(texts)
    assert not [text for text in [*texts, change_advice(change, job)] if "{" in text]


def test_how_long_a_job_was_stalled_is_not_said_of_one_that_ended() -> None:
    ended = sample_job(status="cancelled", finished_at=1_790_000_000)
    said = change_sentence(replace(change_from(ended), stalled_for=25_200.0), ended, None)

    assert said.startswith(f"{ended.id} was canceled after ")
    assert "stuck" not in said
