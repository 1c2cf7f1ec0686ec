"""Text from jobs and people is data: whatever it holds, nothing of it comes alive and Slack takes the message."""

import re
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.blocks import Message
from bot.blocks.changes import change_label
from bot.blocks.models import FineTunedModel, model_list
from bot.blocks.outbox import UndeliveredRow, card_label, outbox_message
from bot.blocks.parts import bold
from bot.blocks.replies import note_message, problem_message
from bot.commands.error_messages import provider_error
from bot.errors import AccessDenied, NotFound, RateLimited, RequestRejected, Unreachable
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from tests.blocks.rendered import (
    active_markup,
    all_notices,
    as_message,
    home_views,
    invisible_characters,
    markup_texts,
    message_faults,
    messages_about,
)
from tests.deep import max_examples

PIECES = [
    "<!channel>", "<!here>", "<@U0OTHER>", "<!subteam^S1>", "<#C1|x>", "<https://evil.example|platform.openai.com>",
    "<!date^1^{date}|x>", "<", ">", "&", "&amp;", "&lt;", "&#60;", "`", "```", "``", "*", "_", "~", "> quote", "|",
    "\n", "\r\n", "\t", " ", "\x00", "\x1b[2J", "\x85", "\u2028", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff",
    "\u00ad", ":tada:", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301", "\uff1cscript\uff1e", "\u02cb", "…",
    "{0.__class__}", "%s", "ftjob-abc", "http://169.254.169.254/", "@everyone", "\U0010ffff",
]  # fmt: skip
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), min_size=1, max_size=40).map("".join)
anything = st.recursive(hostile | st.integers() | st.none(), lambda inner: st.dictionaries(hostile, inner, max_size=3))
moment = st.floats(min_value=1, max_value=253_402_300_799) | st.none()


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    text = st.none() | hostile
    status = st.sampled_from(["running", "succeeded", "failed", "cancelled"]) | hostile.map(lambda word: word[:40])
    pairs = st.dictionaries(hostile, anything, max_size=4)
    method = st.builds(lambda kind, inner: {"type": kind, kind: {"hyperparameters": inner}}, hostile, pairs)
    names = "model fine_tuned_model object organization_id training_file validation_file".split()
    fields: dict[str, Any] = {name: draw(text) for name in names}
    fields |= {name: draw(moment) for name in ("created_at", "finished_at", "estimated_finish")}
    fields |= {
        "id": draw(hostile)[:200] or "x",
        "status": draw(status),
        "error": draw(st.fixed_dictionaries({"code": text, "message": text, "param": text})),
        "hyperparameters": draw(pairs),
        "metadata": {"name": draw(text), **draw(pairs)},
        "user_provided_suffix": draw(text),
        "method": draw(method),
        "result_files": draw(st.lists(hostile, max_size=7)),
        "integrations": draw(st.lists(pairs, max_size=7)),
        "trained_tokens": draw(st.integers(0, 2**63 - 1)),
    }
    return Job.model_validate(fields)


def assert_harmless(message: Message, name: str = "") -> None:
    for text in markup_texts(message):
        assert active_markup(text) == [], (name, text)
    assert invisible_characters(message) == [], name
    assert message_faults(message) == [], name


@settings(
    max_examples=max_examples(500, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(jobs(), hostile)
def test_nothing_in_a_job_is_interpreted_as_markup_in_any_message(job: Job, reason: str) -> None:
    for name, message in messages_about(job, reason=reason).items():
        assert_harmless(message, name)
    for name, view in home_views(job).items():
        assert_harmless(as_message(view), name)


@settings(deadline=None)
@given(hostile)
def test_a_name_in_bold_ends_where_it_ends_and_formats_nothing(name: str) -> None:
    shown = bold(name)

    assert (shown[0], shown[-1], shown.count("*")) == ("*", "*", 2)
    assert "~" not in shown
    assert "`" not in shown
    assert re.search(r":[\w+'-]+:|(?<![^\W_])_|_(?![^\W_])", shown) is None
    assert shown.count("\u2068") == shown.count("\u2069") <= 1


@settings(deadline=None)
@given(hostile, hostile, st.none() | hostile)
def test_nothing_in_a_notice_is_interpreted_as_markup(about: str, said: str, name: str | None) -> None:
    for kind, message in all_notices(about, said, name).items():
        assert_harmless(message, kind)


@settings(deadline=None)
@given(hostile, st.dates() | st.none())
def test_nothing_in_the_name_of_a_model_is_interpreted_as_markup(model: str, ends: date | None) -> None:
    assert_harmless(
        model_list(
            [FineTunedModel(model, ends, account=model)] * 30,
            checkpoints=7,
            today=date(2026, 11, 26),
            account_label="`x`",
        )
    )


@settings(deadline=None)
@given(hostile, hostile)
def test_nothing_in_an_error_is_interpreted_as_markup(said: str, job_id: str) -> None:
    errors = [
        NotFound(said),
        AccessDenied(said),
        AccessDenied(said, missing_scope=said),
        RequestRejected(said),
        RateLimited(said, retry_after=20),
        Unreachable(said, may_have_executed=True),
    ]
    for error in errors:
        assert_harmless(
            problem_message(provider_error(error, project="project `proj_1`", job_id=job_id)), type(error).__name__
        )


@settings(deadline=None)
@given(hostile, st.none() | hostile, hostile, hostile.filter(lambda place: not place.isalnum()), hostile)
def test_nothing_in_a_dead_letter_is_interpreted_as_markup(
    job_id: str, name: str | None, status: str, place: str, error: str
) -> None:
    changes = [Change(kind, State(status), State(status)) for kind in ChangeKind]
    names = (*(change_label(each, job_id, name) for each in changes), card_label(job_id, name))
    rows = [UndeliveredRow(2**60, what, place, 253_402_300_799, error) for what in names] * 3

    assert_harmless(outbox_message(rows, total=10**12, waiting=10**12, waits_for=1e12, done="Done."))


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["`a b`", "&lt;", "<!date^1^{date_short_pretty} at {time}|1970-01-01 00:00 UTC>", "x", " "]),
        max_size=900,
    )
)
def test_a_long_reply_is_never_cut_inside_its_markup(parts: list[str]) -> None:
    assert_harmless(note_message(" ".join(["so:", *parts])))
