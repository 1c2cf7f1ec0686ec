"""Draw what is owed at the moment it is sent, from the stored change."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.alerts.retry import THREAD_GONE
from bot.blocks import Message
from bot.blocks.alert import alert
from bot.blocks.digest import digest
from bot.blocks.job import Surroundings, card, followed_by
from bot.blocks.notice import notice
from bot.blocks.parts import code, context, duration
from bot.jobs.changes import ChangeKind
from bot.store import Store
from bot.store.jobs import RecordedChange
from bot.store.outbox import Delivery, Picture

JobPage = Callable[[str, str], str]
"""Account name and job id -> the address of the job's page."""

TELLS_DELAY = 30.0
"""Seconds by which Slack's rate limit has to delay an alert before the alert says so."""
MAY_BE_REPEAT = "may be a repeat: Slack did not say whether the first attempt arrived"
NO_THREAD = "not in its job's thread, which Slack does not find any more"


@dataclass(frozen=True)
class Outgoing:
    """One message on its way to a channel."""

    channel: str
    message: Message
    key: str
    """What it can be recognised by later; goes into the message's metadata."""
    thread_ts: str | None = None
    broadcast: bool = False
    """Whether a reply in a thread is shown in the channel too."""


@dataclass(frozen=True)
class Drawing:
    """What drawing needs beside the store."""

    job_page: JobPage
    can_cancel: bool


async def draw(store: Store, delivery: Delivery, drawing: Drawing, *, repeated: bool) -> Outgoing:
    """Return the message that a delivery stands for; ``repeated`` where it may stand in the channel already."""
    notes = _notes(delivery, repeated=repeated)
    if delivery.picture is Picture.NOTICE:
        thread_ts = await _thread(store, delivery)
        return _noted(Outgoing(delivery.channel, notice(delivery.notice or {}), delivery.key, thread_ts), notes)
    if delivery.picture is Picture.DIGEST:
        told = await store.jobs.changes_in_digest(delivery.id)
        message = digest([(each.change, each.job, each.reason) for each in told], notes=notes)
        return Outgoing(delivery.channel, message, delivery.key)
    assert delivery.change_id is not None  # noqa: S101 - cards and changes have one
    recorded = await store.jobs.change(delivery.change_id)
    track = await store.tracks.find(recorded.account, recorded.job_id, delivery.channel)
    person = track.person if track else None
    page = drawing.job_page(recorded.account, recorded.job_id)
    if delivery.picture is Picture.CARD:
        around = Surroundings(page, tracked=True, can_cancel=drawing.can_cancel)
        message = card(recorded.job, around, " · ".join([_why_here(recorded, person), *notes]))
        return Outgoing(delivery.channel, message, delivery.key)
    return await _change(store, delivery, recorded, page=page, person=person, notes=notes)


async def _change(
    store: Store, delivery: Delivery, recorded: RecordedChange, *, page: str, person: str | None, notes: list[str]
) -> Outgoing:
    message = alert(
        recorded.change,
        recorded.job,
        page=page,
        person=person,
        reason=recorded.reason,
        late=recorded.late,
        seen_at=recorded.seen_at,
        notes=notes,
    )
    thread_ts = await _thread(store, delivery)
    broadcast = bool(thread_ts and recorded.change.ends_job)
    return Outgoing(delivery.channel, message, delivery.key, thread_ts, broadcast)


async def _thread(store: Store, delivery: Delivery) -> str | None:
    """Return where the thread of a delivery's card begins, None where it has none."""
    card = await store.tracks.card(delivery.replies_to) if delivery.replies_to else None
    return card.ts if card else None


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


def _why_here(recorded: RecordedChange, person: str | None) -> str:
    if recorded.change.kind is ChangeKind.NEW:
        return "New job · this channel is subscribed · stop with `/ftjob unsubscribe`"
    return f"{followed_by(person)} · stop with {code(f'/ftjob untrack {recorded.job_id}')}"
