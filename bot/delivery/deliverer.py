"""Delivery of one claimed row: look it up if it is unconfirmed, render it, post it, and record the outcome."""

import asyncio
import random
from dataclasses import dataclass, replace
from functools import partial

import structlog

from bot.blocks import Message
from bot.delivery.auth_pause import AuthPause
from bot.delivery.outcomes import apply_post_result
from bot.delivery.policy import RENDER_FAILED, AfterLookup, RetryDecision, after_lookup, classify
from bot.delivery.render import RenderContext, render, thread_of
from bot.runtime.clock import Clock
from bot.runtime.failpoints import failpoint
from bot.slack.client import SlackClient
from bot.slack.errors import INVALID_CONTENT, RATE_LIMITED
from bot.slack.messages import Lookup, OutgoingMessage, PostResult
from bot.slack.timeouts import DeliveryTimeouts
from bot.store import Store
from bot.store.db.persist import retry_write
from bot.store.db.reasons import is_database_error
from bot.store.outbox.delivery import Delivery
from bot.telemetry import metrics
from bot.tracking.notices import Notices

log = structlog.get_logger()


@dataclass(frozen=True)
class PreparedMessage:
    """A rendered message whose attempt is recorded: the next step is to post it."""

    outgoing: OutgoingMessage
    is_plain: bool
    """Whether it has no blocks, because Slack rejected them."""
    unconfirmed: bool
    """Whether an earlier attempt may have posted it, and lookups failed."""


class Deliverer:
    """Delivers claimed rows of the outbox."""

    def __init__(
        self,
        store: Store,
        slack: SlackClient,
        context: RenderContext,
        notices: Notices,
        auth_pause: AuthPause,
        *,
        clock: Clock,
        timeouts: DeliveryTimeouts,
    ) -> None:
        self._store = store
        self._outbox = store.outbox.deliveries
        self._slack = slack
        self._context = context
        self._notices = notices
        self._auth_pause = auth_pause
        self._clock = clock
        self._timeouts = timeouts

    async def deliver(self, delivery: Delivery) -> None:
        """Deliver a row, or release it for a later attempt."""
        failpoint("after_claim")
        try:
            prepared = await self._prepare(delivery)
        except asyncio.CancelledError:
            await self._outbox.release(delivery)
            raise
        except Exception:
            self._outbox.abandon(delivery)  # nothing was posted
            raise
        if prepared:
            result = await self._post(delivery, prepared)
            failpoint("after_post")
            await self._finish(delivery, result, prepared)

    async def _prepare(self, delivery: Delivery) -> PreparedMessage | None:
        """Return the message to post now, its attempt recorded; None if there is nothing to post."""
        decision = await self._look_up(delivery) if delivery.unconfirmed else AfterLookup.SEND
        if decision not in (AfterLookup.SEND, AfterLookup.SEND_UNCONFIRMED):
            return None
        prepared = await self._render(delivery, unconfirmed=decision is AfterLookup.SEND_UNCONFIRMED)
        return prepared if prepared and await self._begin_attempt(delivery, prepared) else None

    async def _look_up(self, delivery: Delivery) -> AfterLookup:
        """Look up an unconfirmed message and act on the result, unless the result is to send it."""
        timeouts, last_attempt_at = self._timeouts, delivery.last_attempt_at
        if last_attempt_at and last_attempt_at > delivery.claimed_at:
            # The clock was set back since the attempt, which may have been a moment ago.
            await self._outbox.release(delivery, wait=timeouts.timeout + timeouts.visibility_delay)
            return AfterLookup.LOOK_UP_AGAIN
        result = await self._slack.find(await self._lookup_of(delivery))
        decision = after_lookup(result, delivery.failed_lookups, timeouts)
        failpoint("after_lookup")
        metrics.LOOKUPS.labels(decision).inc()
        match decision:
            case AfterLookup.SENT:
                await self._complete(delivery, PostResult(ts=result.ts), RetryDecision("sent"), unconfirmed=False)
            case AfterLookup.PARK:
                failed = PostResult(error=result.error)
                await self._complete(delivery, failed, RetryDecision("parked"), unconfirmed=True)
            case AfterLookup.LOOK_UP_AGAIN:
                await self._outbox.release(delivery, wait=timeouts.lookup_interval, lookup_failed=True)
            case AfterLookup.SEND | AfterLookup.SEND_UNCONFIRMED:
                pass
        return decision

    async def _lookup_of(self, delivery: Delivery) -> Lookup:
        age = delivery.claimed_at - (delivery.first_attempt_at or delivery.created_at)
        # A row without an attempt may have been posted before its database was lost: search where it would go now.
        thread_ts = delivery.thread_ts if delivery.last_attempt_at else await thread_of(self._store, delivery)
        return Lookup(delivery.channel, delivery.key, thread_ts, await self._slack.now() - age)

    async def _render(self, delivery: Delivery, *, unconfirmed: bool) -> PreparedMessage | None:
        try:
            outgoing = await render(self._store, delivery, self._context, possible_duplicate=unconfirmed)
        except Exception as error:
            if is_database_error(error):
                raise
            log.exception("delivery.render_failed")
            failed = PostResult(error=RENDER_FAILED)
            decision = classify(failed, delivery.attempts, was_plain=False, jitter=_jitter())
            await self._complete(delivery, failed, decision, unconfirmed=unconfirmed)
            return None
        is_plain = delivery.last_error in INVALID_CONTENT
        if is_plain:
            outgoing = replace(outgoing, message=Message(outgoing.message.text))
        return PreparedMessage(outgoing, is_plain=is_plain, unconfirmed=unconfirmed)

    async def _begin_attempt(self, delivery: Delivery, prepared: PreparedMessage) -> bool:
        """Record the attempt, or release the row if too little of its lease is left."""
        timeouts = self._timeouts
        begin = partial(
            self._outbox.begin_attempt,
            delivery,
            thread_ts=prepared.outgoing.thread_ts,
            min_lease=timeouts.timeout + timeouts.lease_margin,
            lookup_after=timeouts.timeout + timeouts.visibility_delay,
        )
        has_begun, _ = await retry_write(begin, self._clock, timeouts.lease)
        if not has_begun:
            metrics.DELIVERIES.labels("lost_lease").inc()
            log.warning("delivery.lease_too_short")
            await self._outbox.release(delivery)
        elif delivery.unconfirmed:
            metrics.POSSIBLE_DUPLICATES.inc()
            log.warning("delivery.resent", unconfirmed=prepared.unconfirmed)
        failpoint("before_post")
        return has_begun

    async def _post(self, delivery: Delivery, prepared: PreparedMessage) -> PostResult:
        try:
            return await self._slack.post(prepared.outgoing)
        except asyncio.CancelledError:
            await self._finish(delivery, PostResult(error="cut", maybe_posted=True), prepared)
            raise

    async def _finish(self, delivery: Delivery, result: PostResult, prepared: PreparedMessage) -> None:
        self._auth_pause.apply(result)
        attempts, was_plain = delivery.attempts, prepared.is_plain
        decision = classify(result, attempts, was_plain=was_plain, jitter=_jitter(), timeouts=self._timeouts)
        unconfirmed = prepared.unconfirmed or decision.outcome == "unconfirmed"
        generation = prepared.outgoing.generation
        await self._complete(delivery, result, decision, unconfirmed=unconfirmed, generation=generation)

    async def _complete(
        self,
        delivery: Delivery,
        result: PostResult,
        decision: RetryDecision,
        *,
        unconfirmed: bool,
        generation: int = -1,
    ) -> None:
        write = partial(self._write_outcome, delivery, result, decision, unconfirmed=unconfirmed, generation=generation)
        is_written, is_first_try = await retry_write(write, self._clock, self._timeouts.lease)
        # A later try finds the lease ended by the first one, whose response was lost.
        is_written = is_written or not is_first_try
        failpoint("after_complete")
        outcome = decision.outcome if is_written else "lost_lease"
        metrics.DELIVERIES.labels(outcome).inc()
        if outcome == "sent":
            metrics.DELIVERY_DELAY.observe(max(0.0, self._clock() - delivery.created_at))
        else:
            log.warning("delivery.not_sent", outcome=outcome, error=result.error)

    async def _write_outcome(
        self, delivery: Delivery, result: PostResult, decision: RetryDecision, *, unconfirmed: bool, generation: int
    ) -> bool:
        """Complete the delivery and apply its side effects, in one transaction; return False if the lease was lost."""
        store, channel = self._store, delivery.channel
        async with store.db.transaction() as tx:
            if decision.outcome == "parked" and await store.channels.moves.redirect(tx, delivery.id, channel):
                decision, result = RetryDecision("pending"), PostResult()
            unconfirmed = unconfirmed and decision.outcome != "sent"
            complete = partial(self._outbox.complete, tx, delivery, decision.outcome, unconfirmed=unconfirmed)
            has_lease = await complete(ts=result.ts, error=result.error, wait=decision.wait)
            if has_lease:
                is_limited = result.error in RATE_LIMITED
                await self._outbox.pause_channel(tx, channel, decision.channel_wait, rate_limited=is_limited)
                await apply_post_result(store, self._notices, tx, delivery, result, generation=generation)
        return has_lease


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries
