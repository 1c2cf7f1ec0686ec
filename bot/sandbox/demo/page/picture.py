"""What the page shows: the workspace with everybody's eyes, the jobs, the ledger. Plain JSON, as records by kind."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from bot.sandbox.demo.environment import Stage
from bot.sandbox.demo.oracle.counts import Counts
from bot.sandbox.demo.page.feed import Picture, Records
from bot.sandbox.demo.page.troubles import TROUBLES, outages
from bot.sandbox.request_log import Entry
from bot.sandbox.slack.messages import Ephemeral, Message, View, with_ids
from bot.sandbox.slack.workspace import BOT_USER, Channel, Member

NEWEST_ENTRIES = 150
_LONGEST_BRIEF = 160
_UNSHOWN = frozenset({"blocks", "trigger_id"})
"""What the ledger does not show of a request: it is long, or secret."""

Shape = dict[str, Any]


class Pictures:
    """Takes pictures of a stage. A line that did not change is not drawn up again, however many there are."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._counts = Counts(stage.slack, stage.api)
        self._lines: dict[str, tuple[object, Shape]] = {}

    def take(self, troubles: dict[str, str]) -> Picture:
        """Return everything that the page shows; ``troubles`` names what is broken of each side."""
        space = self._stage.slack.workspace
        channels = {channel.id: channel for channel in space.channels.values()}
        messages = chain.from_iterable(channel.messages for channel in channels.values())
        ephemerals = (each for each in space.ephemerals if not each.deleted)
        stacks = {person: stack for person, stack in space.stacks.items() if stack}
        return {
            "people": {each.id: _person(self._stage, each) for each in space.people.values()},
            "channels": {channel.id: _channel(channel) for channel in channels.values()},
            "lines": self._newest_last(chain(messages, ephemerals)),
            "homes": {person: {"blocks": with_ids(view.blocks)} for person, view in space.homes.items()},
            "modals": {person: _modal(stack[-1]) for person, stack in stacks.items()},
            "jobs": {job["id"]: _job(job) for job in self._stage.api.jobs.values()},
            "entries": _entries(self._stage),
            "facts": _facts(self._stage, troubles) | {"counts": self._counts.now(outages(self._stage, troubles))},
        }

    def _newest_last(self, lines: Iterable[Message | Ephemeral]) -> Records:
        made = {line.ts: self._line(line) for line in lines}
        self._lines = {ts: made[ts] for ts in sorted(made)}
        return {ts: shape for ts, (_, shape) in self._lines.items()}

    def _line(self, line: Message | Ephemeral) -> tuple[object, Shape]:
        edited = len(line.edited) if isinstance(line, Message) else 0
        state = (line.channel, line.text, line.blocks, edited)
        known = self._lines.get(line.ts)
        return known if known and known[0] == state else (state, _line(line))


def _facts(stage: Stage, troubles: dict[str, str]) -> Records:
    return {
        "me": stage.operator.id,
        "shortcuts": [
            {"callback_id": callback_id, "name": name}
            for callback_id, (kind, name) in stage.slack.workspace.installed.shortcuts.items()
            if kind == "message"
        ],
        "speed": stage.api.speed,
        "troubles": [{"name": each.name, "side": each.side, "says": each.says} for each in TROUBLES],
        "troubled": dict(troubles),
        "bot": {
            "running": stage.crew.is_running,
            "connected": bool(stage.slack.delivery.links),
            "starts": stage.crew.starts,
        },
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
        "person": channel.person,
        "joined": channel.bot_is_member,
    }


def _line(line: Message | Ephemeral) -> Shape:
    shape = {
        "ts": line.ts,
        "channel": line.channel,
        "text": line.text,
        "blocks": with_ids(line.blocks),
        "thread": line.thread_ts,
    }
    if isinstance(line, Ephemeral):
        return shape | {"user": BOT_USER, "only_for": line.user}
    return shape | {"user": line.user, "broadcast": line.reply_broadcast, "edited": len(line.edited)}


def _modal(view: View) -> Shape:
    return {
        "id": view.id,
        "hash": view.hash,
        "title": view.text,
        "blocks": with_ids(view.blocks),
        "submit": view.body.get("submit", {}).get("text"),
        "close": view.body.get("close", {}).get("text", "Close"),
        "errors": dict(view.errors),
    }


def _job(job: Shape) -> Shape:
    return {name: job.get(name) for name in ("id", "status", "model", "fine_tuned_model", "created_at")}


def _entries(stage: Stage) -> Records:
    """Return the newest requests of both sides, oldest first."""
    sides = (("Slack", stage.slack.ledger), ("API", stage.api.ledger))
    entries = [
        (entry.at, f"{side} {nth}", side, entry)
        for side, ledger in sides
        for nth, entry in enumerate(ledger.after(len(ledger) - NEWEST_ENTRIES), max(0, len(ledger) - NEWEST_ENTRIES))
    ]
    newest = sorted(entries, key=lambda each: each[0])[-NEWEST_ENTRIES:]
    return {name: _entry(name, side, entry) for _, name, side, entry in newest}


def _entry(name: str, side: str, entry: Entry) -> Shape:
    request = {
        name: value for name, value in entry.request.items() if value not in (None, {}, "") and name not in _UNSHOWN
    }
    brief = " ".join(f"{name}={value}" for name, value in request.items())
    return {
        "name": name,
        "at": entry.at,
        "side": side,
        "what": entry.what,
        "brief": brief[:_LONGEST_BRIEF],
        "status": entry.status,
        "accepted": entry.accepted,
    }
