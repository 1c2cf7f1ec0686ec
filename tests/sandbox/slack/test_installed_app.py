"""Installed app: it gets what its manifest requests; anything else is recorded as its error."""

from dataclasses import replace

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.runtime import manifest
from bot.sandbox.faults import Fault
from bot.sandbox.slack.installed_app import InstalledApp
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from tests.sandbox.slack.web_client import error_response

TRACK = "ftjob_track_from_message"
HOME = {"type": "home", "blocks": [{"type": "divider"}]}


async def test_the_token_has_exactly_the_manifests_scopes(client: AsyncWebClient) -> None:
    needed, optional = manifest.scopes(manifest.for_socket_mode())
    response = await client.auth_test()
    assert set(response.headers["x-oauth-scopes"].split(",")) == needed | optional


@pytest.mark.parametrize(
    ("method", "needed"), [("team.info", "team:read"), ("conversations.open", "im:write"), ("users.info", "users:read")]
)
async def test_a_scope_outside_the_manifest_is_missing_and_recorded(
    slack: Slack, client: AsyncWebClient, ann: SandboxUser, method: str, needed: str
) -> None:
    slack.scopes -= {needed}
    response = await error_response(
        client.api_call(method, params={"users": ann.id} if "open" in method else {"user": ann.id})
    )
    assert (response["error"], response["needed"]) == ("missing_scope", needed)
    assert response["provided"] == ",".join(sorted(slack.scopes))
    [error] = slack.errors
    assert method in error
    assert needed in error


async def test_the_bot_cannot_post_where_it_is_no_member(
    slack: Slack, client: AsyncWebClient, ann: SandboxUser
) -> None:
    channel = slack.add_channel("ml", bot_is_member=False)
    said = ann.post("hello", channel)
    for post in (
        client.chat_postMessage(channel=channel.id, text="x"),
        client.chat_postMessage(channel=channel.id, text="x", thread_ts=said.ts),
        client.chat_postEphemeral(channel=channel.id, text="x", user=ann.id),
    ):
        assert (await error_response(post))["error"] == "not_in_channel"
    assert channel.messages == [said]
    assert slack.errors == [], "that it is no member is how the workspace stands, and no error of the app's"


@pytest.mark.parametrize("is_private", [False, True])
async def test_a_removed_bot_cannot_post_until_invited(
    slack: Slack, client: AsyncWebClient, *, is_private: bool
) -> None:
    channel = slack.add_channel("ml", is_private=is_private)
    await client.chat_postMessage(channel=channel.id, text="before")
    await slack.remove_bot(channel)
    post = client.chat_postMessage(channel=channel.id, text="x")
    assert (await error_response(post))["error"] == ("channel_not_found" if is_private else "not_in_channel")
    await slack.invite_bot(channel)
    await client.chat_postMessage(channel=channel.id, text="after")
    assert [message.text for message in channel.messages] == ["before", "after"]
    assert slack.errors == []


async def test_an_event_requires_a_subscription_and_a_scope() -> None:
    subscribed = ["member_left_channel", "channel_left", "group_left", "app_uninstalled"]
    apps = {
        kind: InstalledApp.parse(manifest.for_socket_mode()).with_overrides(events=subscribed)
        for kind in ("all", "public", "none")
    }
    apps["public"] = apps["public"].with_overrides(scopes=["channels:read"])
    apps["none"] = apps["none"].with_overrides(scopes=["chat:write"])
    received = {kind: [event for event in subscribed if app.receives_event(event)] for kind, app in apps.items()}
    assert received == {
        "all": subscribed,
        "public": ["member_left_channel", "channel_left", "app_uninstalled"],
        "none": ["app_uninstalled"],
    }


@pytest.mark.parametrize("event", ["reaction_added", "app_mention", "channel_left"])
async def test_sending_an_unsubscribed_event_is_an_error(slack: Slack, event: str) -> None:
    assert (await slack.send_event(event)).error == "not_subscribed"
    [error] = slack.errors
    assert event in error


async def test_an_unsubscribed_event_of_a_removal_is_no_error(slack: Slack) -> None:
    assert (await slack.remove_bot(slack.add_channel("ml"))).error == "not_subscribed"
    assert slack.errors == []


@pytest.mark.parametrize("callback_id", ["ftjob_track_message", "", TRACK.upper()])
async def test_a_shortcut_outside_the_manifest_is_an_error(slack: Slack, ann: SandboxUser, callback_id: str) -> None:
    said = ann.post("see ftjob-abc", slack.add_channel("ml"))
    interaction = await ann.shortcut(callback_id, said)
    assert (interaction.delivered, interaction.error) == (None, "unknown_shortcut")
    [error] = slack.errors
    assert repr(callback_id) in error


async def test_a_message_shortcut_is_no_global_one(slack: Slack, ann: SandboxUser) -> None:
    assert (await ann.shortcut(TRACK, ann.post("see ftjob-abc", slack.add_channel("ml")))).delivered
    assert (await ann.shortcut(TRACK)).error == "unknown_shortcut", "it is one for messages"
    assert len(slack.errors) == 1


@pytest.mark.parametrize("command", ["/other", "/FTJOB", "ftjob"])
async def test_a_command_outside_the_manifest_is_an_error(slack: Slack, ann: SandboxUser, command: str) -> None:
    interaction = await ann.command("status", slack.add_channel("ml"), command=command)
    assert (interaction.delivered, interaction.error) == (None, "unknown_command")
    [error] = slack.errors
    assert command in error


async def test_without_interactivity_there_are_no_interactions() -> None:
    manifest_body = manifest.for_socket_mode()
    manifest_body["settings"]["interactivity"]["is_enabled"] = False
    async with Slack(installed_app=InstalledApp.parse(manifest_body)) as slack:
        ann = slack.add_user("ann")
        interaction = await ann.shortcut(TRACK, ann.post("see ftjob-abc", slack.add_channel("ml")))
        assert (interaction.delivered, interaction.error) == (None, "not_interactive")
        assert len(slack.errors) == 1


async def test_without_a_home_tab_publishing_is_an_error(
    slack: Slack, client: AsyncWebClient, ann: SandboxUser
) -> None:
    await client.views_publish(user_id=ann.id, view=HOME)
    slack.workspace.app = replace(slack.workspace.app, has_home=False)
    assert (await error_response(client.views_publish(user_id=ann.id, view=HOME)))["error"] == "not_enabled"
    assert len(slack.errors) == 1


async def test_without_a_messages_tab_direct_messages_are_an_error(
    slack: Slack, client: AsyncWebClient, ann: SandboxUser
) -> None:
    await client.chat_postMessage(channel=ann.id, text="x")
    slack.workspace.app = replace(slack.workspace.app, has_messages=False)
    response = await error_response(client.chat_postMessage(channel=ann.id, text="x"))
    assert response["error"] == "messages_tab_disabled"
    assert len(slack.errors) == 1


@pytest.mark.parametrize(
    ("tabs", "expected"),
    [
        ({}, (False, False)),
        ({"messages_tab_enabled": True}, (True, True)),
        ({"messages_tab_enabled": True, "messages_tab_read_only_enabled": True}, (True, False)),
        ({"messages_tab_enabled": False, "messages_tab_read_only_enabled": False}, (False, False)),
    ],
)
def test_the_messages_tab_decides_who_can_write(tabs: dict[str, bool], expected: tuple[bool, bool]) -> None:
    manifest_body = manifest.for_socket_mode()
    manifest_body["features"]["app_home"] = tabs
    app = InstalledApp.parse(manifest_body)
    assert (app.has_messages, app.accepts_messages) == expected


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.shout", {}, "unknown_method"),
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.postMessage", {"text": "x", "colour": "red", "channel": "C0"}, "invalid_arguments"),
        ("apps.connections.open", {}, "not_allowed_token_type"),
    ],
)
async def test_a_malformed_call_is_recorded_as_an_error(
    slack: Slack, client: AsyncWebClient, method: str, arguments: dict[str, str], error: str
) -> None:
    assert (await error_response(client.api_call(method, json=arguments)))["error"] == error
    assert [each.partition(" {")[0] for each in slack.errors] == [f"{method}: {error}"]


async def test_injected_faults_and_channel_state_are_no_errors_of_the_app(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml", is_archived=True)
    slack.faults.add("chat.postMessage", Fault("answer", status=200, body={"ok": False, "error": "invalid_arguments"}))
    for _ in range(2):
        await error_response(client.chat_postMessage(channel=channel.id, text="x"))
    assert slack.errors == []
