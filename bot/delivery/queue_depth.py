"""Queue depth gauge: deliveries that have not reached Slack, by state."""

from bot.store import Store
from bot.telemetry import metrics


class QueueDepthGauge:
    """Periodic task that sets the gauge."""

    name = "queue_depth"

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Set the gauge. All processes share one outbox and report the same depth."""
        for state, count in (await self._store.outbox.dead_letters.by_state()).items():
            metrics.PENDING_DELIVERIES.labels(state).set(count)
