"""Web API calls through Slack's own client: tokens, scopes, arguments and uploads."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.server import Slack
from tests.sandbox.slack.web_client import client_for, error_response

Json = dict[str, Any]

METADATA = {"event_type": "ftjob_alert", "event_payload": {"key": "job:1:failed"}}


@pytest.fixture
def slack_options() -> dict[str, Any]:
    return {"burst": 1000}


# --- tokens, scopes and arguments ---


async def test_auth_test_identifies_the_bot(client: AsyncWebClient) -> None:
    response = await client.auth_test()
    assert response["bot_id"].startswith("B")
    assert response["user_id"].startswith("U")
    assert "chat:write" in response.headers["x-oauth-scopes"].split(",")


async def test_a_wrong_token_is_invalid_auth_and_a_missing_one_not_authed(
    slack: Slack, session: aiohttp.ClientSession
) -> None:
    assert (await error_response(client_for(slack, session, "xoxb-wrong").auth_test()))["error"] == "invalid_auth"
    assert (await error_response(client_for(slack, session, "").auth_test()))["error"] == "not_authed"


async def test_each_token_type_is_limited_to_its_methods(slack: Slack, client: AsyncWebClient) -> None:
    assert (await client.apps_connections_open(app_token=slack.app_token))["url"].startswith("ws://127.0.0.1:")
    wrong = await error_response(client.apps_connections_open(app_token=slack.bot_token))
    assert wrong["error"] == "not_allowed_token_type"
    assert (await error_response(client.auth_test(token=slack.app_token)))["error"] == "not_allowed_token_type"


async def test_a_missing_scope_is_named(session: aiohttp.ClientSession) -> None:
    async with Slack(installed_app=from_manifest().with_overrides(scopes=["chat:write"])) as slack:
        client, person = client_for(slack, session), slack.add_user("ann")
        response = await error_response(client.users_info(user=person.id))
        assert (response["error"], response["needed"]) == ("missing_scope", "users:read")
        assert response["provided"] == "chat:write"
        channel = slack.add_channel("ml", bot_is_member=False)
        assert (await error_response(client.chat_postMessage(channel=channel.id, text="x")))["error"] == (
            "not_in_channel"
        )
        assert slack.request_log.for_endpoint("users.info")[0].accepted is False


@pytest.mark.parametrize(("private", "needed"), [(False, "channels:history"), (True, "groups:history")])
async def test_history_requires_the_scope_of_the_channel_type(
    session: aiohttp.ClientSession, needed: str, *, private: bool
) -> None:
    async with Slack(installed_app=from_manifest().with_overrides(scopes=["chat:write"])) as slack:
        channel = slack.add_channel("ml", is_private=private)
        response = await error_response(client_for(slack, session).conversations_history(channel=channel.id))
        assert (response["error"], response["needed"]) == ("missing_scope", needed)


async def test_an_unknown_method_is_an_error(client: AsyncWebClient) -> None:
    assert (await error_response(client.api_call("chat.shout")))["error"] == "unknown_method"


async def test_unknown_and_missing_arguments_are_invalid(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    response = await error_response(client.chat_postMessage(channel=channel.id, text="x", colour="red"))
    assert response["error"] == "invalid_arguments"
    assert response["response_metadata"]["messages"] == ["[ERROR] unknown argument: colour"]
    response = await error_response(client.api_call("chat.postMessage", json={"text": "x"}))
    assert response["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]


@pytest.mark.parametrize("how", ["form", "json", "query"])
async def test_arguments_are_accepted_as_form_json_or_query(
    slack: Slack, session: aiohttp.ClientSession, how: str
) -> None:
    person = slack.add_user("ann")
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    url, arguments = slack.api_url + "users.info", {"user": person.id}
    match how:
        case "form":
            request = session.post(url, data=arguments, headers=headers)
        case "json":
            request = session.post(url, json=arguments, headers=headers)
        case _:
            request = session.get(url, params=arguments, headers=headers)
    async with request as response:
        assert (await response.json())["user"]["name"] == "ann"


async def test_blocks_are_accepted_as_json_in_a_form(slack: Slack, session: aiohttp.ClientSession) -> None:
    channel = slack.add_channel("ml")
    form = {"channel": channel.id, "text": "x", "blocks": '[{"type": "divider"}]'}
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with session.post(slack.api_url + "chat.postMessage", data=form, headers=headers) as response:
        assert (await response.json())["ok"]
    assert channel.messages[0].blocks == [{"type": "divider"}]


# --- files ---


async def test_a_file_is_shared_in_a_thread(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    root = (await client.chat_postMessage(channel=channel.id, text="root"))["ts"]
    await client.files_upload_v2(
        channel=channel.id,
        content=b"PNG",
        filename="loss.png",
        title="Loss",
        alt_txt="a falling line",
        initial_comment="the curve",
        thread_ts=root,
    )
    (reply,) = channel.thread_replies(root)
    assert (reply.text, [file["title"] for file in reply.files]) == ("the curve", ["Loss"])
    (file,) = slack.workspace.files.values()
    assert (file.content, file.alt_txt) == (b"PNG", "a falling line")


async def test_completing_a_missing_upload_is_an_error(client: AsyncWebClient) -> None:
    begun = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    done = client.files_completeUploadExternal(files=[{"id": begun["file_id"]}])
    assert (await error_response(done))["error"] == "file_not_found"


async def test_an_upload_of_the_wrong_length_fails(client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
    begun = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with session.post(begun["upload_url"], data=b"four") as response:
        assert response.status == 400
    done = client.files_completeUploadExternal(files=[{"id": begun["file_id"]}])
    assert (await error_response(done))["error"] == "file_not_found"


# --- request log ---


async def test_the_request_log_waits_for_a_condition(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    waiting = asyncio.create_task(slack.request_log.wait_until(lambda: channel.messages))
    await client.chat_postMessage(channel=channel.id, text="x")
    assert [message.text for message in await waiting] == ["x"]
