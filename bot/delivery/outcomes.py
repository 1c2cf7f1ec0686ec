"""Side effects of a post result: a card's timestamp, a deleted card, a closed channel, lost access."""

import structlog

from bot.blocks.notice import NoticeKind
from bot.jobs.actions import Decision
from bot.slack.errors import CHANNEL_CLOSED, THREAD_UNAVAILABLE
from bot.slack.messages import PostResult
from bot.store import Store
from bot.store.actions.audit import AuditEntry
from bot.store.db.engine import Transaction
from bot.store.jobs.cards import Card
from bot.store.outbox.dead_letters import LOST_ACCESS
from bot.store.outbox.delivery import Delivery, MessageKind
from bot.tracking.notices import DAY, Notices

log = structlog.get_logger()


async def apply_post_result(
    store: Store, notices: Notices, tx: Transaction, delivery: Delivery, result: PostResult, *, generation: int
) -> None:
    """Apply the side effects of a post result, in the transaction that completes its delivery.

    Args:
        store: the store.
        notices: enqueues notices about closed channels.
        tx: the caller's transaction.
        delivery: the delivery.
        result: result of the post.
        generation: for a card, the generation that the message shows; -1 if unknown, as after a lookup.
    """
    if delivery.message_kind is MessageKind.CARD and delivery.card_id and result.ts:
        await store.jobs.cards.record_post(tx, delivery.card_id, result.ts, rendered_generation=generation)
    if result.error in THREAD_UNAVAILABLE and delivery.card_id:
        card = await store.jobs.cards.find_in(tx, delivery.card_id)
        await store.jobs.cards.record_post(tx, delivery.card_id, None)
        if card:
            await repost_card(store, tx, card)
    if result.error in CHANNEL_CLOSED:
        await _park_channel(store, notices, tx, delivery, result)
    if result.error == LOST_ACCESS:
        await end_direct_messages(store, tx, delivery.channel)


async def repost_card(store: Store, tx: Transaction, card: Card) -> None:
    """Enqueue a deleted card again, unless its channel no longer tracks the job."""
    _, is_missing = await store.jobs.cards.get_or_create(tx, card.account, card.job_id, card.channel)
    tracks = await store.channels.tracks.of_job(tx, card.account, card.job_id)
    if is_missing and any(track.channel == card.channel for track in tracks):
        await store.outbox.deliveries.requeue_card(tx, card)


async def _park_channel(
    store: Store, notices: Notices, tx: Transaction, delivery: Delivery, result: PostResult
) -> None:
    waiting = await store.outbox.deliveries.park_channel(tx, delivery.channel, result.error or "")
    if delivery.message_kind is MessageKind.NOTICE:
        return
    today = delivery.claimed_at // DAY * DAY
    people = await store.channels.tracks.people_in(tx, delivery.channel)
    facts: dict[str, str | float | None] = {"error": result.error, "waiting": waiting}
    await notices.enqueue(tx, NoticeKind.CHANNEL_CLOSED, delivery.channel, began_at=today, people=people, **facts)


async def end_direct_messages(store: Store, tx: Transaction, channel: str) -> None:
    """End all direct messages to a user who lost access, in the caller's transaction, with one entry in the audit log."""
    person, ended = await store.channels.direct_messages.revoke(tx, channel, LOST_ACCESS)
    if ended:
        log.warning("direct_messages.ended", person=person, channel=channel, tracks=ended)
        entry = AuditEntry(person, "", channel, "delivery", "direct messages", Decision.DENIED, reason=LOST_ACCESS)
        await store.actions.audit.write(tx, entry)
