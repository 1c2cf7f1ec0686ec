"""Replies to people, retried through an outage of Slack.

Modal, then response URL, then Web API: the next is tried only if the previous one certainly did not show the reply. A
failed reply is retried until its response URL expires
(https://docs.slack.dev/interactivity/handling-user-interaction: five uses in 30 minutes) and never shown twice: an
unconfirmed attempt is not repeated; the person gets a notice instead.

Pending replies are kept in memory only: a response URL is a credential, so it is not stored.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import random
from typing import Any

import structlog

from bot.blocks.parts import section
from bot.blocks.replies import STILL_CHECKING, UNCONFIRMED, late_reply_note, note_message, problem_message
from bot.blocks.view import message_view
from bot.commands.command import Reply, Requester
from bot.listeners.replies.response_urls import ResponseUrls
from bot.net.retry_after import jittered
from bot.runtime.clock import Clock, monotonic_time
from bot.slack.call import SlackCallError, call
from bot.slack.client import SlackClient
from bot.slack.messages import content_of
from bot.slack.reply_outcomes import ReplyOutcome, outcome_of_result
from bot.telemetry import metrics

LIFETIME = 30 * 60.0
"""Seconds until the response URL of a command or click expires."""
MAX_PENDING = 1000
"""Pending replies of this process; beyond that the oldest is dropped."""
MIN_PAUSE, MAX_PAUSE = 1.0, 30.0
"""Bounds in seconds of the exponential backoff between two rounds of retries."""
_LATE_SECONDS = 60.0
"""Seconds after which a reply shows when it was requested."""

log = structlog.get_logger()


@dataclass(frozen=True)
class ReplyTarget:
    """Where a request came from, and so where its reply goes."""

    channel: str
    person: str
    response_url: str | None
    view_id: str | None = None
    """The modal that was opened for the reply, if any."""

    @classmethod
    def of(cls, requester: Requester | None, response_url: object) -> "ReplyTarget | None":
        """Return the target of a request, or None if its body does not say who made it; a URL that is no text is none."""
        if requester is None:
            return None
        return cls(requester.channel, requester.person, response_url if isinstance(response_url, str) else None)


@dataclass(eq=False)
class _PendingReply:
    """A reply that Slack has not accepted yet."""

    target: ReplyTarget
    reply: Reply
    since: float
    """When it was requested, by the monotonic clock."""
    is_unconfirmed_notice: bool = False
    """Whether it is the notice of another, unconfirmed reply."""


class Responder:
    """Sends each reply at most once; retries those that certainly did not arrive."""

    def __init__(self, slack: SlackClient, *, clock: Clock = monotonic_time) -> None:
        self.slack = slack
        self._urls = ResponseUrls(slack.urls, back_off=self._back_off)
        self._clock = clock
        self._pending: list[_PendingReply] = []
        self._not_before = 0.0
        self._is_slack_down = False
        """Whether Slack was unreachable at the last check: the outcome of an attempt would be unconfirmed."""
        self._task: asyncio.Task[None] | None = None

    async def send(self, target: ReplyTarget, reply: Reply) -> None:
        """Send a reply now, or enqueue it for a retry. Never raises for an error of Slack."""
        pending = _PendingReply(target, reply, self._clock())
        if self._is_slack_down or not await self._attempt(pending):
            self._enqueue(pending)

    async def send_still_checking(self, target: ReplyTarget, *, replaces: bool = False) -> bool:
        """Post the "still checking" notice once; return whether the person may see it. It is not retried."""
        waiting = note_message(STILL_CHECKING)
        if target.view_id:
            return await self.slack.views.update(target.view_id, message_view(waiting)) is None
        if not target.response_url:
            return False
        sent = await self._urls.post(target.response_url, Reply(waiting, replaces=replaces))
        return sent not in (ReplyOutcome.RETRYABLE, ReplyOutcome.FAILED)

    async def stop(self) -> None:
        """Drop the pending replies: their response URLs are lost with this process."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._pending:
            log.warning("replies.lost", replies=len(self._pending))
            metrics.DELAYED_REPLIES.labels("lost").inc(len(self._pending))

    def _enqueue(self, pending: _PendingReply) -> None:
        self._pending.append(pending)
        if len(self._pending) > MAX_PENDING:
            _record_lost(self._pending.pop(0).target, reason="too many pending replies")
        if self._task is None or self._task.done():
            log.warning("replies.delayed")
            self._task = asyncio.create_task(self._retry_pending())
            self._task.add_done_callback(_task_done)

    async def _retry_pending(self) -> None:
        """Retry until no reply is pending, but only while Slack is reachable: an unconfirmed attempt can't be repeated."""
        pause, finished = MIN_PAUSE, 0
        while self._pending:
            await asyncio.sleep(max(jittered(pause, random()), self._not_before - self._clock()))  # noqa: S311
            pause = min(2 * pause, MAX_PAUSE)
            for old in [each for each in self._pending if self._clock() - each.since >= LIFETIME]:
                self._pending.remove(old)
                _record_lost(old.target, reason="response URL expired")
            self._is_slack_down = bool(self._pending) and not await self.slack.is_reachable()
            if self._is_slack_down:
                continue
            if count := await self._retry_round():
                finished, pause = finished + count, MIN_PAUSE
        log.info("replies.recovered", replies=finished)

    async def _retry_round(self) -> int:
        """Attempt the pending replies in order until Slack rate-limits; return how many are finished."""
        over = 0
        for pending in list(self._pending):
            # One of them may be dropped for a newer one during an attempt.
            if pending in self._pending and await self._attempt(pending):
                over += 1
                self._pending = [each for each in self._pending if each is not pending]
            elif self._clock() < self._not_before:
                self._pending.sort(key=lambda each: each is pending)  # last in the next round
                break
        return over

    async def _attempt(self, pending: _PendingReply) -> bool:
        """Attempt to send a reply; return whether it is finished (sent, unconfirmed or lost)."""
        target, reply = pending.target, _with_age(pending.reply, self._clock() - pending.since)
        if reply.public and await self.slack.posting_error(target.channel):
            reply = replace(reply, public=False)  # an externally shared channel gets no public replies
        is_refused = False
        for way in (self._update_modal, self._post_to_response_url, self._post_message):
            match await way(target, reply):
                case ReplyOutcome.ACCEPTED:
                    return True
                case ReplyOutcome.UNCONFIRMED:
                    self._mark_unconfirmed(pending)
                    return True
                case ReplyOutcome.REPEATABLE:
                    return False
                case ReplyOutcome.RETRYABLE:
                    is_refused = True
                case ReplyOutcome.FAILED:
                    pass
        if not is_refused:
            _record_lost(target, reason="rejected by Slack")
        return not is_refused

    def _mark_unconfirmed(self, pending: _PendingReply) -> None:
        """Enqueue the notice that a reply may not have arrived; most likely it did."""
        log.warning("reply.unconfirmed", channel=pending.target.channel, person=pending.target.person)
        metrics.DELAYED_REPLIES.labels("unconfirmed").inc()
        if not pending.is_unconfirmed_notice:
            said = Reply(problem_message(UNCONFIRMED))
            self._enqueue(_PendingReply(pending.target, said, pending.since, is_unconfirmed_notice=True))

    async def _update_modal(self, target: ReplyTarget, reply: Reply) -> ReplyOutcome:
        if not target.view_id:
            return ReplyOutcome.FAILED
        error = await self.slack.views.update(target.view_id, reply.view or message_view(reply.message))
        if error is None:
            return ReplyOutcome.ACCEPTED
        self._back_off(error.retry_after)
        # Updating a modal is idempotent, so an unconfirmed update can be retried. An API error, as of a closed modal, can't.
        return ReplyOutcome.FAILED if outcome_of_result(error) is ReplyOutcome.FAILED else ReplyOutcome.REPEATABLE

    async def _post_to_response_url(self, target: ReplyTarget, reply: Reply) -> ReplyOutcome:
        return await self._urls.post(target.response_url, reply) if target.response_url else ReplyOutcome.FAILED

    async def _post_message(self, target: ReplyTarget, reply: Reply) -> ReplyOutcome:
        arguments: dict[str, Any] = {"channel": target.channel, **content_of(reply.message)}
        method = "chat.postMessage" if reply.public else "chat.postEphemeral"
        arguments |= {"unfurl_links": False} if reply.public else {"user": target.person}
        try:
            await call(self.slack.web.api_call(method, json=arguments))
        except SlackCallError as error:
            result = error.result()
            self._back_off(result.retry_after)
            return outcome_of_result(result)
        return ReplyOutcome.ACCEPTED

    def _back_off(self, seconds: float | None) -> None:
        self._not_before = max(self._not_before, self._clock() + (seconds or 0.0))


@asynccontextmanager
async def responding(slack: SlackClient, *, clock: Clock = monotonic_time) -> AsyncIterator[Responder]:
    """Open a responder; stop it at the end of the block."""
    responder = Responder(slack, clock=clock)
    try:
        yield responder
    finally:
        await responder.stop()


def _task_done(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("replies.failed", exc_info=error)


def _record_lost(target: ReplyTarget, *, reason: str) -> None:
    log.warning("reply.lost", why=reason, channel=target.channel, person=target.person)
    metrics.DELAYED_REPLIES.labels("lost").inc()


def _with_age(reply: Reply, age: float) -> Reply:
    """Return a reply; a late one shows when it was requested, because its data may have changed."""
    if age < _LATE_SECONDS:
        return reply
    blocks = [*(reply.message.blocks or [section(reply.message.text)]), late_reply_note(time.time() - age)]
    return replace(reply, message=replace(reply.message, blocks=blocks))
