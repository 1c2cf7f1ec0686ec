"""A recorder of calls on an empty store, on each database in turn."""

import pytest

from bot.push.recorder import PushRecorder
from bot.store import Store
from bot.tracking.recorder import Recorder
from tests.push.calls import ACCOUNT


@pytest.fixture
def recorder(store: Store) -> Recorder:
    return Recorder(store)


@pytest.fixture
def pushes(store: Store, recorder: Recorder) -> PushRecorder:
    return PushRecorder(ACCOUNT, store, recorder.writer)
