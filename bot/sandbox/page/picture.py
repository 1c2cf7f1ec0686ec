"""What the page shows: the workspace with the eyes of one person, the jobs, the ledger. Plain JSON."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from bot.sandbox.ledger import Entry
from bot.sandbox.messages import Ephemeral, Message, View, with_ids
from bot.sandbox.openai_api.state import FINAL
from bot.sandbox.page.troubles import TROUBLES
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import BOT_USER, Channel, Member

NEWEST_ENTRIES = 150
_LONGEST_BRIEF = 160
_UNSHOWN = frozenset({"blocks", "trigger_id"})
"""What the ledger does not show of a request: it is long, or secret."""
_ENDS = {"succeeded": "Succeeded", "failed": "Failed", "cancelled": "Cancelled"}

Shape = dict[str, Any]


def picture(stage: Stage, viewer: Member, troubles: dict[str, str]) -> Shape:
    """Return everything that the page shows to somebody."""
    space = stage.slack.workspace
    channels = [channel for channel in space.channels.values() if not channel.is_im or channel.person == viewer.id]
    stack = space.stacks.get(viewer.id) or []
    home = space.homes.get(viewer.id)
    return {
        "me": viewer.id,
        "people": [_person(stage, each) for each in space.people.values()],
        "channels": [_channel(channel) for channel in channels],
        "ephemerals": [_ephemeral(each) for each in space.ephemerals if each.user == viewer.id and not each.deleted],
        "shortcuts": [
            {"callback_id": callback_id, "name": name}
            for callback_id, (kind, name) in space.installed.shortcuts.items()
            if kind == "message"
        ],
        "home": with_ids(home.blocks) if home else None,
        "modal": _modal(stack[-1]) if stack else None,
        "jobs": [_job(job) for job in reversed(stage.api.jobs.values())],
        "speed": stage.api.speed,
        "troubles": [{"name": each.name, "side": each.side, "says": each.says} for each in TROUBLES],
        "troubled": troubles,
        "bot": {
            "running": stage.crew.is_running,
            "connected": bool(stage.slack.delivery.links),
            "starts": stage.crew.starts,
        },
        "ledger": _ledger(stage),
    }


def _person(stage: Stage, member: Member) -> Shape:
    roles = {
        stage.operator.id: "operator (workspace admin)",
        stage.member.id: "member",
        stage.guest.id: "guest",
        stage.stranger.id: "from another company",
    }
    return {"id": member.id, "name": member.name, "role": roles.get(member.id), "bot": member.id == BOT_USER}


def _channel(channel: Channel) -> Shape:
    return {
        "id": channel.id,
        "name": "ftjob" if channel.is_im else channel.name,
        "im": channel.is_im,
        "joined": channel.bot_is_member,
        "messages": [_message(each) for each in channel.messages],
    }


def _message(message: Message) -> Shape:
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "text": message.text,
        "blocks": with_ids(message.blocks),
        "thread": message.thread_ts,
        "broadcast": message.reply_broadcast,
        "edited": len(message.edited),
    }


def _ephemeral(message: Ephemeral) -> Shape:
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": BOT_USER,
        "text": message.text,
        "blocks": with_ids(message.blocks),
        "thread": message.thread_ts,
        "ephemeral": True,
    }


def _modal(view: View) -> Shape:
    return {
        "id": view.id,
        "hash": view.hash,
        "title": view.text,
        "blocks": with_ids(view.blocks),
        "submit": view.body.get("submit", {}).get("text"),
        "close": view.body.get("close", {}).get("text", "Close"),
        "errors": view.errors,
    }


def _job(job: Shape) -> Shape:
    return {name: job.get(name) for name in ("id", "status", "model", "fine_tuned_model", "created_at")}


def _ledger(stage: Stage) -> Shape:
    sides = (("Slack", stage.slack.ledger), ("API", stage.api.ledger))
    entries = [(side, nth, entry) for side, ledger in sides for nth, entry in enumerate(ledger)]
    entries = sorted(entries, key=lambda each: each[2].at)[-NEWEST_ENTRIES:]
    return {
        "total": sum(len(ledger) for _, ledger in sides),
        "entries": [_entry(*each) for each in entries],
        "posted": sum(entry.what == "chat.postMessage" and entry.accepted for entry in stage.slack.ledger),
        "doubled": _doubled(stage),
        "untold": _untold(stage),
        "complaints": stage.slack.complaints,
        "errors": stage.slack.errors,
    }


def _entry(side: str, nth: int, entry: Entry) -> Shape:
    request = {
        name: value for name, value in entry.request.items() if value not in (None, {}, "") and name not in _UNSHOWN
    }
    brief = " ".join(f"{name}={value}" for name, value in request.items())
    return {
        "name": f"{side} {nth}",
        "at": entry.at,
        "side": side,
        "what": entry.what,
        "brief": brief[:_LONGEST_BRIEF],
        "status": entry.status,
        "accepted": entry.accepted,
    }


def _doubled(stage: Stage) -> int:
    """Count the messages of the bot that stand in Slack more than once, by what each calls itself."""
    keys = Counter(
        str((message.metadata or {}).get("event_payload"))
        for channel in stage.slack.workspace.channels.values()
        for message in channel.messages
        if message.metadata
    )
    return sum(count - 1 for count in keys.values())


def _untold(stage: Stage) -> int:
    """Count the ends of jobs with a card that their channels were not told of yet."""
    return sum(
        not any(_tells(message, job) for message in messages)
        for channel in stage.slack.workspace.channels.values()
        for job, messages in _told(channel, stage.api.jobs.values())
    )


def _told(channel: Channel, jobs: Iterable[Shape]) -> Iterable[tuple[Shape, list[Message]]]:
    """Yield each ended job that has a card in a channel, with all that stands there of it."""
    for job in jobs:
        messages = [message for message in channel.messages if job["id"] in message.text and message.user == BOT_USER]
        if job["status"] in FINAL and messages:
            yield job, messages


def _tells(message: Message, job: Shape) -> bool:
    """Whether a line of a message tells the end of a job: an alert, a digest, or a card that it had ended before."""
    return any(job["id"] in line and f"*{_ENDS[job['status']]}*" in line for line in message.plain.splitlines())
