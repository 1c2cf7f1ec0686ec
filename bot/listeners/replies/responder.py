"""Answers to people, and the tries that bring one after an outage of Slack.

A window, then the response URL, then the Web API: the next way is taken only where the one before certainly did not show
it. What Slack did not take is tried again for as long as a response URL lives
(https://docs.slack.dev/interactivity/handling-user-interaction: five uses in 30 minutes), and is never said twice: an
attempt whose end nobody saw is not repeated, but the person is told of it.

Pending answers live in this process alone: a response URL is as good as a password, so none is stored.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import random
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from bot.blocks.answers import STILL_CHECKING, UNCONFIRMED, comes_late, note, problem
from bot.blocks.parts import section
from bot.blocks.view import view_of
from bot.commands.command import Reply
from bot.listeners.replies.response_urls import ResponseUrls
from bot.net.connection_errors import never_sent
from bot.net.proxies import DIRECT, Proxies
from bot.net.retry_after import jittered
from bot.slack.attempts import Sent, of_answer
from bot.slack.client import Gateway
from bot.slack.errors import refused
from bot.slack.messages import content_of
from bot.store.db.engine import Clock, loop_time
from bot.telemetry import metrics

LIFETIME = 30 * 60.0
"""Seconds for which Slack takes answers to one command or click."""
MOST_PENDING = 1000
"""Answers that wait at once; the oldest gives way to one more."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two rounds of tries; each is twice as long as the one before."""
_LATE = 60.0
"""Seconds after which an answer says to what it belongs in time."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Door:
    """Where somebody asked, so that they can be answered."""

    channel: str
    person: str
    response_url: str | None
    view_id: str | None = None
    """The window that was opened for them, where the answer belongs."""


@dataclass(eq=False)
class _Pending:
    """An answer that Slack has not taken yet."""

    door: Door
    reply: Reply
    since: float
    """When it was asked, by the clock of ages."""
    is_about_doubt: bool = False
    """Whether it only says that another one may not have arrived."""


class Responder:
    """Shows each answer once."""

    def __init__(self, gateway: Gateway, *, proxies: Proxies = DIRECT, ages: Clock = loop_time) -> None:
        self.gateway = gateway
        self._urls = ResponseUrls(gateway.session, gateway.response_urls, proxies, rest=self._rest)
        self._ages = ages
        self._pending: list[_Pending] = []
        self._not_before = 0.0
        self._is_silent = False
        """Whether Slack did not answer when it was last asked: how an attempt ends could not be seen."""
        self._task: asyncio.Task[None] | None = None

    async def answer(self, door: Door, reply: Reply) -> None:
        """Show an answer, now or as soon as Slack takes it. It never raises for what Slack does."""
        pending = _Pending(door, reply, self._ages())
        if self._is_silent or not await self._is_over(pending):
            self._keep(pending)

    async def still_checking(self, door: Door, *, replaces: bool = False) -> bool:
        """Say once that the answer is still to come; return whether that may be seen. No other way is tried."""
        waiting = note(STILL_CHECKING)
        if door.view_id:
            return await self.gateway.views.update(door.view_id, view_of(waiting)) is None
        if not door.response_url:
            return False
        sent = await self._urls.answer(door.response_url, Reply(waiting, replaces=replaces))
        return sent not in (Sent.REFUSED, Sent.CLOSED)

    async def stop(self) -> None:
        """Give up what still waits: without its response URL nobody can answer it later."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._pending:
            log.warning("answers.lost", answers=len(self._pending))
            metrics.ANSWERS.labels("lost").inc(len(self._pending))

    def _keep(self, pending: _Pending) -> None:
        self._pending.append(pending)
        if len(self._pending) > MOST_PENDING:
            _lost(self._pending.pop(0).door, why="too many answers wait")
        if self._task is None or self._task.done():
            log.warning("answers.waiting")
            self._task = asyncio.create_task(self._insist())
            self._task.add_done_callback(_ended)

    async def _insist(self) -> None:
        """Try until nothing waits, only while Slack answers: an attempt that it does not answer could not be repeated."""
        pause, taken = FIRST_PAUSE, 0
        while self._pending:
            await asyncio.sleep(max(jittered(pause, random()), self._not_before - self._ages()))  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE)
            for old in [each for each in self._pending if self._ages() - each.since >= LIFETIME]:
                self._pending.remove(old)
                _lost(old.door, why="its response URL expired")
            self._is_silent = bool(self._pending) and not await self.gateway.is_there()
            if self._is_silent:
                continue
            if over := await self._round():
                taken, pause = taken + over, FIRST_PAUSE
        log.info("answers.caught_up", answers=taken)

    async def _round(self) -> int:
        """Try what waits, one after the other, until Slack asks for peace; return for how many nothing is left to be done."""
        over = 0
        for pending in list(self._pending):
            # While one is tried it may give way to a newer one.
            if pending in self._pending and await self._is_over(pending):
                over += 1
                self._pending = [each for each in self._pending if each is not pending]
            elif self._ages() < self._not_before:
                self._pending.sort(key=lambda each: each is pending)  # the next round begins with the others
                break
        return over

    async def _is_over(self, pending: _Pending) -> bool:
        """Try to show an answer; return whether nothing is left to be done for it."""
        door, reply = pending.door, _dated(pending.reply, self._ages() - pending.since)
        if reply.public and await self.gateway.refusal(door.channel):
            reply = replace(reply, public=False)  # what would tell another company is told to who asked, alone
        is_refused = False
        for way in (self._in_window, self._at_url, self._by_message):
            match await way(door, reply):
                case Sent.TAKEN:
                    return True
                case Sent.UNKNOWN:
                    self._doubt(pending)
                    return True
                case Sent.AGAIN:
                    return False
                case Sent.REFUSED:
                    is_refused = True
                case Sent.CLOSED:
                    pass
        if not is_refused:
            _lost(door, why="Slack does not take it")
        return not is_refused

    def _doubt(self, pending: _Pending) -> None:
        """Let somebody know that their answer may not have arrived; that it did is the likelier."""
        log.warning("answer.unconfirmed", channel=pending.door.channel, person=pending.door.person)
        metrics.ANSWERS.labels("unconfirmed").inc()
        if not pending.is_about_doubt:
            said = Reply(problem(UNCONFIRMED))
            self._keep(_Pending(pending.door, said, pending.since, is_about_doubt=True))

    async def _in_window(self, door: Door, reply: Reply) -> Sent:
        if not door.view_id:
            return Sent.CLOSED
        error = await self.gateway.views.update(door.view_id, reply.view or view_of(reply.message))
        if error is None:
            return Sent.TAKEN
        self._rest(error.retry_after)
        # Slack named what is wrong, as where somebody closed it; or it did not, and the same can be shown again.
        return Sent.CLOSED if of_answer(error) is Sent.CLOSED else Sent.AGAIN

    async def _at_url(self, door: Door, reply: Reply) -> Sent:
        return await self._urls.answer(door.response_url, reply) if door.response_url else Sent.CLOSED

    async def _by_message(self, door: Door, reply: Reply) -> Sent:
        arguments: dict[str, Any] = {"channel": door.channel, **content_of(reply.message)}
        method = "chat.postMessage" if reply.public else "chat.postEphemeral"
        arguments |= {"unfurl_links": False} if reply.public else {"user": door.person}
        try:
            await self.gateway.client.api_call(method, json=arguments)
        except SlackApiError as error:
            answer = refused(error)
            self._rest(answer.retry_after)
            return of_answer(answer)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            return Sent.REFUSED if never_sent(error) else Sent.UNKNOWN
        return Sent.TAKEN

    def _rest(self, seconds: float | None) -> None:
        self._not_before = max(self._not_before, self._ages() + (seconds or 0.0))


@asynccontextmanager
async def responding(
    gateway: Gateway, *, proxies: Proxies = DIRECT, ages: Clock = loop_time
) -> AsyncIterator[Responder]:
    """Open a responder, and stop it at the end."""
    responder = Responder(gateway, proxies=proxies, ages=ages)
    try:
        yield responder
    finally:
        await responder.stop()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("answers.broke", exc_info=error)


def _lost(door: Door, *, why: str) -> None:
    log.warning("answer.lost", why=why, channel=door.channel, person=door.person)
    metrics.ANSWERS.labels("lost").inc()


def _dated(reply: Reply, age: float) -> Reply:
    """Return an answer; one that comes late says to what it belongs, as what it shows may have changed."""
    if age < _LATE:
        return reply
    blocks = [*(reply.message.blocks or [section(reply.message.text)]), comes_late(time.time() - age)]
    return replace(reply, message=replace(reply.message, blocks=blocks))
