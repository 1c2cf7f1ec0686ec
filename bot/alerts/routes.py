"""Who hears of what. Pure."""

from collections.abc import Iterable

from bot.jobs.changes import ChangeKind
from bot.jobs.models import Snapshot
from bot.store.outbox import Picture
from bot.store.tracks import Subscription


def subscriptions_for(job: Snapshot, subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Return the subscriptions to which a job that was never seen before is new.

    A job without a creation time counts as new: better told than missed.
    """
    return [
        subscription
        for subscription in subscriptions
        if job.created_at is None or job.created_at >= subscription.newer_than
    ]


def pictures(kind: ChangeKind, *, card_is_new: bool) -> tuple[Picture, ...]:
    """Return what a channel gets of a change: its first message about a job is the card."""
    if kind is ChangeKind.NEW:
        return (Picture.CARD,)
    return (Picture.CARD, Picture.CHANGE) if card_is_new else (Picture.CHANGE,)
