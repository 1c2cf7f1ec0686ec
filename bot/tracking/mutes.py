"""The unmuter: lets go what was muted, once the time of its mute is over."""

from bot.store import Store


class MuteExpiry:
    """Looks now and then for mutes that are over; several processes may, and what was held is told once."""

    name = "mutes"

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self) -> None:
        """End what is over."""
        await self._store.channels.mutes.expire()
