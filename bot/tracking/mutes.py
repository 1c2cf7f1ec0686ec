"""Mute expiry: ends expired mutes and enqueues the digests of what they held."""

from bot.store import Store


class MuteExpiry:
    """Periodic task that expires mutes. Several processes may run it; each digest is enqueued once."""

    name = "mutes"

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> None:
        """Expire the mutes that are due."""
        await self._store.channels.mutes.expire()
