"""Retry policy of a delivery, as a table: could the message be in the channel?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.policy import MAX_BACKOFF, MAX_UNKNOWN_ERRORS, RetryDecision, classify
from bot.net.retry_after import MAX_PAUSE, MIN_PAUSE
from bot.slack.errors import (
    AUTH_ERRORS,
    CHANNEL_CLOSED,
    INVALID_CONTENT,
    MAYBE_POSTED,
    RATE_LIMITED,
    TEMPORARY_ERRORS,
    THREAD_UNAVAILABLE,
)
from bot.slack.messages import PostResult
from bot.slack.timeouts import CHANNEL_INTERVAL, DELIVERY_TIMEOUTS
from bot.store.outbox.queue import MAX_WAIT

SETS = [CHANNEL_CLOSED, AUTH_ERRORS, INVALID_CONTENT, TEMPORARY_ERRORS, RATE_LIMITED, MAYBE_POSTED, THREAD_UNAVAILABLE]
KNOWN = sorted({"unreachable"}.union(*SETS))
TS = "1790000000.000100"


def after(answer: PostResult, attempts: int = 1, *, was_plain: bool = False, jitter: float = 0.0) -> RetryDecision:
    return classify(answer, attempts, was_plain=was_plain, jitter=jitter)


ROWS = {
    # ok with a ts: done
    "posted": (PostResult(ts=TS, channel="C1"), RetryDecision("sent")),
    # ok without a ts or with the wrong channel, bytes sent and no answer, 5xx: it may be there, look it up before sending
    "no ts": (
        PostResult(error="broken_answer", maybe_posted=True),
        RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay),
    ),
    "timeout": (
        PostResult(error="timeout", maybe_posted=True),
        RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay),
    ),
    "http 503": (
        PostResult(error="http_503", maybe_posted=True),
        RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay),
    ),
    "cut": (
        PostResult(error="cut", maybe_posted=True),
        RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay),
    ),
    # "some aspect of the operation may have succeeded"
    "internal_error": (
        PostResult(error="internal_error"),
        RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay),
    ),
    "fatal_error": (
        PostResult(error="fatal_error"),
        RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay),
    ),
    # refused before any byte was sent, or refused for now: again, with backoff
    "unreachable": (PostResult(error="unreachable"), RetryDecision("pending", wait=0.5)),
    "request_timeout": (PostResult(error="request_timeout"), RetryDecision("pending", wait=0.5)),
    "service_unavailable": (PostResult(error="service_unavailable"), RetryDecision("pending", wait=0.5)),
    "team_added_to_org": (PostResult(error="team_added_to_org"), RetryDecision("pending", wait=0.5)),
    "org_login_required": (PostResult(error="org_login_required"), RetryDecision("pending", wait=0.5)),
    # rate limited: as long as Slack says, and nothing more to this channel until then
    "ratelimited": (
        PostResult(error="ratelimited", retry_after=30),
        RetryDecision("pending", wait=30, channel_wait=30),
    ),
    "rate_limited": (
        PostResult(error="rate_limited", retry_after=30),
        RetryDecision("pending", wait=30, channel_wait=30),
    ),
    "message_limit_exceeded": (
        PostResult(error="message_limit_exceeded"),
        RetryDecision("pending", wait=1, channel_wait=1),
    ),
    # the channel does not take it: parked, never dropped
    **{word: (PostResult(error=word), RetryDecision("parked")) for word in sorted(CHANNEL_CLOSED)},
    # the thread is missing: at once, as a message of its own
    **{word: (PostResult(error=word), RetryDecision("pending")) for word in sorted(THREAD_UNAVAILABLE)},
    # the installation is broken: probe once a minute, automatically, until it works
    **{
        word: (PostResult(error=word), RetryDecision("pending", wait=60, channel_wait=60))
        for word in sorted(AUTH_ERRORS)
    },
    # our fault: at once, as plain text
    **{word: (PostResult(error=word), RetryDecision("pending")) for word in sorted(INVALID_CONTENT)},
    # a word that we do not know may mean anything: look it up first, then a few times more
    "unknown": (
        PostResult(error="word_of_tomorrow"),
        RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay),
    ),
    "nothing": (PostResult(), RetryDecision("unconfirmed", wait=DELIVERY_TIMEOUTS.visibility_delay)),
    # it could not even be drawn: a few times more
    "not_drawn": (PostResult(error="not_drawn"), RetryDecision("pending", wait=0.5)),
}


@pytest.mark.parametrize(("answer", "expected"), ROWS.values(), ids=ROWS.keys())
def test_the_first_attempt_ends_as_the_table_says(answer: PostResult, expected: RetryDecision) -> None:
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


@pytest.mark.parametrize("word", sorted(INVALID_CONTENT))
def test_what_slack_refuses_even_as_plain_text_is_dead(word: str) -> None:
    assert after(PostResult(error=word), 2, was_plain=True).outcome == "dead"


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [(1, "unconfirmed"), (2, "pending"), (MAX_UNKNOWN_ERRORS, "pending"), (6, "dead"), (99, "dead")],
)
def test_a_word_that_we_do_not_know_is_given_up_in_the_end(attempts: int, outcome: str) -> None:
    assert after(PostResult(error="word_of_tomorrow"), attempts).outcome == outcome


@pytest.mark.parametrize(
    ("attempts", "jitter", "wait"),
    [(1, 0, 0.5), (1, 1, 1), (2, 1, 2), (3, 1, 4), (6, 1, 32), (7, 1, 60), (7, 0, 30), (50, 1, 60), (5000, 1, 60)],
)
def test_an_unreachable_slack_is_asked_ever_more_seldom(attempts: int, jitter: float, wait: float) -> None:
    assert after(PostResult(error="unreachable"), attempts, jitter=jitter) == RetryDecision("pending", wait=wait)


@pytest.mark.parametrize(
    ("asked", "jitter", "expected"),
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
def test_a_pause_that_slack_asks_for_is_kept_between_bounds(
    asked: float | None, jitter: float, expected: float
) -> None:
    decision = after(PostResult(error="ratelimited", retry_after=asked), jitter=jitter)

    assert decision.wait == decision.channel_wait == pytest.approx(expected)


answers = st.builds(
    PostResult,
    ts=st.none() | st.just(TS),
    error=st.none() | st.sampled_from(KNOWN) | st.text(max_size=20),
    maybe_posted=st.booleans(),
    retry_after=st.none() | st.floats(-1e9, 1e9),
)


@given(answer=answers, attempts=st.integers(1, 100_000), was_plain=st.booleans(), jitter=st.floats(0, 1))
def test_whatever_slack_answers_the_decision_is_sane(
    *, answer: PostResult, attempts: int, was_plain: bool, jitter: float
) -> None:
    decision = classify(answer, attempts, was_plain=was_plain, jitter=jitter)

    assert (decision.outcome == "sent") is bool(answer.ts)
    assert 0 <= decision.wait <= MAX_PAUSE
    assert CHANNEL_INTERVAL <= decision.channel_wait <= MAX_PAUSE
    if decision.outcome == "dead":
        assert (was_plain and answer.error in INVALID_CONTENT) or (
            attempts > MAX_UNKNOWN_ERRORS and answer.error not in KNOWN
        )
    assert (decision.outcome == "parked") is (
        answer.error in CHANNEL_CLOSED and not answer.ts and not answer.maybe_posted
    )


@given(answers, st.floats(0, 1))
def test_nothing_dies_on_its_first_attempt(answer: PostResult, jitter: float) -> None:
    assert classify(answer, 1, was_plain=False, jitter=jitter).outcome != "dead"


@given(
    answer=answers.filter(lambda answer: answer.maybe_posted and not answer.ts),
    attempts=st.integers(1, 50),
    was_plain=st.booleans(),
)
def test_what_may_have_arrived_is_never_simply_sent_again(
    *, answer: PostResult, attempts: int, was_plain: bool
) -> None:
    assert classify(answer, attempts, was_plain=was_plain, jitter=0.5).outcome == "unconfirmed"


@given(st.floats(-1e6, 1e6), st.floats(0, 1))
def test_slack_is_never_asked_before_the_pause_it_wanted(asked: float, jitter: float) -> None:
    wait = after(PostResult(error="ratelimited", retry_after=asked), jitter=jitter).wait

    assert wait >= min(max(MIN_PAUSE, asked), MAX_PAUSE)


@given(st.sampled_from(KNOWN), st.integers(1, 10_000), st.floats(0.01, 1))
def test_only_a_limited_or_closed_workspace_holds_up_the_rest_of_a_channel(
    word: str, attempts: int, jitter: float
) -> None:
    holds_up = (
        classify(PostResult(error=word), attempts, was_plain=False, jitter=jitter).channel_wait > CHANNEL_INTERVAL
    )

    assert holds_up is (word in AUTH_ERRORS | RATE_LIMITED)


def test_backoff_never_grows_beyond_a_minute() -> None:
    waits = [after(PostResult(error="unreachable"), attempts, jitter=1).wait for attempts in range(1, 3000)]

    assert max(waits) == MAX_BACKOFF
    assert waits == sorted(waits)


@pytest.mark.parametrize("word", [*KNOWN, "", "word_of_tomorrow", "not_drawn"])
@pytest.mark.parametrize("attempts", [1, 2, 6, 3000])
def test_nothing_waits_longer_than_what_counts_as_over_after_the_clock_was_set_back(word: str, attempts: int) -> None:
    for asked in (None, 1.0, 10_000.0):
        decision = classify(PostResult(error=word, retry_after=asked), attempts, was_plain=False, jitter=1)
        longest = MAX_PAUSE if word in RATE_LIMITED else MAX_WAIT
        assert max(decision.wait, decision.channel_wait) <= longest
