"""Page state: the workspace as every user sees it, the jobs and the request logs, as JSON records by kind."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.demo.job_servers import JobServers
from bot.sandbox.demo.oracle.delivery_counts import DeliveryCounts
from bot.sandbox.demo.page.changefeed import PageState, Records
from bot.sandbox.demo.page.fault_controls import FAULT_CONTROLS, outages
from bot.sandbox.request_log import LoggedRequest
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView, with_ids
from bot.sandbox.slack.workspace import BOT_USER, Channel, User

NEWEST_REQUESTS = 150
_SUMMARY_LENGTH = 160
_HIDDEN_ARGUMENTS = frozenset({"blocks", "trigger_id"})
"""Request arguments that the page hides because they are long or secret."""

JsonObject = dict[str, Any]


class PageStateReader:
    """Reads the state of a demo environment. Messages are rendered only when they change."""

    def __init__(self, demo: DemoEnvironment) -> None:
        self._demo = demo
        self._counts = DeliveryCounts(demo.slack, demo.servers)
        self._rendered: dict[str, tuple[object, JsonObject]] = {}

    def read(self, active_faults: dict[str, str]) -> PageState:
        """Return everything that the page shows; ``active_faults`` names the fault of each side, "" if none."""
        workspace = self._demo.slack.workspace
        channels = {channel.id: channel for channel in workspace.channels.values()}
        messages = chain.from_iterable(channel.messages for channel in channels.values())
        ephemerals = (each for each in workspace.ephemerals if not each.deleted)
        stacks = {user_id: stack for user_id, stack in workspace.modal_stacks.items() if stack}
        return {
            "users": {each.id: _render_user(self._demo, each) for each in workspace.users.values()},
            "channels": {channel.id: _render_channel(channel) for channel in channels.values()},
            "messages": self._by_time(chain(messages, ephemerals)),
            "homes": {user_id: {"blocks": with_ids(view.blocks)} for user_id, view in workspace.homes.items()},
            "modals": {user_id: _render_modal(stack[-1]) for user_id, stack in stacks.items()},
            "jobs": _render_jobs(self._demo.servers),
            "requests": _recent_requests(self._demo),
            "status": _demo_status(self._demo, active_faults)
            | {"counts": self._counts.current(outages(self._demo, active_faults))},
        }

    def _by_time(self, messages: Iterable[ChannelMessage | EphemeralMessage]) -> Records:
        rendered = {message.ts: self._render_if_changed(message) for message in messages}
        self._rendered = {ts: rendered[ts] for ts in sorted(rendered)}
        return {ts: body for ts, (_, body) in self._rendered.items()}

    def _render_if_changed(self, message: ChannelMessage | EphemeralMessage) -> tuple[object, JsonObject]:
        edited = len(message.earlier_versions) if isinstance(message, ChannelMessage) else 0
        state = (message.channel, message.text, message.blocks, edited)
        known = self._rendered.get(message.ts)
        return known if known and known[0] == state else (state, _render_message(message))


def _demo_status(demo: DemoEnvironment, active_faults: dict[str, str]) -> Records:
    return {
        "default_user": demo.operator.id,
        "shortcuts": [
            {"callback_id": callback_id, "name": name}
            for callback_id, (kind, name) in demo.slack.workspace.app.shortcuts.items()
            if kind == "message"
        ],
        "speed": demo.api.speed,
        "providers": list(demo.servers.by_name),
        "has_machine": demo.servers.machine is not None,
        "fault_controls": [{"name": each.name, "side": each.side, "label": each.label} for each in FAULT_CONTROLS],
        "active_faults": dict(active_faults),
        "bot": {
            "is_running": demo.bot_process.is_running,
            "is_connected": bool(demo.slack.sockets.active),
            "starts": demo.bot_process.starts,
        },
    }


def _render_user(demo: DemoEnvironment, user: User) -> JsonObject:
    roles = {
        demo.operator.id: "operator (workspace admin)",
        demo.member.id: "member",
        demo.guest.id: "guest",
        demo.external_user.id: "from another company",
    }
    return {"id": user.id, "name": user.name, "role": roles.get(user.id), "is_bot": user.id == BOT_USER}


def _render_channel(channel: Channel) -> JsonObject:
    return {
        "id": channel.id,
        "name": "ftjob" if channel.is_im else channel.name,
        "is_im": channel.is_im,
        "user": channel.user,
        "bot_is_member": channel.bot_is_member,
    }


def _render_message(message: ChannelMessage | EphemeralMessage) -> JsonObject:
    body = {
        "ts": message.ts,
        "channel": message.channel,
        "text": message.text,
        "blocks": with_ids(message.blocks),
        "thread_ts": message.thread_ts,
    }
    if isinstance(message, EphemeralMessage):
        return body | {"user": BOT_USER, "visible_to": message.user}
    return body | {"user": message.user, "broadcast": message.reply_broadcast, "edited": len(message.earlier_versions)}


def _render_modal(view: OpenView) -> JsonObject:
    return {
        "id": view.id,
        "hash": view.hash,
        "title": view.text,
        "blocks": with_ids(view.blocks),
        "submit": view.body.get("submit", {}).get("text"),
        "close": view.body.get("close", {}).get("text", "Close"),
        "errors": dict(view.errors),
    }


def _render_jobs(servers: JobServers) -> Records:
    if not servers.others:
        return {shown: _render_job(shown, job, "") for shown, job, _ in servers.listed()}
    oldest_first = sorted(servers.listed(), key=lambda each: each[1]["created_at"])
    rendered = {shown: _render_job(shown, job, provider) for shown, job, provider in oldest_first}
    return {job_id: body | _render_trainer(servers, job_id) for job_id, body in rendered.items()}


def _render_trainer(servers: JobServers, job_id: str) -> JsonObject:
    """Return what one can do with a job that trains on this machine, nothing for another job."""
    machine = servers.machine
    if machine is None or job_id not in machine.trainers:
        return {}
    return {"is_alive": machine.trainers[job_id].is_running, "is_cut_off": job_id in machine.network.cut_off}


def _render_job(shown: str, job: JsonObject, provider: str) -> JsonObject:
    rendered = {name: job.get(name) for name in ("status", "model", "fine_tuned_model", "created_at")}
    return {"id": shown, "provider": provider, **rendered}


def _recent_requests(demo: DemoEnvironment) -> Records:
    """Return the latest requests to the stand-ins, oldest first."""
    sides = {"Slack": demo.slack.request_log, **demo.servers.request_logs}
    requests = [
        (request.at, f"{side} {nth}", side, request)
        for side, request_log in sides.items()
        for nth, request in enumerate(
            request_log.after(len(request_log) - NEWEST_REQUESTS), max(0, len(request_log) - NEWEST_REQUESTS)
        )
    ]
    newest = sorted(requests, key=lambda each: each[0])[-NEWEST_REQUESTS:]
    return {name: _render_request(name, side, request) for _, name, side, request in newest}


def _render_request(name: str, side: str, logged: LoggedRequest) -> JsonObject:
    request = {
        name: value
        for name, value in logged.request.items()
        if value not in (None, {}, "") and name not in _HIDDEN_ARGUMENTS
    }
    summary = " ".join(f"{name}={value}" for name, value in request.items())
    return {
        "name": name,
        "at": logged.at,
        "side": side,
        "endpoint": logged.endpoint,
        "summary": summary[:_SUMMARY_LENGTH],
        "status": logged.status,
        "accepted": logged.accepted,
    }
