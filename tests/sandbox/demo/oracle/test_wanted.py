"""What people type is read for itself here; what it leads to is tried with the real bot in ``test_counts``."""

import pytest

from bot.sandbox.demo.oracle.expected import FinishedJob, SubscriptionFilter, is_expected, parse_filter
from bot.sandbox.demo.oracle.user_commands import UserCommand

FILTERS = {
    "": SubscriptionFilter(),
    "failed": SubscriptionFilter(frozenset({"failed"})),
    "FAILED canceled": SubscriptionFilter(frozenset({"failed", "cancelled"})),
    "finished": SubscriptionFilter(),
    "all": SubscriptionFilter(),
    "all failed": SubscriptionFilter(frozenset({"failed"})),
    "active": SubscriptionFilter(frozenset({""})),
    "team='big": SubscriptionFilter(is_understood=False),
    "team=a,failed": SubscriptionFilter(is_understood=False),
    "done": SubscriptionFilter(),
    "error completed": SubscriptionFilter(frozenset({"failed", "succeeded"})),
    "deleted validating-files": SubscriptionFilter(frozenset({"", "cancelled"})),
    "running": SubscriptionFilter(frozenset({""})),
    "running succeeded": SubscriptionFilter(frozenset({"", "succeeded"})),
    "mine": SubscriptionFilter(metadata={"slack_user": "U1"}),
    "team=search note=x=y": SubscriptionFilter(metadata={"team": "search", "note": "x=y"}),
    "model:GPT-4o*": SubscriptionFilter(model="gpt-4o*"),
    "account:main": SubscriptionFilter(),
    "whatever": SubscriptionFilter(is_understood=False),
}


@pytest.mark.parametrize("words", FILTERS)
def test_the_words_of_a_subscription(words: str) -> None:
    assert parse_filter(ask("subscribe", *words.split())) == FILTERS[words]


JOB = FinishedJob("ftjob-1", "failed", at=100.0, created_at=50.0, model="gpt-4o-mini", metadata={"team": "ads"})
CARD = [60.0]


def ask(verb: str, *words: str, at: float = 10.0, exchange: str = "") -> UserCommand:
    return UserCommand(exchange or f"{verb} {at}", at, "U1", "C1", verb, words)


FIRST, SECOND = ask("subscribe", exchange="first"), ask("subscribe", "succeeded", exchange="second")
CASES: dict[str, tuple[list[UserCommand], list[float], bool]] = {
    "nobody asked": ([], [], False),
    "a card that nothing explains": ([], CARD, True),
    "a card beside a filter that is not read": ([ask("subscribe", "whatever")], CARD, False),
    "a subscription before it began": ([FIRST], [], True),
    "a subscription while it ran": ([ask("subscribe", at=70.0)], [], True),
    "a subscription after it ended": ([ask("subscribe", at=101.0)], [], False),
    "a subscription to another end": ([SECOND], CARD, False),
    "two subscriptions": ([SECOND, FIRST], [], True),
    "the second of two ended": ([FIRST, SECOND, ask("unsubscribe", "2")], [], True),
    "the first of two ended before anything was told": ([FIRST, SECOND, ask("unsubscribe", "1")], [], False),
    "the first of two ended after a card": ([FIRST, SECOND, ask("unsubscribe", "1", at=70.0)], CARD, True),
    "both ended before anything was told": ([FIRST, SECOND, ask("unsubscribe", "all")], [], False),
    "one of two ended by its words": ([FIRST, SECOND, ask("unsubscribe", "succeeded")], [], True),
    "the other one ended by its words": ([SECOND, ask("subscribe", "failed"), ask("unsubscribe", "failed")], [], False),
    "a third of two ended, which there is not": ([FIRST, SECOND, ask("unsubscribe", "3")], [], True),
    "ended, but it had found the job": ([ask("subscribe", at=70.0), ask("unsubscribe", at=80.0)], [], True),
    "untracked": ([FIRST, ask("untrack", "ftjob-1", at=70.0)], CARD, False),
    "untracked, then another card": ([ask("untrack", "ftjob-1", at=70.0)], [60.0, 80.0], True),
    "all untracked before it was there": ([FIRST, ask("untrack", "all", at=40.0)], [], True),
    "all untracked": ([FIRST, ask("untrack", "all", at=70.0)], CARD, False),
    "tracked": ([ask("track", "ftjob-1")], [], True),
    "another tracked": ([ask("track", "ftjob-2")], [], False),
    "tracked beside a subscription to another end": ([SECOND, ask("track", "ftjob-1")], CARD, True),
    "tracked in vain": ([ask("take back", "ftjob-1", at=55.0)], CARD, False),
    "tracked, then once more in vain": ([ask("track", "ftjob-1"), ask("take back", "ftjob-1", at=70.0)], CARD, True),
    "muted": ([FIRST, ask("mute", "all", "30m", at=70.0)], CARD, False),
    "muted until a moment ago": ([FIRST, ask("mute", "all", "1m", at=70.0)], CARD, True),
    "muted by id": ([FIRST, ask("mute", "ftjob-1", "1d", at=70.0)], CARD, False),
    "another muted": ([FIRST, ask("mute", "ftjob-2", "1d", at=70.0)], CARD, True),
    "the wrong mute ended": ([ask("mute", "ftjob-1", "2h"), ask("unmute", "ftjob-2")], CARD, False),
    "every mute ended": ([ask("mute", "ftjob-1", "2h"), ask("unmute")], CARD, True),
    "failures alone": ([FIRST, ask("settings", "alerts", "failures")], CARD, True),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_channel_waits_for(case: str) -> None:
    asked, cards, expected = CASES[case]
    assert is_expected(JOB, asked, cards, now=200.0) is expected


def test_failures_alone_leave_out_every_other_end_from_then_on() -> None:
    good = FinishedJob("ftjob-1", "succeeded", at=100.0)
    for at, expected in ((90.0, False), (110.0, True)):
        assert is_expected(good, [FIRST, ask("settings", "alerts", "failures", at=at)], [], now=200.0) is expected
