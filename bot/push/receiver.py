"""Receiver of calls: those that wait at one moment are committed together, and each is answered after the commit."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.push.recorder import Acceptance, PushRecorder, ReceivedCall
from bot.runtime.loops import Loop
from bot.store.db.data_errors import is_data_error, is_rejected_value

MAX_BATCH, MAX_BATCH_BYTES = 100, 256 * 1024
"""Calls of one transaction, and bytes of their bodies: commands wait for SQLite's only connection meanwhile."""
MAX_WAITING = 1_000
MAX_WAITING_BYTES = 8 * 1024 * 1024


class Overloaded(Exception):
    """Too many calls wait; nothing was stored."""


class NotStored(Exception):
    """The database is away; nothing was stored."""


class Unstorable(Exception):
    """The database rejected the data of this call."""


@dataclass(eq=False)
class _Waiting:
    """A call that waits for its commit."""

    received: ReceivedCall
    size: int
    committed: asyncio.Future[Acceptance] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, error: Exception) -> None:
        if not self.committed.done():
            self.committed.set_exception(error)


class PushReceiver:
    """Receiver of the calls of one account."""

    def __init__(self, account: str, recorder: PushRecorder) -> None:
        self.account = account
        self._recorder = recorder
        self._waiting = deque[_Waiting]()
        self._bytes = 0
        self._loop = Loop(f"push {account}", self._commit_waiting)

    @property
    def is_failing(self) -> bool:
        """Whether the last transaction failed, so that trainers are not heard."""
        return self._loop.is_failing

    async def run(self) -> None:
        """Commit what waits, until the task is canceled."""
        await self._loop.run()

    async def submit(self, received: ReceivedCall, size: int) -> Acceptance:
        """Return what the answer to a call says, once it is committed; ``size`` is the bytes of its body.

        Raises:
            Overloaded: too many calls wait.
            NotStored: the database failed.
            Unstorable: the database rejected its data.
        """
        if len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES or self.is_failing:
            raise Overloaded
        waiting = _Waiting(received, size)
        self._waiting.append(waiting)
        self._bytes += size
        self._loop.wakeup.set()
        return await waiting.committed

    async def _commit_waiting(self) -> None:
        """Commit all that waits, batch by batch."""
        while self._waiting:
            batch = self._next_batch()
            try:
                await self._commit(batch)
            except BaseException:
                for each in (*batch, *self._waiting):
                    each.fail(NotStored())
                self._waiting.clear()
                self._bytes = 0
                raise

    def _next_batch(self) -> list[_Waiting]:
        batch, size = list[_Waiting](), 0
        while (
            self._waiting and len(batch) < MAX_BATCH and (not batch or size + self._waiting[0].size <= MAX_BATCH_BYTES)
        ):
            batch.append(self._waiting.popleft())
            size += batch[-1].size
        self._bytes -= size
        return batch

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        """Commit a batch; one that the database rejects is halved, down to the call that it rejects."""
        try:
            accepted = await self._recorder.record([each.received for each in batch])
        except Exception as error:
            if not await self._may_be_one_call(error):
                raise
            if len(batch) == 1:
                batch[0].fail(Unstorable() if is_rejected_value(error) else NotStored())
                return
            half = len(batch) // 2
            await self._commit(batch[:half])
            await self._commit(batch[half:])
            return
        for each in batch:
            if not each.committed.done():
                each.committed.set_result(accepted[each.received.job_id])

    async def _may_be_one_call(self, error: Exception) -> bool:
        """Whether a transaction may have failed for one of its calls, not because the database is away."""
        return await self._recorder.is_database_reachable() if isinstance(error, TimeoutError) else is_data_error(error)
