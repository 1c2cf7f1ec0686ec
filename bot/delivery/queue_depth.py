"""The tally: how many alerts did not reach Slack yet, and why, for whoever watches the bot."""

from bot.store import Store
from bot.telemetry import metrics


class QueueDepthGauge:
    """Counts now and then."""

    name = "tally"

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self) -> None:
        """Count them, by state; every process counts what all of them share."""
        for state, count in (await self._store.outbox.dead_letters.by_state()).items():
            metrics.PENDING_DELIVERIES.labels(state).set(count)
