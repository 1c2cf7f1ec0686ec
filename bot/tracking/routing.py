"""Who hears of what. Pure."""

from collections.abc import Collection, Iterable

from bot.jobs.changes import Change, ChangeKind
from bot.jobs.filters import matches_status, union_of_statuses
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of
from bot.store.channels.tracks import Subscription
from bot.store.outbox.delivery import MessageKind

_STATUS_KINDS = (ChangeKind.NEW, ChangeKind.STATUS, ChangeKind.MODEL)
"""Kinds that a status says all about; the others say that watching a job does not go as it should, or does again."""


def channels_for(job: Job, subscriptions: Iterable[Subscription]) -> dict[str, tuple[str, ...]]:
    """Return the channels to which a job that was never seen before is new, and the statuses of it that each is told.

    A job without a creation time counts as new: better told than missed. Where two subscriptions of a channel take it,
    the channel is told what either waits for.
    """
    waiting: dict[str, list[tuple[str, ...]]] = {}
    for subscription in subscriptions:
        is_new = job.created_at is None or job.created_at >= subscription.newer_than
        if is_new and subscription.filter.matches(job):
            waiting.setdefault(subscription.channel, []).append(subscription.filter.statuses)
    return {channel: union_of_statuses(statuses) for channel, statuses in waiting.items()}


def wants_alert(change: Change, statuses: Collection[str], *, failures_only: bool) -> bool:
    """Whether a channel is told of a change.

    Args:
        change: what changed.
        statuses: those that its track of the job tells; none: all.
        failures_only: whether the channel wants nothing else.
    """
    if change.kind not in _STATUS_KINDS:
        return True
    if failures_only and phase_of(change.after.status) is not Phase.FAILED:
        return False
    return matches_status(change.after.status, statuses)


def messages_for(kind: ChangeKind, *, card_is_new: bool, wanted: bool) -> tuple[MessageKind, ...]:
    """Return what a channel gets of a change: its first message about a job is the card, whatever it is ``wanted``."""
    if kind is ChangeKind.NEW:
        return (MessageKind.CARD,)
    card = (MessageKind.CARD,) if card_is_new else ()
    return (*card, MessageKind.CHANGE) if wanted else card
