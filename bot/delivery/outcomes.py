"""What an answer of Slack's means beyond the message itself: where a card stands, that it is gone, a closed channel."""

import structlog

from bot.blocks.notice import NoticeKind
from bot.slack.errors import CHANNEL_CLOSED, THREAD_UNAVAILABLE
from bot.slack.messages import PostResult
from bot.store import Store
from bot.store.actions.audit import AuditEntry, Decision
from bot.store.db.engine import Transaction
from bot.store.jobs.cards import Card
from bot.store.outbox.dead_letters import LOST_ACCESS
from bot.store.outbox.delivery import Delivery, MessageKind
from bot.tracking.notices import DAY, Notices

log = structlog.get_logger()


async def apply_post_result(
    store: Store, notices: Notices, tx: Transaction, delivery: Delivery, result: PostResult, *, generation: int
) -> None:
    """Record what follows from the answer to a post, in the transaction that settles it.

    Args:
        store: where it is recorded.
        notices: tells whom it concerns that a channel is closed.
        tx: the caller's transaction.
        delivery: what was posted.
        result: what Slack said.
        generation: of a card, which count of what it has to show it shows; of one that was only found nobody knows that.
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
    """Owe a card that is gone from its channel once more, unless nobody there follows the job any more."""
    _, is_lacking = await store.jobs.cards.get_or_create(tx, card.account, card.job_id, card.channel)
    tracks = await store.channels.tracks.of_job(tx, card.account, card.job_id)
    if is_lacking and any(track.channel == card.channel for track in tracks):
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
    """End all that is sent to somebody who may not read it any more, in the caller's transaction; the audit says so once."""
    person, ended = await store.channels.direct_messages.revoke(tx, channel, LOST_ACCESS)
    if ended:
        log.warning("direct_messages.ended", person=person, channel=channel, followed=ended)
        entry = AuditEntry(person, "", channel, "delivery", "direct messages", Decision.DENIED, reason=LOST_ACCESS)
        await store.actions.audit.write(tx, entry)
