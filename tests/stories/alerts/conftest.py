"""Fixtures of the stories about alerts."""

import pytest

from tests.world import FAST_TUNING, World


@pytest.fixture
def lively(any_world: World) -> World:
    """A world whose cards and curves follow at once, on each database and over each transport."""
    any_world.tuning = FAST_TUNING
    return any_world
