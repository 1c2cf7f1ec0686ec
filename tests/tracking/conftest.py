"""A recorder on an empty store, on each database in turn."""

import pytest

from bot.store import Store
from bot.tracking.recorder import Recorder


@pytest.fixture
def recorder(store: Store) -> Recorder:
    return Recorder(store)
