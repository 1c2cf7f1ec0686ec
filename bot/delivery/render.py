"""Draw what is owed at the moment it is sent, from the stored change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.blocks import Message, curves
from bot.blocks.alert import alert
from bot.blocks.card import CardState, card
from bot.blocks.digest import DigestLine, digest_message, flapping_digest, mute_digest
from bot.blocks.job import JobLinks, tracked_by
from bot.blocks.notice import notice_message
from bot.blocks.parts import code_span, context, format_duration
from bot.jobs.actions import JobAction
from bot.jobs.models import Job
from bot.jobs.prices import price_of
from bot.slack.errors import THREAD_UNAVAILABLE
from bot.slack.messages import OutgoingMessage
from bot.store import Store
from bot.store.channels.tracks import Track
from bot.store.db.engine import Clock
from bot.store.jobs import snapshots
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import RecordedChange
from bot.store.outbox.delivery import Delivery, MessageKind


class JobOrigin(Protocol):
    """What messages show of the account that a job is from."""

    @property
    def actions(self) -> frozenset[JobAction]:
        """What it can be ordered to do."""

    @property
    def hint(self) -> str | None:
        """What it wants to be done with a finished model."""

    def job_page(self, job_id: str) -> str:
        """Return the address of the job's page."""


NOTE_DELAY_AFTER = 30.0
"""Seconds by which Slack's rate limit has to delay an alert before the alert says so."""
POSSIBLE_DUPLICATE = "may be a repeat: Slack did not say whether the first attempt arrived"
THREAD_UNAVAILABLE_NOTE = "not in its job's thread, which Slack does not find any more"


@dataclass(frozen=True)
class RenderContext:
    """What drawing needs beside the store."""

    accounts: Mapping[str, JobOrigin]
    """By name, every account that is watched; what is owed may be about one that is not any more."""
    clock: Clock
    read_only: bool = False
    prices: Mapping[str, float] = field(default_factory=dict)
    """As of ``jobs.prices``."""

    def display_name(self, account: str) -> str | None:
        """Return the name of an account where one has to be told from another."""
        return account if len(self.accounts) > 1 or account not in self.accounts else None

    def job_links(self, account: str, job: Job, *, tracked: bool) -> JobLinks:
        """Return what a picture of a job shows beside it."""
        price, name = price_of(job.model, self.prices), self.display_name(account)
        origin = self.accounts.get(account)
        if origin is None:
            return JobLinks(None, tracked, frozenset(), price, name)
        actions = frozenset[JobAction]() if self.read_only else origin.actions
        return JobLinks(origin.job_page(job.id), tracked, actions, price, name, origin.hint)


_DIGESTS = {"digest": digest_message, "after_mute": mute_digest, "after_flapping": flapping_digest}


async def render(
    store: Store, delivery: Delivery, context: RenderContext, *, possible_duplicate: bool
) -> OutgoingMessage:
    """Return the message that a delivery stands for; ``possible_duplicate`` where it may stand in the channel already."""
    outgoing = await _render(store, delivery, context, possible_duplicate=possible_duplicate)
    return replace(outgoing, person=await store.channels.direct_messages.owner(delivery.channel))


async def _render(
    store: Store, delivery: Delivery, render_context: RenderContext, *, possible_duplicate: bool
) -> OutgoingMessage:
    notes = _notes(delivery, possible_duplicate=possible_duplicate)
    if delivery.message_kind is MessageKind.NOTICE:
        thread_ts, body = await thread_of(store, delivery), dict(delivery.notice or {})
        if account := body.get("account"):
            body["account"] = render_context.display_name(account)
        return _with_notes(OutgoingMessage(delivery.channel, notice_message(body), delivery.key, thread_ts), notes)
    if delivery.message_kind is MessageKind.DIGEST:
        changes = await store.jobs.changes.in_digest(delivery.id)
        told_as = _DIGESTS[(delivery.notice or {}).get("kind", "digest")]
        lines = [
            DigestLine(each.change, each.job, each.reason, render_context.display_name(each.account))
            for each in changes
        ]
        message = told_as(lines, notes=notes)
        return OutgoingMessage(delivery.channel, message, delivery.key)
    if delivery.message_kind is MessageKind.CARD:
        return await _render_card(store, delivery, render_context, notes)
    assert delivery.change_id is not None  # noqa: S101 - a change has one
    recorded = await store.jobs.changes.find(delivery.change_id)
    track = await store.channels.tracks.find(recorded.account, recorded.job_id, delivery.channel)
    links = render_context.job_links(recorded.account, recorded.job, tracked=track is not None)
    person = track.person if track else None
    return await _render_change(store, delivery, recorded, links, person=person, notes=notes)


async def _render_card(store: Store, delivery: Delivery, context: RenderContext, notes: list[str]) -> OutgoingMessage:
    card_row = await store.jobs.cards.find(delivery.card_id or 0)
    assert card_row is not None  # noqa: S101 - the row names it
    at_change = await store.jobs.changes.find(delivery.change_id) if delivery.change_id else None
    job = at_change.job if at_change else None
    message = await render_card(store, card_row, context, at_change=job, notes=notes)
    # Without the curves: Slack may refuse a picture that it just got, and a post cannot be taken back. An edit adds them.
    shows = card_row.generation - 1 if curves.has_image(message) else card_row.generation
    return OutgoingMessage(delivery.channel, curves.without_images(message), delivery.key, generation=shows)


async def render_card(
    store: Store,
    card_row: Card,
    context: RenderContext,
    *,
    at_change: Job | None = None,
    notes: Sequence[str] = (),
) -> Message:
    """Return a card as it has to look now.

    Args:
        store: where all of it is known.
        card_row: which card, read before this is called: what it wants to show is shown at the least.
        context: what drawing needs beside the store.
        at_change: the job at the change that the card is owed for, in case nothing was kept of it since.
        notes: what is to be said of the message itself, already safe.

    Raises:
        LookupError: nothing is known of the job.
    """
    snapshot = await store.jobs.snapshots.find(card_row.account, card_row.job_id)
    job = snapshot.job if snapshot else at_change
    if job is None:
        raise LookupError(card_row.job_id)
    track = await store.channels.tracks.find(card_row.account, card_row.job_id, card_row.channel)
    links = context.job_links(card_row.account, job, tracked=track is not None)
    state = _card_state(snapshot, context.clock()) if snapshot else None
    compact = (await store.channels.preferences.find(card_row.channel)).compact
    said = [*notes] if compact else [_why_here(job.id, track), *notes]
    return card(job, links, " · ".join(said), state, compact=compact)


def _card_state(snapshot: snapshots.JobSnapshot, now: float) -> CardState:
    shown = curves.curves_image(snapshot.chart.file_id, snapshot.chart.alt_text) if snapshot.chart else None
    return CardState(now, snapshot.state_since, snapshot.progress, snapshot.is_missing, snapshot.stalled_since, shown)


async def _render_change(
    store: Store,
    delivery: Delivery,
    recorded: RecordedChange,
    links: JobLinks,
    *,
    person: str | None,
    notes: list[str],
) -> OutgoingMessage:
    message = alert(
        recorded.change,
        recorded.job,
        links,
        person=person,
        reason=recorded.reason,
        late_at=recorded.seen_at if recorded.late else None,
        notes=notes,
    )
    thread_ts = await thread_of(store, delivery)
    settings = await store.channels.preferences.find(delivery.channel)
    broadcast = bool(thread_ts and recorded.change.ends_job and settings.broadcast)
    return OutgoingMessage(delivery.channel, message, delivery.key, thread_ts, broadcast)


async def thread_of(store: Store, delivery: Delivery) -> str | None:
    """Return where the thread of a delivery's card begins, None where it has none."""
    card_row = await store.jobs.cards.find(delivery.card_id) if delivery.card_id else None
    return card_row.ts if card_row else None


def _with_notes(outgoing: OutgoingMessage, notes: list[str]) -> OutgoingMessage:
    if not notes:
        return outgoing
    drawn = outgoing.message
    return replace(outgoing, message=Message(drawn.text, [*drawn.blocks, context(" · ".join(notes))]))


def _notes(delivery: Delivery, *, possible_duplicate: bool) -> list[str]:
    """Return what a message has to say about its own way."""
    notes = [POSSIBLE_DUPLICATE] if possible_duplicate else []
    if delivery.last_error in THREAD_UNAVAILABLE:
        notes.append(THREAD_UNAVAILABLE_NOTE)
    if delivery.rate_limited_for > NOTE_DELAY_AFTER:
        late = format_duration(delivery.claimed_at - delivery.created_at)
        notes.append(f"comes {late} late: Slack's rate limit held it up")
    return notes


def _why_here(job_id: str, track: Track | None) -> str:
    if track is None:
        return f"Untracked here · {code_span(f'/ftjob track {job_id}')} posts a new card"
    stop = f"stop with {code_span(f'/ftjob untrack {job_id}')}"
    # What was so when the track began stays true, whatever becomes of the subscription.
    all_new = "; `/ftjob subscriptions` shows what this channel subscribes to" if track.person is None else ""
    why = tracked_by(track.person)
    return f"{why[0].upper()}{why[1:]} · {stop}{all_new}"
