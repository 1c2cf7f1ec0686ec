from typing import Any

import pytest
from prometheus_client import REGISTRY
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.listeners import bolt
from bot.listeners.bolt import listener
from bot.listeners.slash import COMMAND
from bot.runtime.manifest import for_http, for_socket_mode
from bot.sandbox.slack.workspace import BOT_USER, TEAM
from tests.world import World


def app_of(bot: Any) -> AsyncApp:
    """Return the Bolt app of a running bot, as it answers Slack over Socket Mode."""
    app = bot.socket.app
    assert isinstance(app, AsyncApp)
    return app


async def test_every_listener_is_made_by_one_function(world: World) -> None:
    async with world.bot() as bot:
        registered = app_of(bot)._async_listeners  # noqa: SLF001 - Bolt shows them nowhere else

        assert len(registered) >= 5
        for each in registered:
            function: Any = getattr(each, "ack_function")  # noqa: B009 - only the subclass that Bolt makes has it
            assert function.__module__ == bolt.__name__
            assert function.__qualname__ == f"{listener.__qualname__}.<locals>.acknowledge_and_start"
            assert getattr(each, "lazy_functions") == []  # noqa: B009


async def test_bolt_responds_only_after_a_listener_returned(world: World) -> None:
    async with world.bot() as bot:
        assert app_of(bot)._async_listener_runner.process_before_response is True  # noqa: SLF001


@pytest.mark.parametrize("manifest", [for_socket_mode(), for_http("https://bot.example.com")], ids=["socket", "http"])
async def test_every_command_of_the_manifest_has_a_listener(world: World, manifest: dict[str, Any]) -> None:
    declared = [each["command"] for each in manifest["features"]["slash_commands"]]

    assert declared == [COMMAND]
    async with world.bot() as bot:
        for command in declared:
            assert await status_of(app_of(bot), {"command": command}) == 200


@pytest.mark.parametrize(
    "body",
    [
        {"command": "/other", "user_id": "U1", "channel_id": "C1"},
        {"type": "event_callback", "event": {"type": "reaction_added", "user": BOT_USER}},
        {"type": "shortcut", "callback_id": "somebody_elses"},
        {"type": "view_submission", "view": {"type": "modal", "callback_id": "somebody_elses"}},
    ],
    ids=["command", "event", "shortcut", "modal"],
)
async def test_an_unhandled_request_is_acknowledged_and_counted(world: World, body: dict[str, Any]) -> None:
    async with world.bot() as bot:
        before = unhandled()
        assert await status_of(app_of(bot), body) == 200

        assert unhandled() == before + 1


@pytest.mark.parametrize("action", ["ftjob_refresh", "ftjob_open_page", "somebody_elses", "ftjob_refresh:4"])
async def test_every_button_is_acknowledged(world: World, action: str) -> None:
    body = {
        "type": "block_actions",
        "actions": [{"type": "button", "action_id": action, "value": "x", "block_id": "b"}],
    }

    async with world.bot() as bot:
        assert await status_of(app_of(bot), body) == 200


@pytest.mark.parametrize("manifest", [for_socket_mode(), for_http("https://bot.example.com")], ids=["socket", "http"])
async def test_every_event_of_the_manifest_is_acknowledged_also_if_the_bot_itself_caused_it(
    world: World, manifest: dict[str, Any]
) -> None:
    subscribed = manifest["settings"]["event_subscriptions"]["bot_events"]

    assert sorted(subscribed) == [
        "app_home_opened",
        "channel_id_changed",
        "channel_unarchive",
        "group_unarchive",
        "member_joined_channel",
    ]
    async with world.bot() as bot:
        before = unhandled()
        for kind in subscribed:
            event = {"type": kind, "user": BOT_USER, "channel": "C0NOWHERE"}
            body = {"type": "event_callback", "team_id": TEAM, "event": event}
            assert await status_of(app_of(bot), body) == 200
        assert unhandled() == before


async def test_a_body_without_a_user_is_acknowledged_and_does_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world.bot() as bot:
        for body in (
            {"command": COMMAND},
            {"command": COMMAND, "text": "cancel ftjob-abc", "user_id": "U1"},
            {"type": "event_callback", "event": {"type": "channel_unarchive"}},
        ):
            assert await status_of(app_of(bot), body) == 200

    assert world.slack.ephemerals == []
    assert world.ml.messages == []
    assert [entry for entry in world.api.request_log if entry.endpoint.startswith("POST")] == []
    assert "dispatch.failed" not in capsys.readouterr().out


def unhandled() -> float:
    return REGISTRY.get_sample_value("ftjob_slack_ignored_total", {"kind": "unhandled"}) or 0.0


async def status_of(app: AsyncApp, body: dict[str, Any]) -> int:
    response = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    return response.status


async def test_a_listener_acknowledges_first_and_then_starts_the_work_with_the_body() -> None:
    happened: list[Any] = []

    async def ack() -> None:
        happened.append("ack")

    await listener(happened.append)(ack=ack, body={"text": "help"})

    assert happened == ["ack", {"text": "help"}]
