"""The sender: takes what is owed from the outbox and gives it to Slack, in order, until Slack has it."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from bot import metrics
from bot.alerts.draw import JobPage, Outgoing, draw
from bot.alerts.retry import OUR_FAULT, THREAD_GONE, Answer, decide
from bot.blocks import Message
from bot.store import Store
from bot.store.engine import Clock
from bot.store.outbox import Delivery

LEASE = 30.0
"""Seconds that a claimed delivery belongs to its sender; longer than an attempt can take."""
MOST_AT_ONCE = 8
"""Deliveries under way at the same time, each to another channel."""
LAST_SECONDS = 7.0
"""How long a stop waits for what is under way."""

Post = Callable[[Outgoing], Awaitable[Answer]]

log = structlog.get_logger()


@dataclass(frozen=True)
class Drawing:
    """What drawing needs beside the store."""

    job_page: JobPage
    can_cancel: bool


class Sender:
    """Sends what is owed. It sleeps until a commit wakes it or its next row is due; it never ticks."""

    def __init__(self, store: Store, post: Post, drawing: Drawing, *, clock: Clock, lease: float = LEASE) -> None:
        self._store = store
        self._post = post
        self._drawing = drawing
        self._clock = clock
        self._lease = lease
        self._woken = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False
        self._under_way: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at the outbox now: something was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Send until ``stop``."""
        while not self._stopping:
            self._woken.clear()
            while self._may_claim() and await self._begin_next():
                continue
            await self._sleep()

    async def stop(self) -> None:
        """Claim nothing more; let what is under way end within a few seconds, then cut it."""
        self._stopping = True
        self.wake()
        async with self._claiming:
            pass  # what is being claimed at this moment is under way, too
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _may_claim(self) -> bool:
        return not self._stopping and len(self._under_way) < MOST_AT_ONCE

    async def _begin_next(self) -> bool:
        async with self._claiming:
            delivery = await self._store.outbox.claim(self._lease)
            if delivery:
                self._start(delivery)
        return delivery is not None

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # The row stays claimed until its lease ends, and is then tried again.
            log.error("delivery.broke", exc_info=error)
        self.wake()

    async def _sleep(self) -> None:
        seconds = await self._store.outbox.seconds_to_next() if self._may_claim() else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            outgoing = await draw(
                self._store, delivery, job_page=self._drawing.job_page, can_cancel=self._drawing.can_cancel
            )
        except Exception:
            log.exception("delivery.not_drawn", channel=delivery.channel, change=delivery.change_id)
            await self._settle(delivery, Answer(error="not_drawn"), was_plain=False)
            return
        was_plain = delivery.last_error in OUR_FAULT
        if was_plain:
            outgoing = replace(outgoing, message=Message(outgoing.message.text))
        if delivery.in_doubt:
            metrics.POSSIBLE_DUPLICATES.inc()
        try:
            answer = await self._post(outgoing)
        except asyncio.CancelledError:
            await self._settle(delivery, Answer(error="cut", maybe_posted=True), was_plain=was_plain)
            raise
        await self._settle(delivery, answer, was_plain=was_plain)

    async def _settle(self, delivery: Delivery, answer: Answer, *, was_plain: bool) -> None:
        verdict = decide(answer, delivery.attempts, was_plain=was_plain, luck=random.random())  # noqa: S311
        if answer.error == THREAD_GONE:
            async with self._store.db.transaction() as tx:
                await self._store.tracks.place_card(tx, delivery.replies_to, None)
        kept = await self._store.outbox.settle(
            delivery,
            verdict.outcome,
            ts=answer.ts,
            error=answer.error,
            wait=verdict.wait,
            channel_wait=verdict.channel_wait,
        )
        outcome = verdict.outcome if kept else "lost_lease"
        metrics.DELIVERIES.labels(outcome).inc()
        if outcome == "sent":
            metrics.DELIVERY_DELAY.observe(max(0.0, self._clock() - delivery.created_at))
        else:
            log.warning("delivery.not_sent", outcome=outcome, error=answer.error, channel=delivery.channel)
