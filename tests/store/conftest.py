"""A store on each database in turn."""

from collections.abc import AsyncIterator

import pytest

from bot.store import Store, open_store
from tests.store.times import Time


@pytest.fixture
def time(database_url: str) -> Time:
    """The time that the store goes by."""
    return Time(database_url)


@pytest.fixture
async def store(database_url: str, time: Time) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(database_url, time.clock) as opened:
        yield opened
