"""Dispatcher of Slack requests: rate-limit, deduplicate, authorize, run, reply. Events get no reply."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from bot.blocks.notice import NoticeKind
from bot.blocks.replies import note_message
from bot.blocks.view import LOADING
from bot.commands.access import AccessControl, request_kind
from bot.commands.command import Command, Reply
from bot.commands.create_form import InvalidFields
from bot.commands.error_messages import rate_limited
from bot.commands.permissions import Permission, is_conclusive
from bot.commands.rate_limit import Allowed, Limited, RequestKind
from bot.commands.registry import VERBS
from bot.commands.run import reply_to_invalid, run
from bot.commands.services import Services
from bot.errors import UserError
from bot.listeners import buttons, home, modals, shortcuts, slash
from bot.listeners.events import EarlyEvents, changed_channel_id, joined_channel, reopened_channel
from bot.listeners.home import HomeTabs
from bot.listeners.replies import slow_notice
from bot.listeners.replies.responder import ReplyTarget, Responder
from bot.slack.directory.members import Person, UnknownReason
from bot.slack.errors import SHARED_CHANNEL
from bot.slack.identity import BotIdentity
from bot.telemetry import metrics

ParseResult = Command | UserError | None
"""A command, or the error of an invalid one; None for a request that is not for this bot."""

SHUTDOWN_SECONDS = 5.0
"""How long a shutdown waits for running requests."""

MAX_RECENT_REQUESTS = 1000
"""Trigger ids that one process remembers; idempotency keys in the store cover all processes."""

MOVE_RETRY_SECONDS = 5.0
"""Seconds between attempts to change a channel's id in the store."""

log = structlog.get_logger()


class Dispatcher:
    """Runs each request as a background task, so that Slack gets its acknowledgment immediately."""

    def __init__(
        self,
        services: Services,
        access: AccessControl,
        responder: Responder,
        identity: Callable[[], BotIdentity | None],
        *,
        slow_after: float = slow_notice.SLOW_SECONDS,
    ) -> None:
        """Store the collaborators. After ``slow_after`` seconds without a reply, people see that it is still pending."""
        self._services = services
        self._access = access
        self._slack = services.slack
        self._responder = responder
        self._identity = identity
        self._home_tabs = HomeTabs(services, access, self._lookup_person, slow_after=slow_after)
        self._slow_after = slow_after
        self._early_events = EarlyEvents()
        self._recent: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def slash(self, body: dict[str, Any]) -> None:
        """Handle a slash command."""
        target = slash.reply_target_of(body)
        if target and not self._is_recent_duplicate("command", body):
            self._accept("command", target, _parse(slash.command_of, body), body)

    def button(self, body: dict[str, Any]) -> None:
        """Handle a button click; a URL button carries no command."""
        target, command = buttons.reply_target_of(body), buttons.command_of(body)
        if command is None:
            metrics.SLACK_IGNORED.labels("button").inc()
        if target and command and not self._is_recent_duplicate("button", body):
            self._accept("button", target, command, body)

    def form(self, body: dict[str, Any]) -> None:
        """Handle a submitted form; its acknowledgment has reported invalid fields already."""
        try:
            target, command = modals.reply_target_of(body), modals.command_of(body)
        except InvalidFields:
            return
        if target and command and not self._is_recent_duplicate("form", body):
            self._accept("form", target, command, body)

    def shortcut(self, body: dict[str, Any]) -> None:
        """Handle a message shortcut."""
        target = buttons.reply_target_of(body)
        if target and not self._is_recent_duplicate("shortcut", body):
            self._accept("shortcut", target, _parse(shortcuts.command_of, body), body)

    def home(self, body: dict[str, Any]) -> None:
        """Handle an opened Home tab, or its Refresh button."""
        viewer = home.viewer_of(body)
        # Over the rate limit the tab stays as it is.
        if viewer and isinstance(self._admit(viewer), Allowed):
            self._spawn(self._show_homes([viewer]))

    def event(self, body: dict[str, Any]) -> None:
        """Handle an Events API event, if it concerns the bot."""
        us = self._bot_identity()
        if joined := joined_channel(body):
            if us is None:
                self._early_events.add_join(*joined)
            elif joined[0] == us.user_id:
                self._spawn(self._welcome(joined[1]))
        if reopened := reopened_channel(body, us.user_id if us else None):
            self._spawn(self._channel_reopened(reopened, body))
        if moved := changed_channel_id(body):
            self._spawn(self._channel_moved(*moved))

    def identified(self) -> None:
        """Handle the events that arrived before Slack identified the bot."""
        if us := self._bot_identity():
            channels, viewers = self._early_events.drain(us.user_id)
            for channel in channels:
                self._spawn(self._welcome(channel))
            if viewers:
                self._spawn(self._show_homes(viewers))

    async def stop(self) -> None:
        """Wait a few seconds for running requests, then cancel them."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=SHUTDOWN_SECONDS)
            for task in late:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*late, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("dispatch.failed", exc_info=error)

    def _is_recent_duplicate(self, kind: str, body: dict[str, Any]) -> bool:
        """Whether this process has just seen the same trigger id: a replay must not use up a person's rate limit."""
        name = body.get("trigger_id")
        if not isinstance(name, str) or not name:
            return False
        if name in self._recent:
            metrics.DUPLICATE_REQUESTS.labels(kind).inc()
            return True
        self._recent[name] = None
        if len(self._recent) > MAX_RECENT_REQUESTS:
            del self._recent[next(iter(self._recent))]
        return False

    def _accept(self, kind: str, target: ReplyTarget, parsed: ParseResult, body: dict[str, Any]) -> None:
        """Start a request within the rate limit; over it, tell the person once how long to wait."""
        decision = self._admit(target.person, _request_kind(parsed))
        if isinstance(decision, Allowed):
            self._spawn(self._handle(kind, target, parsed, body))
        # A form's modal shows a spinner until it is updated, so it always gets the message.
        elif decision.should_notify or target.view_id:
            log.info("dispatch.rate_limited", limit=decision.kind, seconds=decision.seconds, person=target.person)
            self._spawn(self._responder.send(target, Reply(note_message(rate_limited(decision)))))

    def _admit(self, person: str, kind: RequestKind = RequestKind.MEMBER) -> Allowed | Limited:
        limiter, now = self._access.rate_limiter, self._access.monotonic()
        decision = limiter.admit(person, now, in_progress=len(self._tasks), kind=kind)
        if isinstance(decision, Limited):
            metrics.RATE_LIMITED.labels(decision.kind).inc()
        return decision

    def _bot_identity(self) -> BotIdentity | None:
        """Return the bot's user and team id, or None until ``auth.test`` returned both."""
        identity = self._identity()
        return identity if identity and identity.team_id and identity.user_id else None

    async def _show_homes(self, viewers: Sequence[str]) -> None:
        for viewer in viewers:
            # If the bot is identified while the tab is rendered, render it again.
            if not await self._home_tabs.show(viewer) and not (
                self._bot_identity() and await self._home_tabs.show(viewer)
            ):
                self._early_events.add_home_view(viewer)

    async def _lookup_person(
        self, person_id: str, *, check_groups: bool = False, fresh: bool = False
    ) -> Person | UnknownReason:
        """Return a person's account, or ``STARTING`` until the bot's own workspace is known."""
        us = self._bot_identity()
        if us is None:
            return UnknownReason.STARTING
        return await self._slack.users.look_up(person_id, us.workspace, check_groups=check_groups, fresh=fresh)

    async def _welcome(self, channel: str) -> None:
        """Enqueue the welcome message of a channel, unless jobs are tracked there or it is shared externally."""
        if await self._slack.posting_error(channel) == SHARED_CHANNEL:
            return
        store = self._services.store
        async with store.db.transaction() as tx:
            if not await store.channels.tracks.people_in(tx, channel):
                await store.outbox.deliveries.enqueue_notice(
                    tx, channel, {"kind": NoticeKind.WELCOME, "about": channel}, "welcome"
                )

    async def _handle(self, kind: str, target: ReplyTarget, parsed: ParseResult, body: dict[str, Any]) -> None:
        trigger = body.get("trigger_id")
        if isinstance(parsed, Command) and isinstance(trigger, str) and self._needs_modal(parsed):
            # First, because a trigger id expires after three seconds and opens one modal only.
            target = replace(target, view_id=await self._slack.open_view(trigger, LOADING))
        if reply := await self._reply_to(kind, target, parsed, body):
            await self._responder.send(target, reply)

    async def _reply_to(
        self, kind: str, target: ReplyTarget, parsed: ParseResult, body: dict[str, Any]
    ) -> Reply | None:
        """Return the reply, or None for a duplicate or a foreign request; show a notice if it takes long."""
        replaces = isinstance(parsed, Command) and parsed.replaces and buttons.is_ephemeral(body)
        say = partial(self._responder.send_still_checking, target, replaces=replaces)
        # A submitted form's modal shows its own progress message.
        after = None if kind == "form" else self._slow_after
        async with slow_notice.notify_if_slow(say, after=after) as told:
            if parsed is None or await self._is_duplicate(kind, body.get("trigger_id")):
                return None
            if isinstance(parsed, UserError):
                return reply_to_invalid(parsed, target.person, await self._lookup_person(target.person), self._access)
            reply = await self._run(parsed)
        # The notice replaced the message with the button, so the reply replaces the notice.
        return replace(reply, replaces=True) if replaces and told.is_shown else reply

    def _needs_modal(self, command: Command) -> bool:
        """Whether the reply needs a modal; a denial that is certain before any lookup is a message."""
        decision = self._access.authorize(self._slack.users.cached(command.requester.person), command)
        return VERBS[command.verb].opens_modal and not is_conclusive(decision, self._access.policy)

    async def _channel_reopened(self, channel: str, body: dict[str, Any]) -> None:
        if await self._is_duplicate("event", body.get("event_id")):
            return
        count = await self._services.store.outbox.dead_letters.unpark_channel(channel)
        if count:
            log.info("channel.reopened", channel=channel, deliveries=count)

    async def _channel_moved(self, old: str, new: str) -> None:
        """Move a channel's rows to its new id. Slack sends this event once, so retry until the store succeeds."""
        store = self._services.store
        while True:
            try:
                waiting = await store.channels.moves.move(old, new)
                break
            except Exception:
                log.exception("channel.id_change_failed", old=old, new=new)
                await asyncio.sleep(MOVE_RETRY_SECONDS)
        log.info("channel.id_changed", old=old, new=new, deliveries=waiting)
        await self._services.notices.check_ops_channel()

    async def _is_duplicate(self, kind: str, name: object) -> bool:
        """Claim a request's idempotency key in the store; return True if any process has claimed it before."""
        if not isinstance(name, str) or not name:
            return False
        try:
            if await self._services.store.actions.idempotency_keys.claim(name):
                return False
        except Exception:
            # Queries work without the store; an action needs it anyway.
            log.exception("request.claim_failed", kind=kind)
            return False
        log.info("request.deduplicated", kind=kind)
        metrics.DUPLICATE_REQUESTS.labels(kind).inc()
        return True

    async def _run(self, command: Command) -> Reply:
        verb = VERBS[command.verb]
        operates, fresh = verb.permission_for(command) is Permission.OPERATE, verb.needs_fresh_permissions(command)
        who = await self._lookup_person(command.requester.person, check_groups=operates, fresh=fresh)
        # Bound for this task only, which ends with the reply.
        bind_contextvars(verb=command.verb, channel=command.requester.channel)
        return await run(command, who, self._services, self._access)


def _parse(read: Callable[[dict[str, Any]], Command | None], body: dict[str, Any]) -> ParseResult:
    try:
        return read(body)
    except UserError as error:
        return error


def _request_kind(parsed: ParseResult) -> RequestKind:
    """Return which rate limit a request counts against."""
    return request_kind(parsed) if isinstance(parsed, Command) else RequestKind.NO_PERMISSION
