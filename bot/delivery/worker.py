"""Delivery worker of the outbox: claims due deliveries and delivers them, in order in each channel.

claim -> (look up an unconfirmed message) -> render -> begin the attempt -> post -> complete
"""

import asyncio

import structlog
from structlog.contextvars import bound_contextvars

from bot.delivery.auth_pause import AuthPause
from bot.delivery.deliverer import Deliverer
from bot.delivery.render import RenderContext
from bot.runtime.clock import Clock
from bot.runtime.loops import Loop
from bot.slack.client import SlackClient
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store import Store
from bot.store.db.wakeups import Queue
from bot.store.outbox.delivery import Delivery
from bot.tracking.notices import Notices

MAX_CONCURRENT = 8
"""Deliveries in flight at the same time, each for another channel."""
SHUTDOWN_SECONDS = 7.0
"""Grace period for deliveries in flight at shutdown."""

log = structlog.get_logger()


class DeliveryWorker:
    """Worker of the outbox. It sleeps until a commit wakes it or the next row is due; it does not poll."""

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
        self._outbox = store.outbox.deliveries
        self._auth_pause = AuthPause(monotonic)
        notices = notices or Notices(store, None)
        self._deliverer = Deliverer(store, slack, context, notices, self._auth_pause, clock=clock, timeouts=timeouts)
        self._lease = timeouts.lease
        self._loop = Loop("delivery", self._send_due, wakeup=store.db.wakeups.subscribe(Queue.DELIVERIES))
        self._claiming = asyncio.Lock()
        self._in_flight: set[asyncio.Task[None]] = set()

    @property
    def is_store_failing(self) -> bool:
        """Whether the last query of the outbox failed."""
        return self._loop.is_failing

    def wake(self) -> None:
        """Check the outbox now."""
        self._loop.wakeup.set()

    async def run(self) -> None:
        """Deliver until ``stop``."""
        await self._loop.run()

    async def _send_due(self) -> float | None:
        """Begin every delivery that is due; return the seconds until the next one is, or None."""
        while self._can_claim() and await self._claim_next():
            continue
        if self._can_claim():
            return await self._outbox.seconds_to_next()
        return self._auth_pause.seconds_left if self._auth_pause.is_on and not self._in_flight else None

    def stop_claiming(self) -> None:
        """Begin the shutdown: deliveries in flight go on, no new ones begin."""
        self._loop.stop()

    async def stop(self) -> None:
        """Stop claiming, wait for deliveries in flight for the grace period, then cancel them."""
        self.stop_claiming()
        async with self._claiming:
            pass  # a claim under way ends up in flight, too
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=SHUTDOWN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _can_claim(self) -> bool:
        limit = 1 if self._auth_pause.is_on else MAX_CONCURRENT
        return not self._loop.is_stopped and len(self._in_flight) < limit and not self._auth_pause.seconds_left

    async def _claim_next(self) -> bool:
        async with self._claiming:
            delivery = await self._outbox.claim(self._lease)
            if delivery:
                self._start(delivery)
        return delivery is not None

    def _start(self, delivery: Delivery) -> None:
        # Every log line of the task, from any module, names the delivery.
        with bound_contextvars(channel=delivery.channel, delivery=delivery.id):
            task = asyncio.create_task(self._deliverer.deliver(delivery))
        self._in_flight.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # The row is claimed again: next, or when its lease expires if the message may be on its way.
            log.error("delivery.crashed", exc_info=error)
        self.wake()
