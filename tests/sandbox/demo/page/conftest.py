from collections.abc import AsyncIterator

import pytest

from tests.sandbox.demo.page.browser import CHROMIUM, Visit, visiting
from tests.world import slack_rejections


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    """Yield somebody's visit; at its end neither Slack nor the browser has anything to complain of."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: install the package chromium")
    async with visiting() as made:
        yield made
    assert made.problems == []
    assert made.scene.slack.violations == []
    assert slack_rejections(made.scene.slack) == []
