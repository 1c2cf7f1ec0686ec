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
from bot.delivery.outcomes import mind
from bot.delivery.policy import LONGEST_BACKOFF, NOT_DRAWN, Next, Verdict, after_look, decide
from bot.delivery.render import Drawing, draw, thread_of
from bot.runtime.failpoints import crash_point
from bot.slack.client import Gateway
from bot.slack.errors import OUR_FAULT, RATE_LIMITED, WORKSPACE_CLOSED
from bot.slack.messages import Answer, Outgoing, Sought
from bot.slack.timeouts import PATIENCE, Patience
from bot.store import Store
from bot.store.db.engine import Clock
from bot.store.db.persist import BROKEN_SECONDS, insist
from bot.store.db.reasons import is_of_database
from bot.store.outbox.delivery import Delivery
from bot.telemetry import metrics
from bot.tracking.notices import Notices

MOST_AT_ONCE = 8
"""Deliveries under way at the same time, each to another channel."""
LAST_SECONDS = 7.0
"""How long a stop waits for what is under way."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Ready:
    """A message that is about to be posted."""

    outgoing: Outgoing
    is_plain: bool
    """Whether it goes without blocks, because Slack did not take what we drew."""
    in_doubt: bool
    """Whether it may stand in the channel already, and nobody could see."""


class Sender:
    """Sends what is owed. It sleeps until a commit wakes it or its next row is due; it never ticks."""

    def __init__(
        self,
        store: Store,
        door: Gateway,
        drawing: Drawing,
        *,
        clock: Clock,
        ages: Clock,
        notices: Notices | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._store = store
        self._door = door
        self._drawing = drawing
        self._clock = clock
        self._ages = ages
        self._notices = notices or Notices(store, None)
        self._patience = patience
        self.is_broken = False
        """Whether the outbox could not be asked the last time."""
        self._woken = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False
        self._shut_until = 0.0
        """While Slack refuses our token one delivery a minute finds out whether it still does."""
        self._under_way: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at the outbox now: something was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Send until ``stop``. Where the database does not work it tries again each second."""
        while not self._stopping:
            self._woken.clear()
            try:
                while self._may_claim() and await self._begin_next():
                    continue
                self._works(error=None)
                await self._sleep()
            except Exception as error:  # noqa: BLE001 - drivers have families of their own
                self._works(error)
                await asyncio.sleep(BROKEN_SECONDS)

    def _works(self, error: Exception | None) -> None:
        """Log once that the database does not work, and once that it does again."""
        if error and not self.is_broken:
            log.error("store.failing", exc_info=error)
        elif self.is_broken and not error:
            log.info("store.recovered")
        self.is_broken = error is not None

    def claim_no_more(self) -> None:
        """Begin with the stop: what is under way goes on, nothing is added."""
        self._stopping = True
        self.wake()

    async def stop(self) -> None:
        """Claim nothing more; let what is under way end within a few seconds, then cut it."""
        self.claim_no_more()
        async with self._claiming:
            pass  # what is being claimed at this moment is under way, too
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _may_claim(self) -> bool:
        most = 1 if self._shut_until else MOST_AT_ONCE
        return not self._stopping and len(self._under_way) < most and self._ages() >= self._shut_until

    async def _begin_next(self) -> bool:
        async with self._claiming:
            delivery = await self._store.outbox.claim(self._patience.lease)
            if delivery:
                self._start(delivery)
        return delivery is not None

    def _start(self, delivery: Delivery) -> None:
        # Whatever is logged on its way, by whichever part, says which one it was.
        with bound_contextvars(channel=delivery.channel, delivery=delivery.id):
            task = asyncio.create_task(self._deliver(delivery))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # The row is taken back by the next claim, or, where a message may be on its way, when its lease ends.
            log.error("delivery.broke", exc_info=error)
        self.wake()

    async def _sleep(self) -> None:
        seconds = None
        if self._may_claim():
            seconds = await self._store.outbox.seconds_to_next()
        elif self._shut_until and not self._under_way:
            seconds = max(0.0, self._shut_until - self._ages())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    async def _deliver(self, delivery: Delivery) -> None:
        crash_point("after_claim")
        try:
            ready = await self._make_ready(delivery)
        except asyncio.CancelledError:
            await self._store.outbox.give_back(delivery)
            raise
        except Exception:
            self._store.outbox.abandon(delivery)  # nothing is on its way
            raise
        if ready:
            answer = await self._post(delivery, ready)
            crash_point("after_wire")
            await self._conclude(delivery, answer, ready)

    async def _make_ready(self, delivery: Delivery) -> Ready | None:
        """Return what is to be posted now, noted as an attempt; None where nothing is."""
        step = await self._look(delivery) if delivery.in_doubt else Next.SEND
        if step not in (Next.SEND, Next.SEND_BLIND):
            return None
        ready = await self._draw(delivery, repeated=step is Next.SEND_BLIND)
        return ready if ready and await self._may_post(delivery, ready) else None

    async def _look(self, delivery: Delivery) -> Next:
        """See whether an earlier attempt arrived, and do what follows from it, unless that is to send."""
        if (delivery.last_at or 0.0) > delivery.claimed_at:  # the clock was set back since: it may be a moment ago
            await self._store.outbox.give_back(delivery, wait=self._patience.timeout + self._patience.settle)
            return Next.LOOK_AGAIN
        sent_at = await self._door.now() - (delivery.claimed_at - (delivery.first_at or delivery.created_at))
        # What was never attempted may have been told by a bot whose database is gone: then where it would go now.
        thread_ts = delivery.thread_ts if delivery.last_at else await thread_of(self._store, delivery)
        sight = await self._door.find(Sought(delivery.channel, delivery.key, thread_ts, sent_at))
        step = after_look(sight, delivery.looks, self._patience)
        crash_point("after_look")
        metrics.LOOKUPS.labels(step).inc()
        match step:
            case Next.SENT:
                await self._settle(delivery, Answer(ts=sight.ts), Verdict("sent"), in_doubt=False)
            case Next.PARK:
                await self._settle(delivery, Answer(error=sight.blind), Verdict("parked"), in_doubt=True)
            case Next.LOOK_AGAIN:
                await self._store.outbox.give_back(delivery, wait=self._patience.look_again, looked=True)
            case Next.SEND | Next.SEND_BLIND:
                pass
        return step

    async def _draw(self, delivery: Delivery, *, repeated: bool) -> Ready | None:
        try:
            outgoing = await draw(self._store, delivery, self._drawing, repeated=repeated)
        except Exception as error:
            if is_of_database(error):
                raise
            log.exception("delivery.not_drawn")
            verdict = decide(Answer(error=NOT_DRAWN), delivery.attempts, was_plain=False, luck=_luck())
            await self._settle(delivery, Answer(error=NOT_DRAWN), verdict, in_doubt=repeated)
            return None
        is_plain = delivery.last_error in OUR_FAULT
        if is_plain:
            outgoing = replace(outgoing, message=Message(outgoing.message.text))
        return Ready(outgoing, is_plain=is_plain, in_doubt=repeated)

    async def _may_post(self, delivery: Delivery, ready: Ready) -> bool:
        """Note the attempt; without enough of the lease left, leave the row to whoever claims it next."""
        outbox, patience = self._store.outbox, self._patience
        needs, doubt = patience.timeout + patience.margin, patience.timeout + patience.settle
        attempt = partial(outbox.attempt, delivery, thread_ts=ready.outgoing.thread_ts, needs=needs, doubt=doubt)
        noted, _ = await insist(attempt, self._clock, patience.lease)
        if not noted:
            metrics.DELIVERIES.labels("lost_lease").inc()
            log.warning("delivery.lease_too_short")
            await self._store.outbox.give_back(delivery)
        elif delivery.in_doubt:
            metrics.POSSIBLE_DUPLICATES.inc()
            log.warning("delivery.sent_again", blind=ready.in_doubt)
        crash_point("before_wire")
        return noted

    async def _post(self, delivery: Delivery, ready: Ready) -> Answer:
        try:
            return await self._door.post(ready.outgoing)
        except asyncio.CancelledError:
            await self._conclude(delivery, Answer(error="cut", maybe_posted=True), ready)
            raise

    async def _conclude(self, delivery: Delivery, answer: Answer, ready: Ready) -> None:
        self._mind_token(answer)
        verdict = decide(answer, delivery.attempts, was_plain=ready.is_plain, luck=_luck(), patience=self._patience)
        in_doubt = ready.in_doubt or verdict.outcome == "ambiguous"
        await self._settle(delivery, answer, verdict, in_doubt=in_doubt, shows=ready.outgoing.shows)

    def _mind_token(self, answer: Answer) -> None:
        refused = answer.error in WORKSPACE_CLOSED
        if refused and not self._shut_until:
            log.critical("slack.refuses_us", error=answer.error)
        elif answer.ts and self._shut_until:
            log.info("slack.takes_us_again")
        if refused:
            self._shut_until = self._ages() + LONGEST_BACKOFF
        elif answer.ts:
            self._shut_until = 0.0

    async def _settle(
        self, delivery: Delivery, answer: Answer, verdict: Verdict, *, in_doubt: bool, shows: int = -1
    ) -> None:
        end = partial(self._record_end, delivery, answer, verdict, in_doubt=in_doubt, shows=shows)
        kept, is_first = await insist(end, self._clock, self._patience.lease)
        kept = kept or not is_first  # the answer to the first try was lost, and that one is what ended the lease
        crash_point("after_settle")
        outcome = verdict.outcome if kept else "lost_lease"
        metrics.DELIVERIES.labels(outcome).inc()
        if outcome == "sent":
            metrics.DELIVERY_DELAY.observe(max(0.0, self._clock() - delivery.created_at))
        else:
            log.warning("delivery.not_sent", outcome=outcome, error=answer.error)

    async def _record_end(
        self, delivery: Delivery, answer: Answer, verdict: Verdict, *, in_doubt: bool, shows: int
    ) -> bool:
        outbox = self._store.outbox
        async with self._store.db.transaction() as tx:
            if verdict.outcome == "parked" and await self._store.moves.catch_up(tx, delivery.id, delivery.channel):
                verdict, answer = Verdict("pending"), Answer()
            in_doubt = in_doubt and verdict.outcome != "sent"
            end = partial(outbox.settle, tx, delivery, verdict.outcome, in_doubt=in_doubt, wait=verdict.wait)
            kept = await end(ts=answer.ts, error=answer.error)
            if kept:
                limited = answer.error in RATE_LIMITED
                await outbox.rest(tx, delivery.channel, verdict.channel_wait, limited=limited)
                await mind(self._store, self._notices, tx, delivery, answer, shows=shows)
        return kept


def _luck() -> float:
    return random.random()  # noqa: S311 - spreads retries
