"""What the page shows: the workspace with everybody's eyes, the jobs, the ledger. Plain JSON, as records by kind."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.demo.oracle.counts import DeliveryCounts
from bot.sandbox.demo.page.feed import PageState, Records
from bot.sandbox.demo.page.troubles import FAULT_CONTROLS, outages
from bot.sandbox.request_log import LoggedRequest
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView, with_ids
from bot.sandbox.slack.workspace import BOT_USER, Channel, User

NEWEST_REQUESTS = 150
_LONGEST_BRIEF = 160
_UNSHOWN = frozenset({"blocks", "trigger_id"})
"""What the ledger does not show of a request: it is long, or secret."""

JsonObject = dict[str, Any]


class PageStateReader:
    """Takes pictures of a stage. A line that did not change is not drawn up again, however many there are."""

    def __init__(self, stage: DemoEnvironment) -> None:
        self._stage = stage
        self._counts = DeliveryCounts(stage.slack, stage.api)
        self._lines: dict[str, tuple[object, JsonObject]] = {}

    def read(self, troubles: dict[str, str]) -> PageState:
        """Return everything that the page shows; ``troubles`` names what is broken of each side."""
        space = self._stage.slack.workspace
        channels = {channel.id: channel for channel in space.channels.values()}
        messages = chain.from_iterable(channel.messages for channel in channels.values())
        ephemerals = (each for each in space.ephemerals if not each.deleted)
        stacks = {person: stack for person, stack in space.modal_stacks.items() if stack}
        return {
            "people": {each.id: _person(self._stage, each) for each in space.users.values()},
            "channels": {channel.id: _channel(channel) for channel in channels.values()},
            "lines": self._newest_last(chain(messages, ephemerals)),
            "homes": {person: {"blocks": with_ids(view.blocks)} for person, view in space.homes.items()},
            "modals": {person: _modal(stack[-1]) for person, stack in stacks.items()},
            "jobs": {job["id"]: _job(job) for job in self._stage.api.jobs.values()},
            "entries": _entries(self._stage),
            "facts": _facts(self._stage, troubles) | {"counts": self._counts.current(outages(self._stage, troubles))},
        }

    def _newest_last(self, lines: Iterable[ChannelMessage | EphemeralMessage]) -> Records:
        made = {line.ts: self._line(line) for line in lines}
        self._lines = {ts: made[ts] for ts in sorted(made)}
        return {ts: shape for ts, (_, shape) in self._lines.items()}

    def _line(self, line: ChannelMessage | EphemeralMessage) -> tuple[object, JsonObject]:
        edited = len(line.earlier_versions) if isinstance(line, ChannelMessage) else 0
        state = (line.channel, line.text, line.blocks, edited)
        known = self._lines.get(line.ts)
        return known if known and known[0] == state else (state, _line(line))


def _facts(stage: DemoEnvironment, troubles: dict[str, str]) -> Records:
    return {
        "me": stage.operator.id,
        "shortcuts": [
            {"callback_id": callback_id, "name": name}
            for callback_id, (kind, name) in stage.slack.workspace.app.shortcuts.items()
            if kind == "message"
        ],
        "speed": stage.api.speed,
        "troubles": [{"name": each.name, "side": each.side, "says": each.label} for each in FAULT_CONTROLS],
        "troubled": dict(troubles),
        "bot": {
            "running": stage.bot_process.is_running,
            "connected": bool(stage.slack.payload_sender.connections),
            "starts": stage.bot_process.starts,
        },
    }


def _person(stage: DemoEnvironment, member: User) -> JsonObject:
    roles = {
        stage.operator.id: "operator (workspace admin)",
        stage.member.id: "member",
        stage.guest.id: "guest",
        stage.external_user.id: "from another company",
    }
    return {"id": member.id, "name": member.name, "role": roles.get(member.id), "bot": member.id == BOT_USER}


def _channel(channel: Channel) -> JsonObject:
    return {
        "id": channel.id,
        "name": "ftjob" if channel.is_im else channel.name,
        "im": channel.is_im,
        "person": channel.user,
        "joined": channel.bot_is_member,
    }


def _line(line: ChannelMessage | EphemeralMessage) -> JsonObject:
    shape = {
        "ts": line.ts,
        "channel": line.channel,
        "text": line.text,
        "blocks": with_ids(line.blocks),
        "thread": line.thread_ts,
    }
    if isinstance(line, EphemeralMessage):
        return shape | {"user": BOT_USER, "only_for": line.user}
    return shape | {"user": line.user, "broadcast": line.reply_broadcast, "edited": len(line.earlier_versions)}


def _modal(view: OpenView) -> JsonObject:
    return {
        "id": view.id,
        "hash": view.hash,
        "title": view.text,
        "blocks": with_ids(view.blocks),
        "submit": view.body.get("submit", {}).get("text"),
        "close": view.body.get("close", {}).get("text", "Close"),
        "errors": dict(view.errors),
    }


def _job(job: JsonObject) -> JsonObject:
    return {name: job.get(name) for name in ("id", "status", "model", "fine_tuned_model", "created_at")}


def _entries(stage: DemoEnvironment) -> Records:
    """Return the newest requests of both sides, oldest first."""
    sides = (("Slack", stage.slack.request_log), ("API", stage.api.request_log))
    entries = [
        (entry.at, f"{side} {nth}", side, entry)
        for side, ledger in sides
        for nth, entry in enumerate(ledger.after(len(ledger) - NEWEST_REQUESTS), max(0, len(ledger) - NEWEST_REQUESTS))
    ]
    newest = sorted(entries, key=lambda each: each[0])[-NEWEST_REQUESTS:]
    return {name: _entry(name, side, entry) for _, name, side, entry in newest}


def _entry(name: str, side: str, entry: LoggedRequest) -> JsonObject:
    request = {
        name: value for name, value in entry.request.items() if value not in (None, {}, "") and name not in _UNSHOWN
    }
    brief = " ".join(f"{name}={value}" for name, value in request.items())
    return {
        "name": name,
        "at": entry.at,
        "side": side,
        "what": entry.endpoint,
        "brief": brief[:_LONGEST_BRIEF],
        "status": entry.status,
        "accepted": entry.accepted,
    }
