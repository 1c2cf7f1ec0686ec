"""What an answer of Slack's means beyond the message itself: where a card stands, that it is gone, a closed channel."""

import structlog

from bot.blocks.notice import NoticeKind
from bot.slack.errors import CHANNEL_CLOSED, LOST_ACCESS, THREAD_GONE
from bot.slack.messages import Answer
from bot.store import Store
from bot.store.actions.audit import Decision, Entry
from bot.store.db.engine import Transaction
from bot.store.jobs.cards import Card
from bot.store.outbox.delivery import Delivery, Picture
from bot.tracking.notices import DAY, Notices

log = structlog.get_logger()


async def mind(
    store: Store, notices: Notices, tx: Transaction, delivery: Delivery, answer: Answer, *, shows: int
) -> None:
    """Record what follows from the answer to a post, in the transaction that settles it.

    Args:
        store: where it is recorded.
        notices: tells whom it concerns that a channel is closed.
        tx: the caller's transaction.
        delivery: what was posted.
        answer: what Slack said.
        shows: of a card, which count of what it has to show it shows; of one that was only found nobody knows that.
    """
    if delivery.picture is Picture.CARD and delivery.replies_to and answer.ts:
        await store.cards.place(tx, delivery.replies_to, answer.ts, shows=shows)
    if answer.error in THREAD_GONE and delivery.replies_to:
        card = await store.cards.find_in(tx, delivery.replies_to)
        await store.cards.place(tx, delivery.replies_to, None)
        if card:
            await post_again(store, tx, card)
    if answer.error in CHANNEL_CLOSED:
        await _closed(store, notices, tx, delivery, answer)
    if answer.error == LOST_ACCESS:
        await end_direct_messages(store, tx, delivery.channel)


async def post_again(store: Store, tx: Transaction, card: Card) -> None:
    """Owe a card that is gone from its channel once more, unless nobody there follows the job any more."""
    _, is_lacking = await store.cards.of(tx, card.account, card.job_id, card.channel)
    tracks = await store.tracks.of_job(tx, card.account, card.job_id)
    if is_lacking and any(track.channel == card.channel for track in tracks):
        await store.outbox.post_again(tx, card)


async def _closed(store: Store, notices: Notices, tx: Transaction, delivery: Delivery, answer: Answer) -> None:
    waiting = await store.outbox.park_channel(tx, delivery.channel, answer.error or "")
    if delivery.picture is Picture.NOTICE:
        return
    today = delivery.claimed_at // DAY * DAY
    people = await store.tracks.people_in(tx, delivery.channel)
    facts: dict[str, str | float | None] = {"error": answer.error, "waiting": waiting}
    await notices.tell(tx, NoticeKind.CHANNEL_CLOSED, delivery.channel, at=today, people=people, **facts)


async def end_direct_messages(store: Store, tx: Transaction, channel: str) -> None:
    """End all that is sent to somebody who may not read it any more, in the caller's transaction; the audit says so once."""
    person, ended = await store.direct.end(tx, channel, LOST_ACCESS)
    if ended:
        log.warning("direct_messages.ended", person=person, channel=channel, followed=ended)
        entry = Entry(person, "", channel, "delivery", "direct messages", Decision.DENIED, reason=LOST_ACCESS)
        await store.audit.write(tx, entry)
