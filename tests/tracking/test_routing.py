import pytest

from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.filters import MATCH_ALL, Filter
from bot.jobs.models import Job
from bot.store.channels.subscriptions import Subscription
from bot.store.outbox.delivery import MessageKind
from bot.tracking.routing import channels_for, messages_for, wants_alert


def subscription(newer_than: float, channel: str = "C0ML", wanted: Filter = MATCH_ALL) -> Subscription:
    return Subscription("default", channel, "U0OLIVIA", newer_than, wanted)


@pytest.mark.parametrize(
    ("created_at", "hears"),
    [(99.0, False), (100.0, True), (101.0, True), (None, True), (0, True)],
    ids=["older", "at the same second", "newer", "no time", "time zero, which is none"],
)
def test_a_subscription_gets_jobs_created_since_it_began(created_at: float | None, *, hears: bool) -> None:
    job = Job(id="ftjob-a", created_at=created_at)

    assert (channels_for(job, [subscription(100.0)]) != {}) is hears


def test_each_subscription_is_asked_for_itself() -> None:
    early, late = subscription(50.0, "C0EARLY"), subscription(150.0, "C0LATE")

    assert list(channels_for(Job(id="ftjob-a", created_at=100.0), [late, early])) == ["C0EARLY"]
    assert list(channels_for(Job(id="ftjob-a", created_at=200.0), [late, early])) == ["C0LATE", "C0EARLY"]


def test_a_channel_gets_what_either_of_its_subscriptions_waits_for() -> None:
    job = Job(id="ftjob-a", created_at=200.0, model="gpt-4o")
    failures, ends = Filter(("failed",)), Filter(("cancelled", "failed"), model="gpt-4*")
    other = subscription(0.0, wanted=Filter((), model="gpt-3*"))
    several = [subscription(0.0, wanted=failures), subscription(0.0, wanted=ends), other]

    assert channels_for(job, several) == {"C0ML": ("cancelled", "failed")}
    assert channels_for(job, [*several, subscription(0.0)]) == {"C0ML": ()}, "everything swallows the rest"
    assert channels_for(job, [other]) == {}


STATUS, MODEL, GONE = ChangeKind.STATUS, ChangeKind.MODEL, ChangeKind.MISSING


@pytest.mark.parametrize(
    ("kind", "status", "statuses", "failures_only", "alerted"),
    [
        (STATUS, "running", (), False, True),
        (STATUS, "running", ("failed",), False, False),
        (STATUS, "failed", ("failed",), False, True),
        (STATUS, "User_Error", ("failed",), False, True),
        (STATUS, "canceled", ("cancelled",), False, True),
        (STATUS, "uploading", ("running",), False, False),
        (STATUS, "a_word_of_tomorrow", ("running",), False, False),
        (MODEL, "succeeded", ("succeeded",), False, True),
        (MODEL, "succeeded", ("failed",), False, False),
        (GONE, "running", ("failed",), False, True),
        (ChangeKind.REAPPEARED, "running", ("failed",), False, True),
        (STATUS, "failed", (), True, True),
        (STATUS, "succeeded", (), True, False),
        (STATUS, "failed", ("succeeded",), True, False),
        (MODEL, "succeeded", (), True, False),
        (GONE, "running", (), True, True),
    ],
)
def test_a_channel_gets_what_it_waits_for_and_what_is_wrong(
    kind: ChangeKind, status: str, statuses: tuple[str, ...], *, failures_only: bool, alerted: bool
) -> None:
    change = Change(kind, State("queued"), State(status))

    assert wants_alert(change, statuses, failures_only=failures_only) is alerted


def test_without_subscriptions_nobody_is_notified() -> None:
    assert channels_for(Job(id="ftjob-a", created_at=100.0), []) == {}


@pytest.mark.parametrize(
    ("kind", "status", "card_is_new", "expected"),
    [
        (ChangeKind.NEW, "running", True, (MessageKind.CARD,)),
        (ChangeKind.NEW, "running", False, (MessageKind.CARD,)),
        (ChangeKind.NEW, "failed", True, (MessageKind.CARD, MessageKind.CHANGE)),
        (ChangeKind.STATUS, "running", True, (MessageKind.CARD, MessageKind.CHANGE)),
        (ChangeKind.STATUS, "running", False, (MessageKind.CHANGE,)),
        (ChangeKind.MODEL, "succeeded", True, (MessageKind.CARD, MessageKind.CHANGE)),
        (ChangeKind.MODEL, "succeeded", False, (MessageKind.CHANGE,)),
    ],
)
def test_the_first_message_about_a_job_is_its_card(
    kind: ChangeKind,
    status: str,
    *,
    card_is_new: bool,
    expected: tuple[MessageKind, ...],
) -> None:
    change = Change(kind, State(status), State(status))
    assert messages_for(change, card_is_new=card_is_new, with_alert=True) == expected
    assert messages_for(change, card_is_new=card_is_new, with_alert=False) == tuple(
        message_kind for message_kind in expected if message_kind is MessageKind.CARD
    ), "a card is no alert"
