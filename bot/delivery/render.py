"""Rendering of deliveries, at the moment they are sent, from stored changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.blocks import Message, curves, parts
from bot.blocks.alert import Posting, alert
from bot.blocks.card import CardState, card
from bot.blocks.digest import DigestLine, digest_message, flapping_digest, mute_digest
from bot.blocks.job import JobLinks
from bot.blocks.notice import notice_message
from bot.blocks.parts import format_duration
from bot.jobs.actions import JobAction
from bot.jobs.models import Job
from bot.jobs.prices import price_of
from bot.jobs.progress import Point
from bot.runtime.clock import Clock
from bot.slack.errors import THREAD_UNAVAILABLE
from bot.slack.messages import OutgoingMessage
from bot.store import Store
from bot.store.jobs import snapshots
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import RecordedChange
from bot.store.outbox.delivery import Delivery, MessageKind


class JobOrigin(Protocol):
    """The parts of an account that messages show."""

    @property
    def actions(self) -> frozenset[JobAction]:
        """Actions that its API supports."""

    @property
    def hint(self) -> str | None:
        """What it wants to be done with a finished model."""

    @property
    def page_label(self) -> str:
        """What a button that opens a job's page says: "Open in OpenAI"."""

    def job_page(self, job_id: str) -> str | None:
        """Return the URL of the job's page, if it has one."""


NOTE_DELAY_AFTER = 30.0
"""Delay by Slack's rate limit from which on an alert mentions it, in seconds."""
POSSIBLE_DUPLICATE = "Possible duplicate (Slack didn't confirm the first attempt)"
THREAD_UNAVAILABLE_NOTE = "Posted here because the thread is gone"


@dataclass(frozen=True)
class RenderContext:
    """Context of rendering, beside the store."""

    accounts: Mapping[str, JobOrigin]
    """Polled accounts by name; a delivery may be about another one, no longer configured."""
    clock: Clock
    read_only: bool = False
    prices: Mapping[str, float] = field(default_factory=dict)
    """As in ``jobs.prices``."""

    def display_name(self, account: str) -> str | None:
        """Return the name of an account if messages must show it, as among several accounts."""
        return account if len(self.accounts) > 1 or account not in self.accounts else None

    def job_links(self, account: str, job: Job, *, tracked: bool) -> JobLinks:
        """Return the links, actions and labels that a message shows with a job."""
        price, name = price_of(job.model, self.prices), self.display_name(account)
        origin = self.accounts.get(account)
        if origin is None:
            return JobLinks(None, tracked, frozenset(), price, name)
        actions = frozenset[JobAction]() if self.read_only else origin.actions
        return JobLinks(
            job.url or origin.job_page(job.id), tracked, actions, price, name, origin.hint, origin.page_label
        )

    def digest_line(self, recorded: RecordedChange) -> DigestLine:
        """Return a change for a digest."""
        origin = self.accounts.get(recorded.account)
        page = recorded.job.url or origin.job_page(recorded.job_id) if origin else None
        name = self.display_name(recorded.account)
        return DigestLine(recorded.change, recorded.job, recorded.reason, name, page)


_DIGESTS = {"digest": digest_message, "after_mute": mute_digest, "after_flapping": flapping_digest}


async def render(
    store: Store, delivery: Delivery, context: RenderContext, *, possible_duplicate: bool
) -> OutgoingMessage:
    """Return the message of a delivery; ``possible_duplicate`` marks one that may have been posted before."""
    outgoing = await _render(store, delivery, context, possible_duplicate=possible_duplicate)
    return replace(outgoing, person=await store.channels.direct_messages.owner(delivery.channel))


async def _render(
    store: Store, delivery: Delivery, context: RenderContext, *, possible_duplicate: bool
) -> OutgoingMessage:
    notes = _notes(delivery, possible_duplicate=possible_duplicate)
    if delivery.message_kind is MessageKind.NOTICE:
        thread_ts, body = await thread_of(store, delivery), dict(delivery.notice or {})
        if account := body.get("account"):
            body["account"] = context.display_name(account)
        return _with_notes(OutgoingMessage(delivery.channel, notice_message(body), delivery.key, thread_ts), notes)
    if delivery.message_kind is MessageKind.DIGEST:
        changes = await store.jobs.changes.in_digest(delivery.id)
        digest = _DIGESTS[(delivery.notice or {}).get("kind", "digest")]
        lines = [context.digest_line(each) for each in changes]
        message = digest(lines, notes=notes)
        return OutgoingMessage(delivery.channel, message, delivery.key)
    if delivery.message_kind is MessageKind.CARD:
        return await _render_card(store, delivery, context, notes)
    assert delivery.change_id is not None  # noqa: S101 - a change has one
    recorded = await store.jobs.changes.find(delivery.change_id)
    track = await store.channels.tracks.find(recorded.account, recorded.job_id, delivery.channel)
    links = context.job_links(recorded.account, recorded.job, tracked=track is not None)
    person = track.person if track else None
    return await _render_change(store, delivery, recorded, links, person=person, notes=notes)


async def _render_card(store: Store, delivery: Delivery, context: RenderContext, notes: list[str]) -> OutgoingMessage:
    card_row = await store.jobs.cards.find(delivery.card_id or 0)
    assert card_row is not None  # noqa: S101 - the row names it
    at_change = await store.jobs.changes.find(delivery.change_id) if delivery.change_id else None
    job = at_change.job if at_change else None
    message = await render_card(store, card_row, context, at_change=job, notes=notes)
    # Without the chart: Slack may reject a recent upload, and a post cannot be taken back. The card's update adds it.
    generation = card_row.generation - 1 if curves.has_image(message) else card_row.generation
    return OutgoingMessage(delivery.channel, curves.without_images(message), delivery.key, generation=generation)


async def render_card(
    store: Store,
    card_row: Card,
    context: RenderContext,
    *,
    at_change: Job | None = None,
    notes: Sequence[str] = (),
) -> Message:
    """Return the current message of a card.

    Args:
        store: the store.
        card_row: the card, read before this call: the message shows its generation or a newer one.
        context: context of rendering.
        at_change: the job at the change that the card was enqueued for, in case there is no snapshot.
        notes: notes about the message itself, already escaped.

    Raises:
        LookupError: the store has no data of the job.
    """
    snapshot = await store.jobs.snapshots.find(card_row.account, card_row.job_id)
    job = snapshot.job if snapshot else at_change
    if job is None:
        raise LookupError(card_row.job_id)
    track = await store.channels.tracks.find(card_row.account, card_row.job_id, card_row.channel)
    links = context.job_links(card_row.account, job, tracked=track is not None)
    state = card_state(snapshot, context.clock()) if snapshot else None
    full = (await store.channels.preferences.find(card_row.channel)).full_cards
    return card(job, links, state, person=track.person if track else None, notes=notes, full=full)


def card_state(snapshot: snapshots.JobSnapshot, now: float) -> CardState:
    """Return what a card shows of a job's snapshot at ``now``, Unix seconds."""
    chart = curves.curves_image(snapshot.chart.file_id, snapshot.chart.alt_text) if snapshot.chart else None
    return CardState(now, snapshot.state_since, snapshot.progress, snapshot.is_missing, snapshot.stalled_since, chart)


async def _render_change(
    store: Store,
    delivery: Delivery,
    recorded: RecordedChange,
    links: JobLinks,
    *,
    person: str | None,
    notes: list[str],
) -> OutgoingMessage:
    thread_ts = await thread_of(store, delivery)
    message = alert(
        recorded.change,
        recorded.job,
        links,
        person=person,
        reason=recorded.reason,
        losses=await _losses(store, recorded),
        posting=Posting(thread_ts is not None, recorded.late, notes),
    )
    settings = await store.channels.preferences.find(delivery.channel)
    broadcast = bool(thread_ts and recorded.change.ends_job and settings.broadcast)
    return OutgoingMessage(delivery.channel, message, delivery.key, thread_ts, broadcast)


async def _losses(store: Store, recorded: RecordedChange) -> Sequence[Point]:
    """Return the training losses of a job that finished, as far as its log was read."""
    if not recorded.change.ends_job:
        return ()
    snapshot = await store.jobs.snapshots.find(recorded.account, recorded.job_id)
    return snapshot.progress.points if snapshot and snapshot.progress else ()


async def thread_of(store: Store, delivery: Delivery) -> str | None:
    """Return the thread of a delivery's card, or None if there is none."""
    card_row = await store.jobs.cards.find(delivery.card_id) if delivery.card_id else None
    return card_row.ts if card_row else None


def _with_notes(outgoing: OutgoingMessage, notes: list[str]) -> OutgoingMessage:
    if not notes:
        return outgoing
    message = outgoing.message
    return replace(outgoing, message=Message(message.text, [*message.blocks, parts.context(" · ".join(notes))]))


def _notes(delivery: Delivery, *, possible_duplicate: bool) -> list[str]:
    """Return notes about the delivery itself, such as a delay."""
    notes = [POSSIBLE_DUPLICATE] if possible_duplicate else []
    if delivery.last_error in THREAD_UNAVAILABLE:
        notes.append(THREAD_UNAVAILABLE_NOTE)
    if delivery.rate_limited_for > NOTE_DELAY_AFTER:
        late = format_duration(delivery.claimed_at - delivery.created_at)
        notes.append(f"Delayed {late} by Slack rate limits")
    return notes
