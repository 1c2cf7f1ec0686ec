"""Draw what is owed at the moment it is sent, from the stored change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.blocks import Message, curves
from bot.blocks.alert import alert
from bot.blocks.card import Present, card
from bot.blocks.digest import Told, after_flapping, after_mute, digest
from bot.blocks.job import Surroundings, followed_by
from bot.blocks.notice import notice
from bot.blocks.parts import code, context, duration
from bot.jobs.actions import Order
from bot.jobs.models import Job
from bot.jobs.prices import price_of
from bot.slack.errors import THREAD_GONE
from bot.slack.messages import Outgoing
from bot.store import Store
from bot.store.channels.tracks import Track
from bot.store.db.engine import Clock
from bot.store.jobs import snapshots
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import RecordedChange
from bot.store.outbox.delivery import Delivery, Picture


class Origin(Protocol):
    """What messages show of the account that a job is from."""

    @property
    def orders(self) -> frozenset[Order]:
        """What it can be ordered to do."""

    @property
    def hint(self) -> str | None:
        """What it wants to be done with a finished model."""

    def job_page(self, job_id: str) -> str:
        """Return the address of the job's page."""


TELLS_DELAY = 30.0
"""Seconds by which Slack's rate limit has to delay an alert before the alert says so."""
MAY_BE_REPEAT = "may be a repeat: Slack did not say whether the first attempt arrived"
NO_THREAD = "not in its job's thread, which Slack does not find any more"


@dataclass(frozen=True)
class Drawing:
    """What drawing needs beside the store."""

    accounts: Mapping[str, Origin]
    """By name, every account that is watched; what is owed may be about one that is not any more."""
    clock: Clock
    read_only: bool = False
    prices: Mapping[str, float] = field(default_factory=dict)
    """As of ``jobs.prices``."""

    def named(self, account: str) -> str | None:
        """Return the name of an account where one has to be told from another."""
        return account if len(self.accounts) > 1 or account not in self.accounts else None

    def around(self, account: str, job: Job, *, tracked: bool) -> Surroundings:
        """Return what a picture of a job shows beside it."""
        price, name = price_of(job.model, self.prices), self.named(account)
        origin = self.accounts.get(account)
        if origin is None:
            return Surroundings(None, tracked, frozenset(), price, name)
        orders = frozenset[Order]() if self.read_only else origin.orders
        return Surroundings(origin.job_page(job.id), tracked, orders, price, name, origin.hint)


_DIGESTS = {"digest": digest, "after_mute": after_mute, "after_flapping": after_flapping}


async def draw(store: Store, delivery: Delivery, drawing: Drawing, *, repeated: bool) -> Outgoing:
    """Return the message that a delivery stands for; ``repeated`` where it may stand in the channel already."""
    outgoing = await _draw(store, delivery, drawing, repeated=repeated)
    return replace(outgoing, person=await store.direct.person(delivery.channel))


async def _draw(store: Store, delivery: Delivery, drawing: Drawing, *, repeated: bool) -> Outgoing:
    notes = _notes(delivery, repeated=repeated)
    if delivery.picture is Picture.NOTICE:
        thread_ts, body = await thread_of(store, delivery), dict(delivery.notice or {})
        if account := body.get("account"):
            body["account"] = drawing.named(account)
        return _noted(Outgoing(delivery.channel, notice(body), delivery.key, thread_ts), notes)
    if delivery.picture is Picture.DIGEST:
        told = await store.changes.in_digest(delivery.id)
        told_as = _DIGESTS[(delivery.notice or {}).get("kind", "digest")]
        lines = [Told(each.change, each.job, each.reason, drawing.named(each.account)) for each in told]
        message = told_as(lines, notes=notes)
        return Outgoing(delivery.channel, message, delivery.key)
    if delivery.picture is Picture.CARD:
        return await _card(store, delivery, drawing, notes)
    assert delivery.change_id is not None  # noqa: S101 - a change has one
    recorded = await store.changes.find(delivery.change_id)
    track = await store.tracks.find(recorded.account, recorded.job_id, delivery.channel)
    around = drawing.around(recorded.account, recorded.job, tracked=track is not None)
    person = track.person if track else None
    return await _change(store, delivery, recorded, around, person=person, notes=notes)


async def _card(store: Store, delivery: Delivery, drawing: Drawing, notes: list[str]) -> Outgoing:
    place = await store.cards.find(delivery.replies_to or 0)
    assert place is not None  # noqa: S101 - the row names it
    at_change = await store.changes.find(delivery.change_id) if delivery.change_id else None
    job = at_change.job if at_change else None
    message = await draw_card(store, place, drawing, at_change=job, notes=notes)
    # Without the curves: Slack may refuse a picture that it just got, and a post cannot be taken back. An edit adds them.
    shows = place.wanted - 1 if curves.has_picture(message) else place.wanted
    return Outgoing(delivery.channel, curves.without_picture(message), delivery.key, shows=shows)


async def draw_card(
    store: Store,
    place: Card,
    drawing: Drawing,
    *,
    at_change: Job | None = None,
    notes: Sequence[str] = (),
) -> Message:
    """Return a card as it has to look now.

    Args:
        store: where all of it is known.
        place: which card, read before this is called: what it wants to show is shown at the least.
        drawing: what drawing needs beside the store.
        at_change: the job at the change that the card is owed for, in case nothing was kept of it since.
        notes: what is to be said of the message itself, already safe.

    Raises:
        LookupError: nothing is known of the job.
    """
    picture = await store.pictures.find(place.account, place.job_id)
    job = picture.job if picture else at_change
    if job is None:
        raise LookupError(place.job_id)
    track = await store.tracks.find(place.account, place.job_id, place.channel)
    around = drawing.around(place.account, job, tracked=track is not None)
    present = _present(picture, drawing.clock()) if picture else None
    compact = (await store.channels.find(place.channel)).compact
    said = [*notes] if compact else [_why_here(job.id, track), *notes]
    return card(job, around, " · ".join(said), present, compact=compact)


def _present(known: snapshots.Picture, now: float) -> Present:
    shown = curves.picture(known.chart.file, known.chart.says) if known.chart else None
    return Present(now, known.since, known.progress, known.is_gone, known.stuck_since, shown)


async def _change(
    store: Store,
    delivery: Delivery,
    recorded: RecordedChange,
    around: Surroundings,
    *,
    person: str | None,
    notes: list[str],
) -> Outgoing:
    message = alert(
        recorded.change,
        recorded.job,
        around,
        person=person,
        reason=recorded.reason,
        late=recorded.late,
        seen_at=recorded.seen_at,
        notes=notes,
    )
    thread_ts = await thread_of(store, delivery)
    settings = await store.channels.find(delivery.channel)
    broadcast = bool(thread_ts and recorded.change.ends_job and settings.broadcast)
    return Outgoing(delivery.channel, message, delivery.key, thread_ts, broadcast)


async def thread_of(store: Store, delivery: Delivery) -> str | None:
    """Return where the thread of a delivery's card begins, None where it has none."""
    place = await store.cards.find(delivery.replies_to) if delivery.replies_to else None
    return place.ts if place else None


def _noted(outgoing: Outgoing, notes: list[str]) -> Outgoing:
    if not notes:
        return outgoing
    drawn = outgoing.message
    return replace(outgoing, message=Message(drawn.text, [*drawn.blocks, context(" · ".join(notes))]))


def _notes(delivery: Delivery, *, repeated: bool) -> list[str]:
    """Return what a message has to say about its own way."""
    notes = [MAY_BE_REPEAT] if repeated else []
    if delivery.last_error in THREAD_GONE:
        notes.append(NO_THREAD)
    if delivery.limited_for > TELLS_DELAY:
        late = duration(delivery.claimed_at - delivery.created_at)
        notes.append(f"comes {late} late: Slack's rate limit held it up")
    return notes


def _why_here(job_id: str, track: Track | None) -> str:
    if track is None:
        return f"Untracked here · {code(f'/ftjob track {job_id}')} posts a new card"
    stop = f"stop with {code(f'/ftjob untrack {job_id}')}"
    # What was so when the track began stays true, whatever becomes of the subscription.
    all_new = "; `/ftjob subscriptions` shows what this channel subscribes to" if track.person is None else ""
    why = followed_by(track.person)
    return f"{why[0].upper()}{why[1:]} · {stop}{all_new}"
