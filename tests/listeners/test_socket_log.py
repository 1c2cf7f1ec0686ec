"""What is logged of Socket Mode's connection: one line when it is lost, one when it is back, and no bug goes under."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from bot.listeners.socket import ConnectionLog
from bot.sandbox.faults import Fault
from tests.world import World


@dataclass
class Sdk:
    """The SDK's connection as it logs."""

    logs: list[EventDict]
    renewed: list[None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logger = ConnectionLog(lambda: self.renewed.append(None))

    def connect(self, error: Exception) -> None:
        self.logger.error("Failed to connect (error: %s); Retrying...", error, exc_info=error)

    def run_message_listeners(self, error: Exception) -> None:
        self.logger.error("Failed to run a request listener: %s", error, exc_info=error)

    @property
    def events(self) -> list[str]:
        return [str(each["event"]) for each in self.logs]


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    with capture_logs() as logs:
        yield Sdk(logs)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "refused"), "The connection was refused: nothing is listening on that port."),
        (TimeoutError(), "The server didn't respond in time."),
        (aiohttp.ClientPayloadError("broken"), "The connection failed."),
        (KeyError("url"), "Failed to connect (error: 'url'); Retrying..."),
    ],
)
def test_a_series_of_failures_is_one_log_line_and_the_recovery_another(sdk: Sdk, error: Exception, said: str) -> None:
    for _ in range(3):
        sdk.connect(error)
    sdk.logger.opened()
    sdk.logger.opened()
    assert sdk.events == ["socket.disconnected", "socket.reconnected"]
    assert sdk.logs[0]["error"] == said
    assert "exc_info" not in sdk.logs[0]


def test_the_next_series_is_logged_again(sdk: Sdk) -> None:
    for _ in range(2):
        sdk.connect(TimeoutError())
        sdk.logger.opened()
    assert sdk.events == ["socket.disconnected", "socket.reconnected"] * 2


def test_each_attempt_requests_its_own_url(sdk: Sdk) -> None:
    sdk.connect(TimeoutError())
    sdk.connect(TimeoutError())
    assert len(sdk.renewed) == 2


def test_an_error_in_our_own_code_keeps_its_traceback(sdk: Sdk) -> None:
    sdk.run_message_listeners(KeyError("a bug"))
    sdk.run_message_listeners(KeyError("a bug"))
    assert sdk.events == ["socket.handler_failed"] * 2
    assert isinstance(sdk.logs[0]["exc_info"], KeyError)
    sdk.run_message_listeners(ConnectionResetError(104, "reset"))
    assert sdk.events[2:] == ["socket.disconnected"]


def test_routine_messages_are_not_logged(sdk: Sdk) -> None:
    sdk.logger.info("A new session has been established")
    assert not sdk.logger.isEnabledFor(logging.DEBUG)
    assert sdk.events == []


async def test_a_connection_that_breaks_while_opening_is_opened_with_another_url(world: World) -> None:
    world.slack.faults.add("socket", Fault("drop"))
    with capture_logs() as logs:
        async with world.bot():
            answer = await world.say("help")

    assert "ftjob" in answer.plain_text
    assert [each["event"] for each in logs if each["event"].startswith("socket.")] == [
        "socket.disconnected",
        "socket.reconnected",
    ]
