"""What the Home tab of one person shows."""

from bot.blocks.home import Health, Home, Quiet, Row, home
from bot.blocks.parts import Block
from bot.commands.context import Context
from bot.errors import ProviderError
from bot.jobs.statuses import Phase, phase_of
from bot.store.mutes import EVERY_JOB, Mute

NEWEST = 100
MOST_MINE = 10
MOST_RUNNING = 10
MOST_RECENT = 5


async def home_of(person: str, context: Context) -> Block:
    """Return the Home tab of somebody who may read."""
    store = context.store
    mine = await store.tracks.of_person(person, MOST_MINE)
    page, problem = None, None
    try:
        page = (await context.shared.page(after=None, limit=NEWEST, metadata={})).answer
    except ProviderError as error:
        problem = type(error).__name__
    jobs = [reading.job for reading in page.readings] if page else []
    running = [job for job in jobs if phase_of(job.status) is Phase.ACTIVE]
    rows = [
        Row(track.job_id, state.status, track.channel, page=context.client.job_page(track.job_id))
        for track, state in mine
    ]
    health = Health(
        await store.accounts.swept_at(context.account), problem, context.version, context.client.account.place
    )
    return home(
        Home(
            mine=rows,
            running=[Row(job.id, job.status, page=context.client.job_page(job.id)) for job in running[:MOST_RUNNING]],
            recent=[Row(job.id, job.status, page=context.client.job_page(job.id)) for job in jobs[:MOST_RECENT]],
            subscribed=sorted(
                {each.channel for each in await store.tracks.subscriptions(context.account) if each.person == person}
            ),
            muted=[_quiet(mute) for mute in await store.mutes.of_person(context.account, person)],
            health=health,
        )
    )


def _quiet(mute: Mute) -> Quiet:
    return Quiet(mute.channel, None if mute.job_id == EVERY_JOB else mute.job_id, mute.until)
