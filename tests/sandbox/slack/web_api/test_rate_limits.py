"""Rate limits of Web API methods by tier."""

from typing import Any

import pytest

from bot.sandbox.server import ServerResponse
from bot.sandbox.slack.rate_limits import PER_MINUTE
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.web_api import METHODS
from tests.sandbox.clock import Clock


@pytest.fixture
def slack(slack: Slack) -> Slack:
    slack.rate_limits.has_tiers = True
    return slack


def arguments_of(slack: Slack, ann: SandboxUser, method: str) -> dict[str, Any]:
    match method:
        case "users.info":
            return {"user": ann.id}
        case "usergroups.users.list":
            return {"usergroup": slack.add_usergroup("team", [ann])}
        case _:
            return {"channel": slack.add_channel("ml").id}


@pytest.mark.parametrize(
    ("method", "most"), [("usergroups.users.list", 20), ("conversations.info", 50), ("users.info", 100)]
)
def test_a_method_is_limited_by_its_tier_until_retry_after(
    slack: Slack, ann: SandboxUser, clock: Clock, method: str, most: int
) -> None:
    arguments = arguments_of(slack, ann, method)

    def call() -> ServerResponse:
        return slack.handle(method, arguments)

    assert all(call().accepted for _ in range(most))
    rejected = call()
    assert (rejected.status, rejected.body["error"], rejected.accepted) == (429, "ratelimited", False)
    wait = int(rejected.headers["Retry-After"])
    assert wait - 1 < 60 / most <= wait
    assert slack.handle("auth.test", {}).accepted, "each method counts by itself"
    clock.now += wait
    assert call().accepted
    assert not call().accepted
    clock.now += 60
    assert all(call().accepted for _ in range(most))
    assert slack.errors == []


def test_posting_is_limited_per_channel_only(slack: Slack) -> None:
    channels = [slack.add_channel(f"c{n}").id for n in range(150)]
    assert all(slack.handle("chat.postMessage", {"channel": each, "text": "x"}).accepted for each in channels)


def test_every_limited_method_exists() -> None:
    assert PER_MINUTE.keys() - METHODS.keys() == {"conversations.list"}
