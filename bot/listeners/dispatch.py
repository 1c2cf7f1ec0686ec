"""From what Slack sent to an answer: the only place that authorises, runs, replies, and reports what went wrong.

An event asks nothing and gets no answer.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from bot.blocks.answers import note_message
from bot.blocks.notice import NoticeKind
from bot.blocks.view import LOADING
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.create_form import InvalidFields
from bot.commands.error_messages import rate_limited
from bot.commands.permissions import Permission, authorize, is_conclusive
from bot.commands.rate_limit import Allowed, Limited, RequestKind
from bot.commands.registry import answer_invalid, run
from bot.errors import UserError
from bot.listeners import buttons, home, modals, shortcuts, slash
from bot.listeners.early import EarlyEvents
from bot.listeners.events import changed_channel_id, joined_channel, reopened_channel
from bot.listeners.home import HomeTabs
from bot.listeners.replies import waiting
from bot.listeners.replies.responder import ReplyTarget, Responder
from bot.slack.client import SlackClient
from bot.slack.errors import SHARED_CHANNEL
from bot.slack.identity import BotIdentity
from bot.slack.members import Person, UnknownReason
from bot.telemetry import metrics

ParseResult = Command | UserError | None
"""A command, or why what was typed is none; None for what is not about us."""

SHUTDOWN_SECONDS = 5.0
"""How long a stop waits for answers under way."""

MAX_RECENT_REQUESTS = 1000
"""Requests that a process remembers by itself; the store remembers for all of them."""

MOVE_RETRY_SECONDS = 5.0
"""Seconds until a move that the store could not make is tried again."""

log = structlog.get_logger()


class Dispatcher:
    """Runs what was asked as tasks of its own, so that Slack has its acknowledgement at once."""

    def __init__(
        self,
        context: Context,
        slack: SlackClient,
        responder: Responder,
        identity: Callable[[], BotIdentity | None],
        *,
        slow_after: float = waiting.SLOW_SECONDS,
    ) -> None:
        """Take what it works with; ``tells_after`` so many seconds people hear that their answer is still to come."""
        self._context = context
        self._slack = slack
        self._responder = responder
        self._users = slack.users
        self._identity = identity
        self._home_tabs = HomeTabs(context, slack, self._lookup_person, slow_after=slow_after)
        self._slow_after = slow_after
        self._early_events = EarlyEvents()
        self._recent: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def slash(self, body: dict[str, Any]) -> None:
        """Start on a typed command."""
        door = slash.reply_target_of(body)
        if door and not self._is_recent_duplicate("command", body):
            self._accept("command", door, _parse(slash.command_of, body), body)

    def button(self, body: dict[str, Any]) -> None:
        """Start on a pressed button; one that only opens a page asks nothing."""
        door, command = buttons.reply_target_of(body), buttons.command_of(body)
        if command is None:
            metrics.SLACK_IGNORED.labels("button").inc()
        if door and command and not self._is_recent_duplicate("button", body):
            self._accept("button", door, command, body)

    def form(self, body: dict[str, Any]) -> None:
        """Start on a form that was handed in; what was wrong at its fields was said by its acknowledgement."""
        try:
            door, command = modals.reply_target_of(body), modals.command_of(body)
        except InvalidFields:
            return
        if door and command and not self._is_recent_duplicate("form", body):
            self._accept("form", door, command, body)

    def shortcut(self, body: dict[str, Any]) -> None:
        """Start on a shortcut that was used on a message."""
        door = buttons.reply_target_of(body)
        if door and not self._is_recent_duplicate("shortcut", body):
            self._accept("shortcut", door, _parse(shortcuts.command_of, body), body)

    def home(self, body: dict[str, Any]) -> None:
        """Start on a Home tab that was opened, or whose Refresh was pressed."""
        viewer = home.viewer_of(body)
        # Where it is too much, what stands there stays.
        if viewer and isinstance(self._admit(viewer), Allowed):
            self._spawn(self._show_homes([viewer]))

    def event(self, body: dict[str, Any]) -> None:
        """Start on something that happened, if it concerns the bot."""
        us = self._bot_identity()
        if joined := joined_channel(body):
            person, channel = joined
            if us is None:
                self._early_events.add_join(person, channel)
            elif person == us.user_id:
                self._spawn(self._welcome(channel))
        if reopened := reopened_channel(body, us.user_id if us else None):
            self._spawn(self._channel_reopened(reopened, body))
        if moved := changed_channel_id(body):
            self._spawn(self._channel_moved(*moved))

    def identified(self) -> None:
        """Start on what came before Slack said who we are."""
        if us := self._bot_identity():
            channels, viewers = self._early_events.drain(us.user_id)
            for channel in channels:
                self._spawn(self._welcome(channel))
            if viewers:
                self._spawn(self._show_homes(viewers))

    async def stop(self) -> None:
        """Let answers under way end within a few seconds, then cut them."""
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
            log.error("dispatch.broke", exc_info=error)

    def _is_recent_duplicate(self, kind: str, body: dict[str, Any]) -> bool:
        """Whether this process was just brought the same: a recording that is played must not use up anybody's limit."""
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
        """Start on one more command; where it is too much the person hears it, once, and then nothing while the wait runs."""
        decision = self._admit(target.person, _asks(parsed))
        if isinstance(decision, Allowed):
            self._spawn(self._handle(kind, target, parsed, body))
        # A form's window waits for a word in any case.
        elif decision.should_notify or target.view_id:
            log.info("dispatch.flooded", limit=decision.kind, seconds=decision.seconds, person=target.person)
            self._spawn(self._responder.send(target, Reply(note_message(rate_limited(decision)))))

    def _admit(self, person: str, asks: RequestKind = RequestKind.MEMBER) -> Allowed | Limited:
        context, under_way = self._context, len(self._tasks)
        decision = context.rate_limiter.admit(person, context.monotonic(), in_progress=under_way, kind=asks)
        if isinstance(decision, Limited):
            metrics.RATE_LIMITED.labels(decision.kind).inc()
        return decision

    def _bot_identity(self) -> BotIdentity | None:
        """Return who we are, None until Slack said it whole."""
        identity = self._identity()
        return identity if identity and identity.team_id and identity.user_id else None

    async def _show_homes(self, viewers: Sequence[str]) -> None:
        for viewer in viewers:
            # Where Slack says who we are while it is shown, it is shown again.
            if not await self._home_tabs.show(viewer) and not (
                self._bot_identity() and await self._home_tabs.show(viewer)
            ):
                self._early_events.add_home_view(viewer)

    async def _lookup_person(
        self, person_id: str, *, check_groups: bool = False, fresh: bool = False
    ) -> Person | UnknownReason:
        """Return who somebody is; before Slack said which workspace is ours nobody is known to be of it."""
        us = self._bot_identity()
        if us is None:
            return UnknownReason.STARTING
        return await self._users.look_up(person_id, us.workspace, check_groups=check_groups, fresh=fresh)

    async def _welcome(self, channel: str) -> None:
        """Say once in a channel what the bot does, unless it is at work there already or strangers read there."""
        if await self._slack.posting_error(channel) == SHARED_CHANNEL:
            return
        store = self._context.store
        async with store.db.transaction() as tx:
            if not await store.channels.tracks.people_in(tx, channel):
                await store.outbox.deliveries.enqueue_notice(
                    tx, channel, {"kind": NoticeKind.WELCOME, "about": channel}, "welcome"
                )

    async def _handle(self, kind: str, target: ReplyTarget, parsed: ParseResult, body: dict[str, Any]) -> None:
        trigger = body.get("trigger_id")
        if isinstance(parsed, Command) and isinstance(trigger, str) and self._needs_modal(parsed):
            # Before anything else: Slack waits for three seconds. What is brought again opens no second one.
            target = replace(target, view_id=await self._slack.open_view(trigger, LOADING))
        if reply := await self._reply_to(kind, target, parsed, body):
            await self._responder.send(target, reply)

    async def _reply_to(
        self, kind: str, target: ReplyTarget, parsed: ParseResult, body: dict[str, Any]
    ) -> Reply | None:
        """Return what to answer, None where nothing is asked, or once more; who waits long for it hears so."""
        replaces = isinstance(parsed, Command) and parsed.replaces and buttons.is_ephemeral(body)
        say = partial(self._responder.send_still_checking, target, replaces=replaces)
        # The window of a form says by itself that the work has begun.
        after = None if kind == "form" else self._slow_after
        async with waiting.notify_if_slow(say, after=after) as told:
            if parsed is None or await self._is_duplicate(kind, body.get("trigger_id")):
                return None
            if isinstance(parsed, UserError):
                return answer_invalid(parsed, target.person, await self._lookup_person(target.person), self._context)
            reply = await self._run(parsed)
        # What said so took the place of the message whose button was pressed, and leaves it to the answer.
        return replace(reply, replaces=True) if replaces and told.is_shown else reply

    def _needs_modal(self, command: Command) -> bool:
        """Whether a window has to be opened for the answer; not for a refusal that is sure already, which a message says."""
        who, policy = self._users.cached(command.requester.person), self._context.policy
        decision = authorize(who, command.permission, policy, changes_job=command.changes_job)
        return command.opens_window and not is_conclusive(decision, policy)

    async def _channel_reopened(self, channel: str, body: dict[str, Any]) -> None:
        if await self._is_duplicate("event", body.get("event_id")):
            return
        count = await self._context.store.outbox.dead_letters.unpark_channel(channel)
        if count:
            log.info("channel.reopened", channel=channel, deliveries=count)

    async def _channel_moved(self, old: str, new: str) -> None:
        """Let a channel keep all that it has under its new id. Slack says so once: it is tried until the store can do it."""
        store = self._context.store
        while True:
            try:
                waiting = await store.channels.moves.move(old, new)
                break
            except Exception:
                log.exception("channel.not_moved", old=old, new=new)
                await asyncio.sleep(MOVE_RETRY_SECONDS)
        log.info("channel.moved", old=old, new=new, deliveries=waiting)
        await self._context.notices.check_ops_channel()

    async def _is_duplicate(self, kind: str, name: object) -> bool:
        """Whether Slack, or somebody who recorded it, brings a thing again that was acted on; to any process of ours."""
        if not isinstance(name, str) or not name:
            return False
        try:
            if await self._context.store.actions.idempotency_keys.claim(name):
                return False
        except Exception:
            # People are answered without a store, too; an order needs it anyway.
            log.exception("requests.unknown", kind=kind)
            return False
        log.info("request.repeated", kind=kind)
        metrics.DUPLICATE_REQUESTS.labels(kind).inc()
        return True

    async def _run(self, command: Command) -> Reply:
        operates, fresh = command.permission is Permission.OPERATE, command.needs_fresh_permissions
        who = await self._lookup_person(command.requester.person, check_groups=operates, fresh=fresh)
        # For this task alone, which ends with the answer.
        bind_contextvars(verb=command.verb, channel=command.requester.channel)
        return await run(command, who, self._context)


def _parse(read: Callable[[dict[str, Any]], Command | None], body: dict[str, Any]) -> ParseResult:
    try:
        return read(body)
    except UserError as error:
        return error


def _asks(parsed: ParseResult) -> RequestKind:
    """Return whose limit what was asked draws on."""
    if not isinstance(parsed, Command) or parsed.permission is Permission.NONE:
        return RequestKind.NO_PERMISSION
    if parsed.verb is Verb.CONFIRM:
        return RequestKind.CONFIRMATION
    return RequestKind.OPERATOR if parsed.permission is Permission.OPERATE else RequestKind.MEMBER
