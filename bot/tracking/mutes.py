"""The unmuter: lets go what was muted, once the time of its mute is over."""

from collections.abc import Callable

from bot.store import Store


class MuteExpiry:
    """Looks now and then for mutes that are over; several processes may, and what was held is told once."""

    name = "mutes"

    def __init__(self, store: Store, *, owed: Callable[[], None]) -> None:
        """Take what it needs; ``owed`` is called after a commit that owes something."""
        self._store = store
        self._owed = owed

    async def look(self) -> None:
        """End what is over."""
        if await self._store.channels.mutes.expire():
            self._owed()
