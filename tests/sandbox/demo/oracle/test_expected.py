"""Expected results of commands, without a bot; ``test_counted_commands`` compares them with the real one."""

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
def test_filters_of_subscribe_commands(words: str) -> None:
    assert parse_filter(command("subscribe", *words.split())) == FILTERS[words]


JOB = FinishedJob("ftjob-1", "failed", at=100.0, created_at=50.0, model="gpt-4o-mini", metadata={"team": "ads"})
CARD = [60.0]


def command(verb: str, *words: str, at: float = 10.0, interaction_id: str = "") -> UserCommand:
    return UserCommand(interaction_id or f"{verb} {at}", at, "U1", "C1", verb, words)


FIRST, SECOND = command("subscribe", interaction_id="first"), command("subscribe", "succeeded", interaction_id="second")
CASES: dict[str, tuple[list[UserCommand], list[float], bool]] = {
    "nobody asked": ([], [], False),
    "a card that nothing explains": ([], CARD, True),
    "a card beside a filter that is not read": ([command("subscribe", "whatever")], CARD, False),
    "a subscription before it began": ([FIRST], [], True),
    "a subscription while it ran": ([command("subscribe", at=70.0)], [], True),
    "a subscription after it ended": ([command("subscribe", at=101.0)], [], False),
    "a subscription to another end": ([SECOND], CARD, False),
    "two subscriptions": ([SECOND, FIRST], [], True),
    "the second of two ended": ([FIRST, SECOND, command("unsubscribe", "2")], [], True),
    "the first of two ended before anything was told": ([FIRST, SECOND, command("unsubscribe", "1")], [], False),
    "the first of two ended after a card": ([FIRST, SECOND, command("unsubscribe", "1", at=70.0)], CARD, True),
    "both ended before anything was told": ([FIRST, SECOND, command("unsubscribe", "all")], [], False),
    "one of two ended by its words": ([FIRST, SECOND, command("unsubscribe", "succeeded")], [], True),
    "the other one ended by its words": (
        [SECOND, command("subscribe", "failed"), command("unsubscribe", "failed")],
        [],
        False,
    ),
    "a third of two ended, which there is not": ([FIRST, SECOND, command("unsubscribe", "3")], [], True),
    "ended, but it had found the job": ([command("subscribe", at=70.0), command("unsubscribe", at=80.0)], [], True),
    "untracked": ([FIRST, command("untrack", "ftjob-1", at=70.0)], CARD, False),
    "untracked, then another card": ([command("untrack", "ftjob-1", at=70.0)], [60.0, 80.0], True),
    "all untracked before it was there": ([FIRST, command("untrack", "all", at=40.0)], [], True),
    "all untracked": ([FIRST, command("untrack", "all", at=70.0)], CARD, False),
    "tracked": ([command("track", "ftjob-1")], [], True),
    "another tracked": ([command("track", "ftjob-2")], [], False),
    "tracked beside a subscription to another end": ([SECOND, command("track", "ftjob-1")], CARD, True),
    "tracked in vain": ([command("take back", "ftjob-1", at=55.0)], CARD, False),
    "tracked, then once more in vain": (
        [command("track", "ftjob-1"), command("take back", "ftjob-1", at=70.0)],
        CARD,
        True,
    ),
    "muted": ([FIRST, command("mute", "all", "30m", at=70.0)], CARD, False),
    "muted until a moment ago": ([FIRST, command("mute", "all", "1m", at=70.0)], CARD, True),
    "muted by id": ([FIRST, command("mute", "ftjob-1", "1d", at=70.0)], CARD, False),
    "another muted": ([FIRST, command("mute", "ftjob-2", "1d", at=70.0)], CARD, True),
    "the wrong mute ended": ([command("mute", "ftjob-1", "2h"), command("unmute", "ftjob-2")], CARD, False),
    "every mute ended": ([command("mute", "ftjob-1", "2h"), command("unmute")], CARD, True),
    "failures alone": ([FIRST, command("settings", "alerts", "failures")], CARD, True),
}


@pytest.mark.parametrize("case", CASES)
def test_whether_a_result_is_expected(case: str) -> None:
    commands, cards, expected = CASES[case]
    assert is_expected(JOB, commands, cards, now=200.0) is expected


def test_failures_only_applies_to_later_results() -> None:
    good = FinishedJob("ftjob-1", "succeeded", at=100.0)
    for at, expected in ((90.0, False), (110.0, True)):
        assert is_expected(good, [FIRST, command("settings", "alerts", "failures", at=at)], [], now=200.0) is expected
