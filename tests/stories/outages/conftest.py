"""Fixtures of the stories about outages."""

from collections.abc import Iterator

import pytest

from tests.postgres import RestartablePostgres, restartable_postgres


@pytest.fixture
def server() -> Iterator[RestartablePostgres]:
    """A PostgreSQL of the test's own, which it may stop."""
    with restartable_postgres() as started:
        yield started
