"""`track`, `untrack` and `tracked`: a channel or a person follows jobs."""

import secrets

from bot.blocks.answers import note_message
from bot.blocks.card import CardState, card
from bot.blocks.parts import code_span, user_mention
from bot.blocks.track_remainder import track_remainder_message
from bot.blocks.tracked_list import tracked_list
from bot.commands.accounts import resolve_account
from bot.commands.command import Command, Reply, Requester, page_start
from bot.commands.context import Context
from bot.commands.error_messages import quota
from bot.commands.last_known import outage_notes
from bot.commands.post_card import post_card
from bot.errors import ProviderError, UserError
from bot.providers.wire import FetchedJob
from bot.slack.messages import OutgoingMessage
from bot.store.channels.tracks import Track
from bot.store.jobs.jobs import KnownJob

MOST_OPEN = 1_000
"""Jobs that people may track by hand at once, settled ones left out; two commands at one moment may pass it by a few."""


async def track(command: Command, context: Context) -> Reply:
    """Follow jobs in this channel, in another one, or in the asker's direct messages."""
    if len(command.job_ids) == 1:
        return Reply(note_message(await _track_in_turn(command.job_ids[0], command, context)))
    # One that fails must not hide what became of the others.
    said = [await try_one(job_id, command, context) for job_id in command.job_ids]
    return Reply(track_remainder_message("\n".join(said), command.left_out, at_once=len(command.job_ids)))


async def try_one(job_id: str, command: Command, context: Context) -> str:
    """Follow a job and return what came of it, also where it did not work."""
    try:
        context = await resolve_account(job_id, context)
        return await _track_in_turn(job_id, command, context)
    except UserError as error:
        return f":warning: {code_span(job_id)}: {error}"
    except ProviderError as error:
        return f":warning: {context.error_text(error, job_id)}"


async def _track_in_turn(job_id: str, command: Command, context: Context) -> str:
    async with context.channel_lock(_destination(command)):
        return await _track_one(job_id, command, context)


async def _track_one(job_id: str, command: Command, context: Context) -> str:
    where = {None: "here", "me": "in our direct messages"}.get(command.to, f"in <#{command.to}>")
    if track := await _track_there(job_id, command, context):
        return await _tracked_already(track, where, command, context)
    if await context.store.channels.tracks.count_open_manual(context.account) >= MOST_OPEN:
        raise UserError(quota(MOST_OPEN))
    known = await context.store.jobs.states.find(context.account, job_id)
    reading = await context.client.retrieve(job_id)
    around = context.around(reading.job, tracked=True)
    present = _present(reading, known, context.clock())
    compact = (await context.store.channels.preferences.find(_destination(command))).compact
    why = "" if compact else _note(job_id, command.requester)
    picture = card(reading.job, around, why, present, compact=compact)
    outgoing = OutgoingMessage(_destination(command), picture, key=secrets.token_hex(16))
    channel, ts = await post_card(outgoing, command.requester, context)
    new = Track(context.account, job_id, channel, command.requester.person)
    await context.recorder.add_track(new, reading, known, card_ts=ts)
    if reading.snapshot.is_final:
        return f"{code_span(job_id)} is over already; its card {where} shows how it ended."
    return f"Tracking {code_span(job_id)} {where}."


def _present(reading: FetchedJob, known: KnownJob | None, now: float) -> CardState:
    if known is None or known.state.status != reading.snapshot.status:
        return CardState(now)
    return CardState(now, known.state_since, stalled_since=known.stalled_since)


def _destination(command: Command) -> str:
    if command.to == "me":
        return command.requester.person
    return command.to or command.requester.channel


async def _track_there(job_id: str, command: Command, context: Context) -> Track | None:
    followers = await context.store.channels.tracks.followers(context.account, job_id)
    if command.to == "me":
        mine = (each for each in followers if each.person == command.requester.person and each.channel.startswith("D"))
        return next(mine, None)
    return next((each for each in followers if each.channel == _destination(command)), None)


async def _tracked_already(track: Track, where: str, command: Command, context: Context) -> str:
    """Take over a track of a subscription that tells some statuses alone: who asks by hand hears of everything."""
    if not track.statuses:
        return f"{code_span(track.job_id)} is already tracked {where}."
    async with context.store.db.transaction() as tx:
        await context.store.channels.tracks.add(
            tx, [Track(track.account, track.job_id, track.channel, command.requester.person)]
        )
        await context.store.jobs.cards.bump_generation(tx, track.account, track.job_id)
    return f"{code_span(track.job_id)} is tracked {where}, from now on with every change."


def _note(job_id: str, asker: Requester) -> str:
    return (
        f":bell: {user_mention(asker.person)} tracks this job here · stop with {code_span(f'/ftjob untrack {job_id}')}"
    )


async def untrack(command: Command, context: Context) -> Reply:
    """Stop following jobs in this channel."""
    asker = command.requester
    if command.everything:
        count = len(await context.store.channels.tracks.remove(asker.channel))
        if count == 0:
            return Reply(note_message("Nothing is tracked here, so there is nothing to stop."))
        jobs = "1 job" if count == 1 else f"{count} jobs"
        return Reply(note_message(f"{user_mention(asker.person)} untracked {jobs} here."), public=True)
    gone = [job for job in command.job_ids if await context.store.channels.tracks.remove(asker.channel, job)]
    if not gone:
        return Reply(note_message("Not tracked here: nothing to stop. `/ftjob tracked` shows what is."))
    return Reply(
        note_message(f"{user_mention(asker.person)} untracked {', '.join(map(code_span, gone))} here."), public=True
    )


async def tracked(command: Command, context: Context) -> Reply:
    """Show what this channel follows."""
    channel = command.requester.channel
    found = await context.store.channels.tracks.in_channel(channel)
    subscribed = bool(await context.store.channels.tracks.subscriptions_of(channel))
    notes = await outage_notes([each.account for each, _ in found], context)
    rows = [(each.job_id, state.status) for each, state in found]
    shown = tracked_list(rows, subscribed=subscribed, notes=notes, start=page_start(command, rows))
    return Reply(shown, replaces=command.replaces)
