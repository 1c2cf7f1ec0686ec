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

from bot.blocks.answers import note
from bot.blocks.notice import NoticeKind
from bot.blocks.view import LOADING
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.create_form import WrongFields
from bot.commands.error_messages import flooded
from bot.commands.permissions import Need, is_sure, may
from bot.commands.rate_limit import Admitted, Asks, Wait
from bot.commands.registry import misread, run
from bot.errors import UserError
from bot.listeners import buttons, home, modals, shortcuts, slash
from bot.listeners.early import Early
from bot.listeners.events import joined_channel, moved_channel, reopened_channel
from bot.listeners.home import HomeTabs
from bot.listeners.replies import waiting
from bot.listeners.replies.responder import Door, Responder
from bot.slack.client import Gateway, Identity
from bot.slack.errors import SHARED
from bot.slack.members import Person, Unknown
from bot.telemetry import metrics

Asked = Command | UserError | None
"""A command, or why what was typed is none; None for what is not about us."""

LAST_SECONDS = 5.0
"""How long a stop waits for answers under way."""

MOST_RECENT = 1000
"""Requests that a process remembers by itself; the store remembers for all of them."""

MOVE_AGAIN = 5.0
"""Seconds until a move that the store could not make is tried again."""

log = structlog.get_logger()


class Dispatch:
    """Runs what was asked as tasks of its own, so that Slack has its acknowledgement at once."""

    def __init__(
        self,
        context: Context,
        gateway: Gateway,
        responder: Responder,
        identity: Callable[[], Identity | None],
        *,
        tells_after: float = waiting.AFTER,
    ) -> None:
        """Take what it works with; ``tells_after`` so many seconds people hear that their answer is still to come."""
        self._context = context
        self._gateway = gateway
        self._responder = responder
        self._people = gateway.people
        self._identity = identity
        self._homes = HomeTabs(context, gateway, self._who, tells_after=tells_after)
        self._tells_after = tells_after
        self._early = Early()
        self._recent: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def slash(self, body: dict[str, Any]) -> None:
        """Start on a typed command."""
        door = slash.door_of(body)
        if door and not self._is_echo("command", body):
            self._take("command", door, _read(slash.command_of, body), body)

    def button(self, body: dict[str, Any]) -> None:
        """Start on a pressed button; one that only opens a page asks nothing."""
        door, command = buttons.door_of(body), buttons.command_of(body)
        if command is None:
            metrics.SLACK_IDLE.labels("button").inc()
        if door and command and not self._is_echo("button", body):
            self._take("button", door, command, body)

    def form(self, body: dict[str, Any]) -> None:
        """Start on a form that was handed in; what was wrong at its fields was said by its acknowledgement."""
        try:
            door, command = modals.door_of(body), modals.command_of(body)
        except WrongFields:
            return
        if door and command and not self._is_echo("form", body):
            self._take("form", door, command, body)

    def shortcut(self, body: dict[str, Any]) -> None:
        """Start on a shortcut that was used on a message."""
        door = buttons.door_of(body)
        if door and not self._is_echo("shortcut", body):
            self._take("shortcut", door, _read(shortcuts.command_of, body), body)

    def home(self, body: dict[str, Any]) -> None:
        """Start on a Home tab that was opened, or whose Refresh was pressed."""
        viewer = home.viewer_of(body)
        # Where it is too much, what stands there stays.
        if viewer and isinstance(self._decide(viewer), Admitted):
            self._start(self._show_homes([viewer]))

    def event(self, body: dict[str, Any]) -> None:
        """Start on something that happened, if it concerns the bot."""
        us = self._us()
        if joined := joined_channel(body):
            person, channel = joined
            if us is None:
                self._early.joined(person, channel)
            elif person == us.user_id:
                self._start(self._welcome(channel))
        if reopened := reopened_channel(body, us.user_id if us else None):
            self._start(self._reopened(reopened, body))
        if moved := moved_channel(body):
            self._start(self._moved(*moved))

    def identified(self) -> None:
        """Start on what came before Slack said who we are."""
        if us := self._us():
            channels, viewers = self._early.take(us.user_id)
            for channel in channels:
                self._start(self._welcome(channel))
            if viewers:
                self._start(self._show_homes(viewers))

    async def stop(self) -> None:
        """Let answers under way end within a few seconds, then cut them."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*late, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("dispatch.broke", exc_info=error)

    def _is_echo(self, kind: str, body: dict[str, Any]) -> bool:
        """Whether this process was just brought the same: a recording that is played must not use up anybody's limit."""
        name = body.get("trigger_id")
        if not isinstance(name, str) or not name:
            return False
        if name in self._recent:
            metrics.REPEATED.labels(kind).inc()
            return True
        self._recent[name] = None
        if len(self._recent) > MOST_RECENT:
            del self._recent[next(iter(self._recent))]
        return False

    def _take(self, kind: str, door: Door, asked: Asked, body: dict[str, Any]) -> None:
        """Start on one more command; where it is too much the person hears it, once, and then nothing while the wait runs."""
        decision = self._decide(door.person, _asks(asked))
        if isinstance(decision, Admitted):
            self._start(self._asked(kind, door, asked, body))
        # A form's window waits for a word in any case.
        elif decision.say or door.view_id:
            log.info("dispatch.flooded", limit=decision.bound, seconds=decision.seconds, person=door.person)
            self._start(self._responder.answer(door, Reply(note(flooded(decision)))))

    def _decide(self, person: str, asks: Asks = Asks.MEMBER) -> Admitted | Wait:
        context, under_way = self._context, len(self._tasks)
        decision = context.flood.admit(person, context.ages(), under_way=under_way, asks=asks)
        if isinstance(decision, Wait):
            metrics.FLOODS.labels(decision.bound).inc()
        return decision

    def _us(self) -> Identity | None:
        """Return who we are, None until Slack said it whole."""
        identity = self._identity()
        return identity if identity and identity.team_id and identity.user_id else None

    async def _show_homes(self, viewers: Sequence[str]) -> None:
        for viewer in viewers:
            # Where Slack says who we are while it is shown, it is shown again.
            if not await self._homes.show(viewer) and not (self._us() and await self._homes.show(viewer)):
                self._early.opened_home(viewer)

    async def _who(self, person_id: str, **how: bool) -> Person | Unknown:
        """Return who somebody is; before Slack said which workspace is ours nobody is known to be of it."""
        us = self._us()
        return await self._people.ask(person_id, us.ours, **how) if us else Unknown.STARTING

    async def _welcome(self, channel: str) -> None:
        """Say once in a channel what the bot does, unless it is at work there already or strangers read there."""
        if await self._gateway.refusal(channel) == SHARED:
            return
        store = self._context.store
        async with store.db.transaction() as tx:
            if not await store.tracks.people_in(tx, channel):
                await store.outbox.notify(tx, channel, {"kind": NoticeKind.WELCOME, "about": channel}, "welcome")
        self._context.wake()

    async def _asked(self, kind: str, door: Door, asked: Asked, body: dict[str, Any]) -> None:
        trigger = body.get("trigger_id")
        if isinstance(asked, Command) and isinstance(trigger, str) and self._needs_window(asked):
            # Before anything else: Slack waits for three seconds. What is brought again opens no second one.
            door = replace(door, view_id=await self._gateway.open_view(trigger, LOADING))
        if reply := await self._patiently(kind, door, asked, body):
            await self._responder.answer(door, reply)

    async def _patiently(self, kind: str, door: Door, asked: Asked, body: dict[str, Any]) -> Reply | None:
        """Return what to answer, None where nothing is asked, or once more; who waits long for it hears so."""
        replaces = isinstance(asked, Command) and asked.replaces and buttons.is_ephemeral(body)
        say = partial(self._responder.still_checking, door, replaces=replaces)
        # The window of a form says by itself that the work has begun.
        after = None if kind == "form" else self._tells_after
        async with waiting.telling(say, after=after) as told:
            if asked is None or await self._is_repeated(kind, body.get("trigger_id")):
                return None
            if isinstance(asked, UserError):
                return misread(asked, door.person, await self._who(door.person), self._context)
            reply = await self._answer(asked)
        # What said so took the place of the message whose button was pressed, and leaves it to the answer.
        return replace(reply, replaces=True) if replaces and told.is_told else reply

    def _needs_window(self, command: Command) -> bool:
        """Whether a window has to be opened for the answer; not for a refusal that is sure already, which a message says."""
        who, policy = self._people.remembered(command.asker.person), self._context.policy
        decision = may(who, command.need, policy, changes_job=command.changes_job)
        return command.opens_window and not is_sure(decision, policy)

    async def _reopened(self, channel: str, body: dict[str, Any]) -> None:
        if await self._is_repeated("event", body.get("event_id")):
            return
        count = await self._context.store.undelivered.reopen(channel)
        self._context.wake()
        if count:
            log.info("channel.reopened", channel=channel, deliveries=count)

    async def _moved(self, old: str, new: str) -> None:
        """Let a channel keep all that it has under its new id. Slack says so once: it is tried until the store can do it."""
        store = self._context.store
        while True:
            try:
                waiting = await store.moves.move(old, new)
                break
            except Exception:
                log.exception("channel.not_moved", old=old, new=new)
                await asyncio.sleep(MOVE_AGAIN)
        log.info("channel.moved", old=old, new=new, deliveries=waiting)
        await self._context.notices.check_ops_channel()
        self._context.wake()

    async def _is_repeated(self, kind: str, name: object) -> bool:
        """Whether Slack, or somebody who recorded it, brings a thing again that was acted on; to any process of ours."""
        if not isinstance(name, str) or not name:
            return False
        try:
            if await self._context.store.requests.claim(name):
                return False
        except Exception:
            # People are answered without a store, too; an order needs it anyway.
            log.exception("requests.unknown", kind=kind)
            return False
        log.info("request.repeated", kind=kind)
        metrics.REPEATED.labels(kind).inc()
        return True

    async def _answer(self, command: Command) -> Reply:
        operates, fresh = command.need is Need.OPERATE, command.needs_fresh_rights
        who = await self._who(command.asker.person, operates=operates, fresh=fresh)
        # For this task alone, which ends with the answer.
        bind_contextvars(verb=command.verb, channel=command.asker.channel)
        return await run(command, who, self._context)


def _read(read: Callable[[dict[str, Any]], Command | None], body: dict[str, Any]) -> Asked:
    try:
        return read(body)
    except UserError as error:
        return error


def _asks(asked: Asked) -> Asks:
    """Return whose limit what was asked draws on."""
    if not isinstance(asked, Command) or asked.need is Need.NOTHING:
        return Asks.NOTHING
    if asked.verb is Verb.CONFIRM:
        return Asks.CONFIRMATION
    return Asks.OPERATOR if asked.need is Need.OPERATE else Asks.MEMBER
