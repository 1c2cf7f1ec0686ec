from collections.abc import AsyncIterator

import pytest

from tests.sandbox.demo.page.browser_session import CHROMIUM, BrowserSession, browser_session
from tests.world import slack_rejections


@pytest.fixture
async def session() -> AsyncIterator[BrowserSession]:
    """Yield the page in a browser; at the end neither Slack nor the browser may have reported a problem."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: install the package chromium")
    async with browser_session() as made:
        yield made
    assert made.problems == []
    assert made.demo.slack.violations == []
    assert slack_rejections(made.demo.slack) == []
