"""`track`: a channel or a person gets a job's card and alerts."""

import re
import secrets
from dataclasses import dataclass

from typing_extensions import override

from bot.blocks.card import CardState, card
from bot.blocks.job import job_reference
from bot.blocks.parts import code_span, job_mention
from bot.blocks.replies import note_message
from bot.blocks.track_remainder import track_remainder_message
from bot.commands.accounts import Account
from bot.commands.arguments import echo, job_ids
from bot.commands.command import Command, Reply, Requester
from bot.commands.error_messages import quota
from bot.commands.post_card import post_card
from bot.commands.services import Services
from bot.commands.usage import Usage, usage_error
from bot.errors import ProviderError, UserError
from bot.providers.http.wire import FetchedJob
from bot.slack.messages import OutgoingMessage
from bot.store.channels.tracks import Track
from bot.store.jobs.jobs import KnownJob

USAGE = Usage(
    "track <id>... [me | in #channel]",
    "post updates for these jobs here, in another channel, or in your DMs",
    "track ftjob-abc123",
)
MAX_OPEN = 1_000
"""Open jobs that people may track by hand at once; two commands at one moment may exceed it by a few."""
_CHANNEL = re.compile(r"<#(?P<id>[CGD][A-Z0-9]+)(?:\|[^>]*)?>")


@dataclass(frozen=True)
class TrackCommand(Command):
    """`track`."""

    verb = "track"

    omitted_ids: tuple[str, ...] = ()
    """Jobs that the same message names, and that are too many for one command."""
    to: str | None = None
    """Another channel than the requester's, or the requester's direct messages ("me")."""

    @override
    @property
    def is_elsewhere(self) -> bool:
        """Whether the command tracks jobs in another channel than the requester's, or for another person."""
        return self.to not in (None, "me", self.requester.channel, self.requester.person)

    @property
    def destination(self) -> str:
        """The channel or the person that gets the card."""
        if self.to == "me":
            return self.requester.person
        return self.to or self.requester.channel


def parse(words: list[str], requester: Requester) -> TrackCommand:
    """Read the words after `track`."""
    to = None
    if words and words[-1].casefold() == "me":
        words, to = words[:-1], "me"
    elif len(words) > 1 and words[-2].casefold() == "in":
        channel = _CHANNEL.fullmatch(words[-1])
        if channel is None:
            raise usage_error(
                USAGE,
                f"I couldn't find the channel {echo(words[-1])}. Type it as #channel. If it's private, invite me there first.",
            )
        words, to = words[:-2], channel["id"]
    return TrackCommand(requester, job_ids(USAGE, words), to=to)


async def run(command: TrackCommand, services: Services, account: Account) -> Reply:
    """Track jobs in this channel, in another one, or in the requester's direct messages."""
    if len(command.job_ids) == 1:
        return Reply(note_message(await _track(command.job_ids[0], command, services, account)))
    # One that fails must not hide what became of the others.
    said = [await try_one(job_id, command, services) for job_id in command.job_ids]
    return Reply(track_remainder_message("\n".join(said), command.omitted_ids, batch_size=len(command.job_ids)))


async def try_one(job_id: str, command: TrackCommand, services: Services) -> str:
    """Track one job of several; return what came of it, the error where it did not work."""
    account = services.accounts.default
    try:
        account = await services.accounts.with_job(job_id, command.account)
        return await _track(job_id, command, services, account)
    except UserError as error:
        return f":warning: {code_span(job_id)}: {error}"
    except ProviderError as error:
        return f":warning: {account.error_text(error, job_id)}"


async def _track(job_id: str, command: TrackCommand, services: Services, account: Account) -> str:
    async with services.channel_locks.of(command.destination):
        return await _track_one(job_id, command, services, account)


async def _track_one(job_id: str, command: TrackCommand, services: Services, account: Account) -> str:
    where = {None: "here", "me": "in your DMs"}.get(command.to, f"in <#{command.to}>")
    if track := await _existing(job_id, command, services, account):
        return await _tracked_already(track, where, command, services)
    if await services.store.channels.tracks.count_open_manual(account.name) >= MAX_OPEN:
        raise UserError(quota(MAX_OPEN, account.display_name))
    known = await services.store.jobs.states.find(account.name, job_id)
    fetched = await account.client.retrieve(job_id)
    message = await _card(fetched, known, command, services, account)
    channel, ts = await post_card(message, command.requester, services)
    track = Track(account.name, job_id, channel, command.requester.person)
    await services.recorder.add_track(track, fetched, known, card_ts=ts)
    job = job_reference(fetched.job)
    if fetched.snapshot.is_final:
        return f"{job} has already finished. I posted its card {where}."
    return f"Tracking {job} {where}."


async def _card(
    fetched: FetchedJob, known: KnownJob | None, command: TrackCommand, services: Services, account: Account
) -> OutgoingMessage:
    links = services.render_context.job_links(account.name, fetched.job, tracked=True)
    state = _card_state(fetched, known, services.now())
    full = (await services.store.channels.preferences.find(command.destination)).full_cards
    message = card(fetched.job, links, state, person=command.requester.person, full=full)
    return OutgoingMessage(command.destination, message, key=secrets.token_hex(16))


def _card_state(fetched: FetchedJob, known: KnownJob | None, now: float) -> CardState:
    if known is None or known.state.status != fetched.snapshot.status:
        return CardState(now)
    return CardState(now, known.state_since, stalled_since=known.stalled_since)


async def _existing(job_id: str, command: TrackCommand, services: Services, account: Account) -> Track | None:
    tracks = await services.store.channels.tracks.followers(account.name, job_id)
    if command.to == "me":
        person = command.requester.person
        return next((each for each in tracks if each.person == person and each.channel.startswith("D")), None)
    return next((each for each in tracks if each.channel == command.destination), None)


async def _tracked_already(track: Track, where: str, command: TrackCommand, services: Services) -> str:
    """Take over a track of a subscription that alerts of some statuses alone: one made by hand alerts of all."""
    job = job_mention(track.job_id, await services.store.jobs.names.find(track.job_id))
    if not track.statuses:
        return f"{job} is already tracked {where}."
    mine = Track(track.account, track.job_id, track.channel, command.requester.person)
    async with services.store.db.transaction() as tx:
        await services.store.channels.tracks.add(tx, [mine])
        await services.store.jobs.cards.bump_generation(tx, track.account, track.job_id)
    preferences = await services.store.channels.preferences.find(track.channel)
    limit = (
        f", but alerts {where} are set to failures only, so you'll see only those" if preferences.failures_only else ""
    )
    return f"Now tracking all updates for {job} {where}{limit}."
