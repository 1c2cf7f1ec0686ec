"""Routing: which channels get which messages. Pure."""

from collections.abc import Collection, Iterable

from bot.jobs.changes import Change, ChangeKind
from bot.jobs.filters import matches_status, union_of_statuses
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of
from bot.store.channels.subscriptions import Subscription
from bot.store.outbox.delivery import MessageKind

_STATUS_KINDS = (ChangeKind.NEW, ChangeKind.STATUS, ChangeKind.MODEL, ChangeKind.RESTARTED)
"""Kinds that status filters apply to; the others are about the polling of a job and always sent."""


def channels_for(
    job: Job, subscriptions: Iterable[Subscription], *, is_pushed: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return the channels whose subscriptions match a new job, each with the statuses it gets alerts for.

    A job without a creation time counts as new, and so does one that its trainer just pushed for the first time. Overlapping subscriptions of a channel combine.
    """
    waiting: dict[str, list[tuple[str, ...]]] = {}
    for subscription in subscriptions:
        is_new = is_pushed or job.created_at is None or job.created_at >= subscription.newer_than
        if is_new and subscription.filter.matches(job):
            waiting.setdefault(subscription.channel, []).append(subscription.filter.statuses)
    return {channel: union_of_statuses(statuses) for channel, statuses in waiting.items()}


def wants_alert(change: Change, statuses: Collection[str], *, failures_only: bool) -> bool:
    """Whether a channel wants an alert for a change.

    Args:
        change: the change.
        statuses: statuses of its track of the job; none means all.
        failures_only: whether the channel wants only failures.
    """
    if change.kind not in _STATUS_KINDS:
        return True
    if failures_only and phase_of(change.after.status) is not Phase.FAILED:
        return False
    return matches_status(change.after.status, statuses)


def messages_for(change: Change, *, card_is_new: bool, with_alert: bool) -> tuple[MessageKind, ...]:
    """Return the messages that a channel gets for a change: its card if that is new, and the alert if ``with_alert``.

    The card alone announces a new job, unless the job has finished already: then its result is an alert, too.
    """
    is_new = change.kind is ChangeKind.NEW
    if is_new and not change.ends_job:
        return (MessageKind.CARD,)
    card = (MessageKind.CARD,) if card_is_new or is_new else ()
    return (*card, MessageKind.CHANGE) if with_alert else card
