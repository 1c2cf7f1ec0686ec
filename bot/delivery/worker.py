"""The sender: takes what is owed from the outbox and gives it to Slack, in order, until Slack has it.

claim -> (look up, where an earlier attempt may have arrived) -> draw -> note the attempt -> post -> settle
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass, replace
from functools import partial

import structlog
from structlog.contextvars import bound_contextvars

from bot.blocks import Message
from bot.delivery.outcomes import apply_post_result
from bot.delivery.policy import LONGEST_BACKOFF, RENDER_FAILED, AfterLookup, RetryDecision, after_lookup, classify
from bot.delivery.render import RenderContext, render, thread_of
from bot.runtime.failpoints import failpoint
from bot.slack.client import SlackClient
from bot.slack.errors import AUTH_ERRORS, INVALID_CONTENT, RATE_LIMITED
from bot.slack.messages import Lookup, OutgoingMessage, PostResult
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store import Store
from bot.store.db.engine import Clock
from bot.store.db.persist import RETRY_INTERVAL, retry_write
from bot.store.db.reasons import is_database_error
from bot.store.db.wakeups import Queue
from bot.store.outbox.delivery import Delivery
from bot.telemetry import metrics
from bot.tracking.notices import Notices

MAX_CONCURRENT = 8
"""Deliveries under way at the same time, each to another channel."""
SHUTDOWN_SECONDS = 7.0
"""How long a stop waits for what is under way."""

log = structlog.get_logger()


@dataclass(frozen=True)
class PreparedMessage:
    """A message that is about to be posted."""

    outgoing: OutgoingMessage
    is_plain: bool
    """Whether it goes without blocks, because Slack did not take what we drew."""
    is_unconfirmed: bool
    """Whether it may stand in the channel already, and nobody could see."""


class DeliveryWorker:
    """Sends what is owed. It sleeps until a commit wakes it or its next row is due; it never ticks."""

    def __init__(
        self,
        store: Store,
        slack: SlackClient,
        context: RenderContext,
        *,
        clock: Clock,
        monotonic: Clock,
        notices: Notices | None = None,
        timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS,
    ) -> None:
        self._store = store
        self._slack = slack
        self._context = context
        self._clock = clock
        self._monotonic = monotonic
        self._notices = notices or Notices(store, None)
        self._timeouts = timeouts
        self.is_store_failing = False
        """Whether the outbox could not be asked the last time."""
        self._wakeup = store.db.wakeups.subscribe(Queue.DELIVERIES)
        self._claiming = asyncio.Lock()
        self._stopping = False
        self._auth_paused_until = 0.0
        """While Slack refuses our token one delivery a minute finds out whether it still does."""
        self._in_flight: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at the outbox now: something was committed."""
        self._wakeup.set()

    async def run(self) -> None:
        """Send until ``stop``. Where the database does not work it tries again each second."""
        while not self._stopping:
            self._wakeup.clear()
            try:
                while self._can_claim() and await self._claim_next():
                    continue
                self._works(error=None)
                await self._sleep()
            except Exception as error:  # noqa: BLE001 - drivers have families of their own
                self._works(error)
                await asyncio.sleep(RETRY_INTERVAL)

    def _works(self, error: Exception | None) -> None:
        """Log once that the database does not work, and once that it does again."""
        if error and not self.is_store_failing:
            log.error("store.failing", exc_info=error)
        elif self.is_store_failing and not error:
            log.info("store.recovered")
        self.is_store_failing = error is not None

    def stop_claiming(self) -> None:
        """Begin with the stop: what is under way goes on, nothing is added."""
        self._stopping = True
        self.wake()

    async def stop(self) -> None:
        """Claim nothing more; let what is under way end within a few seconds, then cut it."""
        self.stop_claiming()
        async with self._claiming:
            pass  # what is being claimed at this moment is under way, too
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=SHUTDOWN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _can_claim(self) -> bool:
        limit = 1 if self._auth_paused_until else MAX_CONCURRENT
        return not self._stopping and len(self._in_flight) < limit and self._monotonic() >= self._auth_paused_until

    async def _claim_next(self) -> bool:
        async with self._claiming:
            delivery = await self._store.outbox.deliveries.claim(self._timeouts.lease)
            if delivery:
                self._start(delivery)
        return delivery is not None

    def _start(self, delivery: Delivery) -> None:
        # Whatever is logged on its way, by whichever part, says which one it was.
        with bound_contextvars(channel=delivery.channel, delivery=delivery.id):
            task = asyncio.create_task(self._deliver(delivery))
        self._in_flight.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # The row is taken back by the next claim, or, where a message may be on its way, when its lease ends.
            log.error("delivery.broke", exc_info=error)
        self.wake()

    async def _sleep(self) -> None:
        seconds = None
        if self._can_claim():
            seconds = await self._store.outbox.deliveries.seconds_to_next()
        elif self._auth_paused_until and not self._in_flight:
            seconds = max(0.0, self._auth_paused_until - self._monotonic())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wakeup.wait(), seconds)

    async def _deliver(self, delivery: Delivery) -> None:
        failpoint("after_claim")
        try:
            prepared = await self._prepare(delivery)
        except asyncio.CancelledError:
            await self._store.outbox.deliveries.release(delivery)
            raise
        except Exception:
            self._store.outbox.deliveries.abandon(delivery)  # nothing is on its way
            raise
        if prepared:
            result = await self._post(delivery, prepared)
            failpoint("after_wire")
            await self._finish(delivery, result, prepared)

    async def _prepare(self, delivery: Delivery) -> PreparedMessage | None:
        """Return what is to be posted now, noted as an attempt; None where nothing is."""
        decision = await self._look_up(delivery) if delivery.unconfirmed else AfterLookup.SEND
        if decision not in (AfterLookup.SEND, AfterLookup.SEND_UNCONFIRMED):
            return None
        prepared = await self._render(delivery, possible_duplicate=decision is AfterLookup.SEND_UNCONFIRMED)
        return prepared if prepared and await self._begin_attempt(delivery, prepared) else None

    async def _look_up(self, delivery: Delivery) -> AfterLookup:
        """See whether an earlier attempt arrived, and do what follows from it, unless that is to send."""
        if (
            delivery.last_attempt_at or 0.0
        ) > delivery.claimed_at:  # the clock was set back since: it may be a moment ago
            await self._store.outbox.deliveries.release(
                delivery, wait=self._timeouts.timeout + self._timeouts.visibility_delay
            )
            return AfterLookup.LOOK_UP_AGAIN
        sent_at = await self._slack.now() - (delivery.claimed_at - (delivery.first_attempt_at or delivery.created_at))
        # What was never attempted may have been told by a bot whose database is gone: then where it would go now.
        thread_ts = delivery.thread_ts if delivery.last_attempt_at else await thread_of(self._store, delivery)
        result = await self._slack.find(Lookup(delivery.channel, delivery.key, thread_ts, sent_at))
        decision = after_lookup(result, delivery.failed_lookups, self._timeouts)
        failpoint("after_look")
        metrics.LOOKUPS.labels(decision).inc()
        match decision:
            case AfterLookup.SENT:
                await self._complete(delivery, PostResult(ts=result.ts), RetryDecision("sent"), is_unconfirmed=False)
            case AfterLookup.PARK:
                await self._complete(
                    delivery, PostResult(error=result.error), RetryDecision("parked"), is_unconfirmed=True
                )
            case AfterLookup.LOOK_UP_AGAIN:
                await self._store.outbox.deliveries.release(
                    delivery, wait=self._timeouts.lookup_interval, lookup_failed=True
                )
            case AfterLookup.SEND | AfterLookup.SEND_UNCONFIRMED:
                pass
        return decision

    async def _render(self, delivery: Delivery, *, possible_duplicate: bool) -> PreparedMessage | None:
        try:
            outgoing = await render(self._store, delivery, self._context, possible_duplicate=possible_duplicate)
        except Exception as error:
            if is_database_error(error):
                raise
            log.exception("delivery.not_drawn")
            decision = classify(PostResult(error=RENDER_FAILED), delivery.attempts, was_plain=False, jitter=_jitter())
            await self._complete(delivery, PostResult(error=RENDER_FAILED), decision, is_unconfirmed=possible_duplicate)
            return None
        is_plain = delivery.last_error in INVALID_CONTENT
        if is_plain:
            outgoing = replace(outgoing, message=Message(outgoing.message.text))
        return PreparedMessage(outgoing, is_plain=is_plain, is_unconfirmed=possible_duplicate)

    async def _begin_attempt(self, delivery: Delivery, prepared: PreparedMessage) -> bool:
        """Note the attempt; without enough of the lease left, leave the row to whoever claims it next."""
        outbox, timeouts = self._store.outbox.deliveries, self._timeouts
        needs, doubt = timeouts.timeout + timeouts.lease_margin, timeouts.timeout + timeouts.visibility_delay
        attempt = partial(
            outbox.begin_attempt, delivery, thread_ts=prepared.outgoing.thread_ts, min_lease=needs, lookup_after=doubt
        )
        noted, _ = await retry_write(attempt, self._clock, timeouts.lease)
        if not noted:
            metrics.DELIVERIES.labels("lost_lease").inc()
            log.warning("delivery.lease_too_short")
            await self._store.outbox.deliveries.release(delivery)
        elif delivery.unconfirmed:
            metrics.POSSIBLE_DUPLICATES.inc()
            log.warning("delivery.sent_again", blind=prepared.is_unconfirmed)
        failpoint("before_wire")
        return noted

    async def _post(self, delivery: Delivery, prepared: PreparedMessage) -> PostResult:
        try:
            return await self._slack.post(prepared.outgoing)
        except asyncio.CancelledError:
            await self._finish(delivery, PostResult(error="cut", maybe_posted=True), prepared)
            raise

    async def _finish(self, delivery: Delivery, result: PostResult, prepared: PreparedMessage) -> None:
        self._track_auth(result)
        decision = classify(
            result, delivery.attempts, was_plain=prepared.is_plain, jitter=_jitter(), timeouts=self._timeouts
        )
        is_unconfirmed = prepared.is_unconfirmed or decision.outcome == "ambiguous"
        await self._complete(
            delivery, result, decision, is_unconfirmed=is_unconfirmed, generation=prepared.outgoing.generation
        )

    def _track_auth(self, result: PostResult) -> None:
        is_auth_error = result.error in AUTH_ERRORS
        if is_auth_error and not self._auth_paused_until:
            log.critical("slack.refuses_us", error=result.error)
        elif result.ts and self._auth_paused_until:
            log.info("slack.takes_us_again")
        if is_auth_error:
            self._auth_paused_until = self._monotonic() + LONGEST_BACKOFF
        elif result.ts:
            self._auth_paused_until = 0.0

    async def _complete(
        self,
        delivery: Delivery,
        result: PostResult,
        decision: RetryDecision,
        *,
        is_unconfirmed: bool,
        generation: int = -1,
    ) -> None:
        end = partial(
            self._write_outcome, delivery, result, decision, is_unconfirmed=is_unconfirmed, generation=generation
        )
        kept, is_first = await retry_write(end, self._clock, self._timeouts.lease)
        kept = kept or not is_first  # the answer to the first try was lost, and that one is what ended the lease
        failpoint("after_settle")
        outcome = decision.outcome if kept else "lost_lease"
        metrics.DELIVERIES.labels(outcome).inc()
        if outcome == "sent":
            metrics.DELIVERY_DELAY.observe(max(0.0, self._clock() - delivery.created_at))
        else:
            log.warning("delivery.not_sent", outcome=outcome, error=result.error)

    async def _write_outcome(
        self, delivery: Delivery, result: PostResult, decision: RetryDecision, *, is_unconfirmed: bool, generation: int
    ) -> bool:
        outbox = self._store.outbox.deliveries
        async with self._store.db.transaction() as tx:
            if decision.outcome == "parked" and await self._store.channels.moves.redirect(
                tx, delivery.id, delivery.channel
            ):
                decision, result = RetryDecision("pending"), PostResult()
            is_unconfirmed = is_unconfirmed and decision.outcome != "sent"
            end = partial(
                outbox.complete, tx, delivery, decision.outcome, unconfirmed=is_unconfirmed, wait=decision.wait
            )
            kept = await end(ts=result.ts, error=result.error)
            if kept:
                limited = result.error in RATE_LIMITED
                await outbox.pause_channel(tx, delivery.channel, decision.channel_wait, rate_limited=limited)
                await apply_post_result(self._store, self._notices, tx, delivery, result, generation=generation)
        return kept


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries
