"""What becomes of a delivery: the table of RELIABILITY 0b, sorted by "could the message be in the channel?"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.policy import LONGEST_BACKOFF, MOST_UNKNOWN, Verdict, decide
from bot.net.retry_after import LONGEST_PAUSE, SHORTEST_PAUSE
from bot.slack.errors import (
    CHANNEL_CLOSED,
    MAYBE_POSTED,
    OUR_FAULT,
    RATE_LIMITED,
    REFUSED_FOR_NOW,
    THREAD_GONE,
    WORKSPACE_CLOSED,
)
from bot.slack.messages import Answer
from bot.slack.timeouts import PACE, PATIENCE
from bot.store.outbox.queue import LONGEST_WAIT

SETS = [CHANNEL_CLOSED, WORKSPACE_CLOSED, OUR_FAULT, REFUSED_FOR_NOW, RATE_LIMITED, MAYBE_POSTED, THREAD_GONE]
KNOWN = sorted({"unreachable"}.union(*SETS))
TS = "1790000000.000100"


def after(answer: Answer, attempts: int = 1, *, was_plain: bool = False, luck: float = 0.0) -> Verdict:
    return decide(answer, attempts, was_plain=was_plain, luck=luck)


ROWS = {
    # ok with a ts: done
    "posted": (Answer(ts=TS, channel="C1"), Verdict("sent")),
    # ok without a ts or with the wrong channel, bytes sent and no answer, 5xx: it may be there, look before sending
    "no ts": (Answer(error="broken_answer", maybe_posted=True), Verdict("ambiguous", wait=PATIENCE.settle)),
    "timeout": (Answer(error="timeout", maybe_posted=True), Verdict("ambiguous", wait=PATIENCE.settle)),
    "http 503": (Answer(error="http_503", maybe_posted=True), Verdict("ambiguous", wait=PATIENCE.settle)),
    "cut": (Answer(error="cut", maybe_posted=True), Verdict("ambiguous", wait=PATIENCE.settle)),
    # "some aspect of the operation may have succeeded"
    "internal_error": (Answer(error="internal_error"), Verdict("ambiguous", wait=PATIENCE.settle)),
    "fatal_error": (Answer(error="fatal_error"), Verdict("ambiguous", wait=PATIENCE.settle)),
    # refused before any byte was sent, or refused for now: again, with backoff
    "unreachable": (Answer(error="unreachable"), Verdict("pending", wait=0.5)),
    "request_timeout": (Answer(error="request_timeout"), Verdict("pending", wait=0.5)),
    "service_unavailable": (Answer(error="service_unavailable"), Verdict("pending", wait=0.5)),
    "team_added_to_org": (Answer(error="team_added_to_org"), Verdict("pending", wait=0.5)),
    "org_login_required": (Answer(error="org_login_required"), Verdict("pending", wait=0.5)),
    # rate limited: as long as Slack says, and nothing more to this channel until then
    "ratelimited": (Answer(error="ratelimited", retry_after=30), Verdict("pending", wait=30, channel_wait=30)),
    "rate_limited": (Answer(error="rate_limited", retry_after=30), Verdict("pending", wait=30, channel_wait=30)),
    "message_limit_exceeded": (Answer(error="message_limit_exceeded"), Verdict("pending", wait=1, channel_wait=1)),
    # the channel does not take it: parked, never dropped
    **{word: (Answer(error=word), Verdict("parked")) for word in sorted(CHANNEL_CLOSED)},
    # the thread is gone: at once, as a message of its own
    **{word: (Answer(error=word), Verdict("pending")) for word in sorted(THREAD_GONE)},
    # the installation is broken: probe once a minute, by itself, until it works
    **{word: (Answer(error=word), Verdict("pending", wait=60, channel_wait=60)) for word in sorted(WORKSPACE_CLOSED)},
    # our fault: at once, as plain text
    **{word: (Answer(error=word), Verdict("pending")) for word in sorted(OUR_FAULT)},
    # a word that we do not know may mean anything: look first, then a few times more
    "unknown": (Answer(error="word_of_tomorrow"), Verdict("ambiguous", wait=PATIENCE.settle)),
    "nothing": (Answer(), Verdict("ambiguous", wait=PATIENCE.settle)),
    # it could not even be drawn: a few times more
    "not_drawn": (Answer(error="not_drawn"), Verdict("pending", wait=0.5)),
}


@pytest.mark.parametrize(("answer", "expected"), ROWS.values(), ids=ROWS.keys())
def test_the_first_attempt_ends_as_the_table_says(answer: Answer, expected: Verdict) -> None:
    assert after(answer) == expected


def test_the_table_names_every_word_of_slack() -> None:
    named = """
        ratelimited rate_limited message_limit_exceeded internal_error fatal_error request_timeout service_unavailable
        team_added_to_org org_login_required channel_not_found is_archived not_in_channel no_permission
        restricted_action messages_tab_disabled cannot_reply_to_message ekm_access_denied thread_not_found token_revoked
        account_inactive invalid_auth not_authed token_expired app_uninstalled missing_scope not_allowed_token_type
        team_access_not_granted accesslimited access_denied msg_too_long msg_blocks_too_long too_many_attachments
        invalid_blocks invalid_arguments metadata_too_large invalid_metadata_format invalid_metadata_schema no_text
    """
    assert set(named.split()) - set(KNOWN) == set()


def test_no_word_is_in_two_classes() -> None:
    assert sum(map(len, SETS)) == len(frozenset().union(*SETS))


@pytest.mark.parametrize("word", sorted(OUR_FAULT))
def test_what_slack_refuses_even_as_plain_text_is_dead(word: str) -> None:
    assert after(Answer(error=word), 2, was_plain=True).outcome == "dead"


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [(1, "ambiguous"), (2, "pending"), (MOST_UNKNOWN, "pending"), (6, "dead"), (99, "dead")],
)
def test_a_word_that_we_do_not_know_is_given_up_in_the_end(attempts: int, outcome: str) -> None:
    assert after(Answer(error="word_of_tomorrow"), attempts).outcome == outcome


@pytest.mark.parametrize(
    ("attempts", "luck", "wait"),
    [(1, 0, 0.5), (1, 1, 1), (2, 1, 2), (3, 1, 4), (6, 1, 32), (7, 1, 60), (7, 0, 30), (50, 1, 60), (5000, 1, 60)],
)
def test_an_unreachable_slack_is_asked_ever_more_seldom(attempts: int, luck: float, wait: float) -> None:
    assert after(Answer(error="unreachable"), attempts, luck=luck) == Verdict("pending", wait=wait)


@pytest.mark.parametrize(
    ("asked", "luck", "expected"),
    [
        (None, 0, 1),
        (0, 0, 1),
        (-5, 0, 1),
        (0.2, 0, 1),
        (30, 0, 30),
        (30, 1, 33),
        (300, 0, 300),
        (86400, 0, 300),
        (86400, 1, 300),
        (299, 1, 300),
        (280, 0.5, 294),
    ],
)
def test_a_pause_that_slack_asks_for_is_kept_between_bounds(asked: float | None, luck: float, expected: float) -> None:
    verdict = after(Answer(error="ratelimited", retry_after=asked), luck=luck)

    assert verdict.wait == verdict.channel_wait == pytest.approx(expected)


answers = st.builds(
    Answer,
    ts=st.none() | st.just(TS),
    error=st.none() | st.sampled_from(KNOWN) | st.text(max_size=20),
    maybe_posted=st.booleans(),
    retry_after=st.none() | st.floats(-1e9, 1e9),
)


@given(answer=answers, attempts=st.integers(1, 100_000), was_plain=st.booleans(), luck=st.floats(0, 1))
def test_whatever_slack_answers_the_verdict_is_sane(
    *, answer: Answer, attempts: int, was_plain: bool, luck: float
) -> None:
    verdict = decide(answer, attempts, was_plain=was_plain, luck=luck)

    assert (verdict.outcome == "sent") is bool(answer.ts)
    assert 0 <= verdict.wait <= LONGEST_PAUSE
    assert PACE <= verdict.channel_wait <= LONGEST_PAUSE
    if verdict.outcome == "dead":
        assert (was_plain and answer.error in OUR_FAULT) or (attempts > MOST_UNKNOWN and answer.error not in KNOWN)
    assert (verdict.outcome == "parked") is (
        answer.error in CHANNEL_CLOSED and not answer.ts and not answer.maybe_posted
    )


@given(answers, st.floats(0, 1))
def test_nothing_dies_on_its_first_attempt(answer: Answer, luck: float) -> None:
    assert decide(answer, 1, was_plain=False, luck=luck).outcome != "dead"


@given(
    answer=answers.filter(lambda answer: answer.maybe_posted and not answer.ts),
    attempts=st.integers(1, 50),
    was_plain=st.booleans(),
)
def test_what_may_have_arrived_is_never_simply_sent_again(*, answer: Answer, attempts: int, was_plain: bool) -> None:
    assert decide(answer, attempts, was_plain=was_plain, luck=0.5).outcome == "ambiguous"


@given(st.floats(-1e6, 1e6), st.floats(0, 1))
def test_slack_is_never_asked_before_the_pause_it_wanted(asked: float, luck: float) -> None:
    wait = after(Answer(error="ratelimited", retry_after=asked), luck=luck).wait

    assert wait >= min(max(SHORTEST_PAUSE, asked), LONGEST_PAUSE)


@given(st.sampled_from(KNOWN), st.integers(1, 10_000), st.floats(0.01, 1))
def test_only_a_limited_or_closed_workspace_holds_up_the_rest_of_a_channel(
    word: str, attempts: int, luck: float
) -> None:
    holds_up = decide(Answer(error=word), attempts, was_plain=False, luck=luck).channel_wait > PACE

    assert holds_up is (word in WORKSPACE_CLOSED | RATE_LIMITED)


def test_backoff_never_grows_beyond_a_minute() -> None:
    waits = [after(Answer(error="unreachable"), attempts, luck=1).wait for attempts in range(1, 3000)]

    assert max(waits) == LONGEST_BACKOFF
    assert waits == sorted(waits)


@pytest.mark.parametrize("word", [*KNOWN, "", "word_of_tomorrow", "not_drawn"])
@pytest.mark.parametrize("attempts", [1, 2, 6, 3000])
def test_nothing_waits_longer_than_what_counts_as_over_after_the_clock_was_set_back(word: str, attempts: int) -> None:
    for asked in (None, 1.0, 10_000.0):
        verdict = decide(Answer(error=word, retry_after=asked), attempts, was_plain=False, luck=1)
        longest = LONGEST_PAUSE if word in RATE_LIMITED else LONGEST_WAIT
        assert max(verdict.wait, verdict.channel_wait) <= longest
