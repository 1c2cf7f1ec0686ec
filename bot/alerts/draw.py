"""Draw what is owed at the moment it is sent, from the stored change."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.blocks import Message
from bot.blocks.alert import alert
from bot.blocks.job import Surroundings, card, followed_by
from bot.blocks.parts import code
from bot.jobs.changes import ChangeKind
from bot.store import Store
from bot.store.jobs import RecordedChange
from bot.store.outbox import Delivery, Picture

JobPage = Callable[[str, str], str]
"""Account name and job id -> the address of the job's page."""


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


async def draw(store: Store, delivery: Delivery, *, job_page: JobPage, can_cancel: bool) -> Outgoing:
    """Return the message that a delivery stands for."""
    recorded = await store.jobs.change(delivery.change_id)
    track = await store.tracks.find(recorded.account, recorded.job_id, delivery.channel)
    person = track.person if track else None
    page = job_page(recorded.account, recorded.job_id)
    if delivery.picture is Picture.CARD:
        around = Surroundings(page, tracked=True, can_cancel=can_cancel)
        return Outgoing(delivery.channel, card(recorded.job, around, _note(recorded, person)), delivery.key)
    message = alert(
        recorded.change,
        recorded.job,
        page=page,
        person=person,
        reason=recorded.reason,
        late=recorded.late,
        seen_at=recorded.seen_at,
        repeated=delivery.in_doubt,
    )
    thread = await store.tracks.card(delivery.replies_to)
    return Outgoing(
        delivery.channel,
        message,
        delivery.key,
        thread_ts=thread.ts if thread else None,
        broadcast=bool(thread and thread.ts and recorded.change.ends_job),
    )


def _note(recorded: RecordedChange, person: str | None) -> str:
    if recorded.change.kind is ChangeKind.NEW:
        return "New job · this channel is subscribed · stop with `/ftjob unsubscribe`"
    return f"{followed_by(person)} · stop with {code(f'/ftjob untrack {recorded.job_id}')}"
