"""A store on each database in turn."""

from collections.abc import AsyncIterator

import pytest

from bot.store import Store, open_store
from tests.store.clocks import StoreClock


@pytest.fixture
def time(database_url: str) -> StoreClock:
    """The time that the store goes by."""
    return StoreClock(database_url)


@pytest.fixture
async def store(database_url: str, time: StoreClock) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(database_url, time.now) as opened:
        yield opened
