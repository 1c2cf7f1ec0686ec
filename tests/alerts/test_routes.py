import pytest

from bot.alerts.routes import pictures, subscriptions_for
from bot.jobs.changes import ChangeKind
from bot.jobs.models import Snapshot
from bot.store.outbox import Picture
from bot.store.tracks import Subscription


def subscription(newer_than: float, channel: str = "C0ML") -> Subscription:
    return Subscription("default", channel, "U0OLIVIA", newer_than)


@pytest.mark.parametrize(
    ("created_at", "hears"),
    [(99.0, False), (100.0, True), (101.0, True), (None, True), (0, True)],
    ids=["older", "at the same second", "newer", "no time", "time zero, which is none"],
)
def test_a_subscription_hears_of_jobs_created_since_it_began(created_at: float | None, *, hears: bool) -> None:
    job = Snapshot(id="ftjob-a", created_at=created_at)

    assert (subscriptions_for(job, [subscription(100.0)]) != []) is hears


def test_each_subscription_is_asked_for_itself() -> None:
    early, late = subscription(50.0, "C0EARLY"), subscription(150.0, "C0LATE")

    assert subscriptions_for(Snapshot(id="ftjob-a", created_at=100.0), [late, early]) == [early]
    assert subscriptions_for(Snapshot(id="ftjob-a", created_at=200.0), [late, early]) == [late, early]


def test_without_subscriptions_nobody_hears() -> None:
    assert subscriptions_for(Snapshot(id="ftjob-a", created_at=100.0), []) == []


@pytest.mark.parametrize(
    ("kind", "card_is_new", "expected"),
    [
        (ChangeKind.NEW, True, (Picture.CARD,)),
        (ChangeKind.NEW, False, (Picture.CARD,)),
        (ChangeKind.STATUS, True, (Picture.CARD, Picture.CHANGE)),
        (ChangeKind.STATUS, False, (Picture.CHANGE,)),
        (ChangeKind.MODEL, True, (Picture.CARD, Picture.CHANGE)),
        (ChangeKind.MODEL, False, (Picture.CHANGE,)),
    ],
)
def test_the_first_message_about_a_job_is_its_card(
    kind: ChangeKind,
    *,
    card_is_new: bool,
    expected: tuple[Picture, ...],
) -> None:
    assert pictures(kind, card_is_new=card_is_new) == expected
