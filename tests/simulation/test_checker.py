"""The checker passes a clean run, and finds each way to doctor it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.simulation.checker import Alert, Card, CheckResult, Posted, Recorded, check, mentions_change
from tests.simulation.plan import State

ML, OPS = "C1", "C2"
SUCCEEDED: State = ("succeeded", "ft:gpt-4o-mini:acme::1")


@dataclass
class Run:
    """What was due and what is in Slack; a test doctors it."""

    followers: dict[str, set[str]]
    ends: dict[str, State]
    changes: list[Recorded]
    alerts: list[Alert]
    posted: list[Posted] = field(default_factory=list)

    def checked(self) -> CheckResult:
        return check(self.followers, self.ends, self.changes, self.alerts, self.posted)

    def at(self, key: str) -> int:
        return next(place for place, message in enumerate(self.posted) if message.key == key)


def clean() -> Run:
    """Job a is told alone, change by change; b and c in one digest of another channel."""
    a2, a3 = Recorded("ftjob-a", 2, "status", ("running", None)), Recorded("ftjob-a", 3, "status", SUCCEEDED)
    b1, b2 = Recorded("ftjob-b", 1, "new", ("queued", None)), Recorded("ftjob-b", 2, "status", ("failed", None))
    c2 = Recorded("ftjob-c", 2, "status", ("cancelled", None))
    return Run(
        followers={"ftjob-a": {ML}, "ftjob-b": {OPS}, "ftjob-c": {OPS}},
        ends={"ftjob-a": SUCCEEDED, "ftjob-b": ("failed", None), "ftjob-c": ("cancelled", None)},
        changes=[b1, a2, a3, b2, c2],
        alerts=[
            Alert("b1", OPS, b1, "card", "sent"),
            Alert("a2", ML, a2, "change", "sent"),
            Alert("a3", ML, a3, "change", "sent"),
            Alert("b2", OPS, b2, "change", "sent", held_by="digest"),
            Alert("c2", OPS, c2, "change", "sent", held_by="digest"),
        ],
        posted=[
            Posted(OPS, 1.0, "b1", is_ours=True, text="Fine-tuning job ftjob-b is queued."),
            Posted(ML, 2.0, "a2", is_ours=True, text="Fine-tuning job ftjob-a is running (was queued)."),
            Posted(ML, 3.0, "a3", is_ours=True, text="Fine-tuning job ftjob-a succeeded (was running)."),
            Posted(OPS, 4.0, "digest", is_ours=True, text=DIGEST),
            Posted(OPS, 5.0, "", is_ours=False, text="ftjob-b failed, has anybody looked?"),
        ],
    )


DIGEST = ":x: *ftjob-b* failed\n:no_entry_sign: *<https://example.com/ftjob-c|ftjob-c>* was canceled"

Doctor = Callable[[Run], object]


def drop(key: str) -> Doctor:
    return lambda run: run.posted.pop(run.at(key))


def repeat(key: str) -> Doctor:
    return lambda run: run.posted.append(replace(run.posted[run.at(key)], ts=9.0))


def rewrite(key: str, /, **values: object) -> Doctor:
    def doctor(run: Run) -> None:
        place = run.at(key)
        message = run.posted[place]
        run.posted[place] = Posted(**{**vars(message), **values})

    return doctor


def tell_alone_too(run: Run) -> None:
    """Tell b's failure alone, beside the digest that holds it."""
    run.posted.append(Posted(OPS, 9.0, "b2", is_ours=True, text="Fine-tuning job ftjob-b failed."))


def release(run: Run) -> None:
    """Let the digest hold b no more, and tell b alone: the text of the digest still tells it."""
    run.alerts[3] = replace(run.alerts[3], held_by=None)
    tell_alone_too(run)


def swap(run: Run) -> None:
    first, second = run.at("a2"), run.at("a3")
    run.posted[first], run.posted[second] = (
        replace(run.posted[first], ts=3.0),
        replace(run.posted[second], ts=2.0),
    )


def never_enqueue(run: Run) -> None:
    """Forget the row and the message of a change that the bot committed."""
    run.alerts.pop(1)
    run.posted.pop(run.at("a2"))


def never_see(run: Run) -> None:
    """Let the bot miss how a job ended."""
    run.changes.pop(2)
    run.alerts.pop(2)
    run.posted.pop(run.at("a3"))


def delay_the_card(run: Run) -> None:
    run.posted[run.at("b1")] = replace(run.posted[run.at("b1")], ts=7.0)


LOST: dict[str, Doctor] = {
    "an alert that nobody was told": drop("a3"),
    "a digest that never came": drop("digest"),
    "a digest that omits one": rewrite("digest", text=DIGEST.splitlines()[0]),
    "a digest that names the job and another state": rewrite(
        "digest", text=DIGEST.replace("was canceled", "is running")
    ),
    "a digest in the wrong channel": rewrite("digest", channel=ML),
    "a stranger's message with our key": rewrite("a2", is_ours=False),
    "a message with our key that tells something else": rewrite("a2", text="Fine-tuning job ftjob-z is running."),
    "a message with our key that tells the state before": rewrite("a3", text="Fine-tuning job ftjob-a is running."),
    "an alert in the wrong channel": rewrite("a2", channel=OPS),
    "an alert under another key": rewrite("a2", key="z"),
    "a change for which nothing was enqueued": never_enqueue,
    "an end that the bot never saw": never_see,
}
DOUBLED: dict[str, Doctor] = {
    "an alert that came twice": repeat("a2"),
    "a digest that came twice": repeat("digest"),
    "an alert alone and in its digest": tell_alone_too,
    "an alert alone and in a digest that let it go": release,
}
DISORDERED: dict[str, Doctor] = {
    "two alerts of a job that changed places": swap,
    "a card that came after what followed it": delay_the_card,
}


def test_a_clean_run_passes() -> None:
    checked = clean().checked()
    assert (checked.due, checked.lost, checked.doubled, checked.disordered) == (5, [], [], [])
    assert (checked.repeats, checked.given_up, checked.untrue) == (0, 0, 0)


@pytest.mark.parametrize("how", LOST)
def test_what_is_lost_is_found(how: str) -> None:
    run = clean()
    LOST[how](run)
    assert run.checked().lost != []


@pytest.mark.parametrize("how", DOUBLED)
def test_what_came_twice_is_found(how: str) -> None:
    run = clean()
    DOUBLED[how](run)
    checked = run.checked()
    assert checked.doubled != []
    assert checked.lost == []


@pytest.mark.parametrize("how", DISORDERED)
def test_what_came_out_of_order_is_found(how: str) -> None:
    run = clean()
    DISORDERED[how](run)
    checked = run.checked()
    assert checked.disordered != []
    assert (checked.lost, checked.doubled) == ([], [])


@pytest.mark.parametrize(("row", "found"), [("dead", 0), ("sent", 1)])
def test_what_was_given_up_and_comes_all_the_same_is_not_out_of_order(row: str, found: int) -> None:
    run = clean()
    late = run.posted[run.at("a2")]
    run.posted[run.at("a2")] = replace(late, ts=run.posted[run.at("a3")].ts + 1)
    run.alerts[1] = replace(run.alerts[1], row=row)
    assert len(run.checked().disordered) == found


@pytest.mark.parametrize("state", ["parked", "dead"])
def test_what_is_kept_for_people_is_not_lost(state: str) -> None:
    run = clean()
    drop("a3")(run)
    run.alerts[2] = replace(run.alerts[2], row=state)
    checked = run.checked()
    assert (checked.lost, checked.given_up) == ([], 1)


@pytest.mark.parametrize("state", ["sent", "pending", "inflight", "unconfirmed"])
def test_what_the_bot_says_of_itself_does_not_help_it(state: str) -> None:
    run = clean()
    drop("a3")(run)
    run.alerts[2] = replace(run.alerts[2], row=state)
    assert len(run.checked().lost) == 1


def test_a_repeat_is_one_message_however_many_alerts_it_doubles() -> None:
    run = clean()
    repeat("digest")(run)
    checked = run.checked()
    assert (len(checked.doubled), checked.repeats) == (2, 1)


def test_a_finished_job_that_goes_on_is_untrue() -> None:
    run = clean()
    run.changes.insert(3, Recorded("ftjob-a", 4, "status", ("running", None)))
    assert run.checked().untrue == 1


def test_a_model_that_went_away_is_untrue() -> None:
    run = clean()
    run.changes.insert(3, Recorded("ftjob-a", 4, "model", ("succeeded", None)))
    assert run.checked().untrue == 1


def test_an_alert_of_a_model_says_so_and_a_card_shows_the_status() -> None:
    change = Recorded("ftjob-a", 4, "model", SUCCEEDED)
    assert not mentions_change("*Succeeded* · `ftjob-a`", change)
    assert mentions_change("*Succeeded* · `ftjob-a`", change, "card")
    assert mentions_change("*ftjob-a* · fine-tuned model: `ft:a`", change)


def test_what_was_before_is_not_what_is_told() -> None:
    change = Recorded("ftjob-a", 2, "status", ("running", None))
    assert mentions_change("Fine-tuning job ftjob-a is running (was queued).", change)
    assert not mentions_change("Fine-tuning job ftjob-a succeeded (was running).", change)
    assert not mentions_change("*ftjob-a* not found (was running)", change)


@pytest.mark.parametrize(("now", "found"), [("*ftjob-a* · running", 1), ("*ftjob-a* · succeeded", 0)])
def test_a_card_that_does_not_show_the_end_of_its_job_is_found(now: str, found: int) -> None:
    posted = [Posted("C1", 1.5, "k", is_ours=True, text="*Queued* · `ftjob-a`", now=now)]
    ends = {"ftjob-a": ("succeeded", "ft:a")}

    checked = check({}, ends, [], [], posted, cards=[Card("ftjob-a", "C1", 1.5), Card("ftjob-a", "C2", 1.5)])
    assert len(checked.stale) == found
