"""Dispatcher of Slack requests: rate-limit, deduplicate, authorize, run, reply. Events get no reply."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

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
from bot.listeners.deduplication import Deduplication
from bot.listeners.event_handler import EventHandler
from bot.listeners.home import HomeTabs
from bot.listeners.lookup import PersonLookup
from bot.listeners.replies import slow_notice
from bot.listeners.replies.responder import ReplyTarget, Responder
from bot.runtime.background import BackgroundTasks
from bot.slack.identity import BotIdentity
from bot.telemetry import metrics

ParseResult = Command | UserError | None
"""A command, or the error of an invalid one; None for a request that is not for this bot."""

SHUTDOWN_SECONDS = 5.0
"""How long a shutdown waits for running requests."""

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
        self._responder = responder
        self._slow_after = slow_after
        self._people = PersonLookup(services.slack, identity)
        self._deduplication = Deduplication(services.store.actions.idempotency_keys)
        self._tasks = BackgroundTasks("dispatch.failed")
        with_groups = partial(self._people.look_up, check_groups=True)
        home_tabs = HomeTabs(services, access, with_groups, slow_after=slow_after)
        self._events = EventHandler(services, home_tabs, self._people, self._deduplication, self._tasks)

    def slash(self, body: dict[str, Any]) -> None:
        """Handle a slash command."""
        target = slash.reply_target_of(body)
        if target and not self._deduplication.is_recent("command", body):
            self._accept(
                "command",
                target,
                _parse(partial(slash.command_of, job_pages=self._services.accounts.job_pages), body),
                body,
            )

    def button(self, body: dict[str, Any]) -> None:
        """Handle a button click; a URL button carries no command."""
        target, command = buttons.reply_target_of(body), buttons.command_of(body)
        if command is None:
            metrics.SLACK_IGNORED.labels("button").inc()
        if target and command and not self._deduplication.is_recent("button", body):
            self._accept("button", target, command, body)

    def form(self, body: dict[str, Any]) -> None:
        """Handle a submitted form; its acknowledgment has reported invalid fields already."""
        try:
            target, command = modals.reply_target_of(body), modals.command_of(body)
        except InvalidFields:
            return
        if target and command and not self._deduplication.is_recent("form", body):
            self._accept("form", target, command, body)

    def shortcut(self, body: dict[str, Any]) -> None:
        """Handle a message shortcut."""
        target = buttons.reply_target_of(body)
        if target and not self._deduplication.is_recent("shortcut", body):
            self._accept("shortcut", target, _parse(shortcuts.command_of, body), body)

    def home(self, body: dict[str, Any]) -> None:
        """Handle an opened Home tab, or its Refresh button."""
        viewer = home.viewer_of(body)
        # Over the rate limit the tab stays as it is.
        if viewer and isinstance(self._admit(viewer), Allowed):
            self._tasks.start(self._events.show_homes([viewer]))

    def event(self, body: dict[str, Any]) -> None:
        """Handle an Events API event, if it concerns the bot."""
        self._events.handle(body)

    def identified(self) -> None:
        """Handle the events that arrived before Slack identified the bot."""
        self._events.identified()

    async def stop(self) -> None:
        """Wait a few seconds for running requests, then cancel them."""
        await self._tasks.stop(SHUTDOWN_SECONDS)

    def _accept(self, kind: str, target: ReplyTarget, parsed: ParseResult, body: dict[str, Any]) -> None:
        """Start a request within the rate limit; over it, tell the person once how long to wait."""
        decision = self._admit(target.person, _request_kind(parsed))
        if isinstance(decision, Allowed):
            self._tasks.start(self._handle(kind, target, parsed, body))
        # A form's modal shows a spinner until it is updated, so it always gets the message.
        elif decision.should_notify or target.view_id:
            log.info("dispatch.rate_limited", limit=decision.kind, seconds=decision.seconds, person=target.person)
            self._tasks.start(self._responder.send(target, Reply(note_message(rate_limited(decision)))))

    def _admit(self, person: str, kind: RequestKind = RequestKind.MEMBER) -> Allowed | Limited:
        limiter, now = self._access.rate_limiter, self._access.monotonic()
        decision = limiter.admit(person, now, in_progress=len(self._tasks), kind=kind)
        if isinstance(decision, Limited):
            metrics.RATE_LIMITED.labels(decision.kind).inc()
        return decision

    async def _handle(self, kind: str, target: ReplyTarget, parsed: ParseResult, body: dict[str, Any]) -> None:
        trigger = body.get("trigger_id")
        if isinstance(parsed, Command) and isinstance(trigger, str) and self._needs_modal(parsed):
            # First, because a trigger id expires after three seconds and opens one modal only.
            target = replace(target, view_id=await self._services.slack.open_view(trigger, LOADING))
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
        async with slow_notice.notify_if_slow(say, after=after) as notice:
            if parsed is None or await self._deduplication.is_duplicate(kind, body.get("trigger_id")):
                return None
            if isinstance(parsed, UserError):
                return reply_to_invalid(parsed, target.person, await self._people.look_up(target.person), self._access)
            reply = await self._run(parsed)
        # The notice replaced the message with the button, so the reply replaces the notice.
        return replace(reply, replaces=True) if replaces and notice.is_shown else reply

    def _needs_modal(self, command: Command) -> bool:
        """Whether the reply needs a modal; a denial that is certain before any lookup is a message."""
        decision = self._access.authorize(self._services.slack.users.cached(command.requester.person), command)
        return VERBS[command.verb].opens_modal and not is_conclusive(decision, self._access.policy)

    async def _run(self, command: Command) -> Reply:
        verb = VERBS[command.verb]
        operates, fresh = verb.permission_for(command) is Permission.OPERATE, verb.needs_fresh_permissions(command)
        who = await self._people.look_up(command.requester.person, check_groups=operates, fresh=fresh)
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
