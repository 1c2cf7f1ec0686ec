import pytest

from tests.sandbox.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
