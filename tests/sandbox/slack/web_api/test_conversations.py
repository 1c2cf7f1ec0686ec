"""``conversations.*``, ``users.*`` and ``usergroups.*`` through Slack's own client."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.server import SCOPES, Slack
from tests.sandbox.slack.web_client import client_for, error_response

Json = dict[str, Any]

METADATA = {"event_type": "ftjob_alert", "event_payload": {"key": "job:1:failed"}}


@pytest.fixture
def slack_options() -> dict[str, Any]:
    return {"burst": 1000}


async def test_history_includes_metadata_on_request(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    await client.chat_postMessage(channel=channel.id, text="x", metadata=METADATA)
    plain = await client.conversations_history(channel=channel.id)
    assert "metadata" not in plain["messages"][0]
    full = await client.conversations_history(channel=channel.id, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == METADATA


async def test_history_respects_oldest_and_latest(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    stamps = [(await client.chat_postMessage(channel=channel.id, text=f"{n}"))["ts"] for n in range(5)]

    async def texts(**bounds: Any) -> list[str]:
        response = await client.conversations_history(channel=channel.id, **bounds)
        return [message["text"] for message in response["messages"]]

    assert await texts() == ["4", "3", "2", "1", "0"]
    assert await texts(oldest=stamps[1], latest=stamps[3]) == ["2"]
    assert await texts(oldest=stamps[1], latest=stamps[3], inclusive=True) == ["3", "2", "1"]
    assert await texts(limit=2) == ["4", "3"]
    bad = client.conversations_history(channel=channel.id, oldest="yesterday")
    assert (await error_response(bad))["error"] == "invalid_ts_oldest"


@pytest.mark.parametrize("what", ["history", "replies"])
async def test_message_pages_have_no_gaps(slack: Slack, client: AsyncWebClient, what: str) -> None:
    channel = slack.add_channel("ml")
    root = (await client.chat_postMessage(channel=channel.id, text="0"))["ts"]
    for n in range(1, 5):
        await client.chat_postMessage(channel=channel.id, text=f"{n}", thread_ts=root, reply_broadcast=True)
    texts: list[str] = []
    cursor = ""
    while True:
        page: Json = {"channel": channel.id, "limit": 2, "cursor": cursor}
        if what == "history":
            response = await client.conversations_history(**page)
        else:
            response = await client.conversations_replies(ts=root, **page)
        texts += [message["text"] for message in response["messages"]]
        if not response["has_more"]:
            break
        cursor = response["response_metadata"]["next_cursor"]
    assert sorted(texts) == ["0", "1", "2", "3", "4"]
    assert len(texts) == 5


async def test_a_bad_cursor_and_a_missing_thread_are_errors(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    bad = client.conversations_history(channel=channel.id, cursor="???")
    assert (await error_response(bad))["error"] == "invalid_cursor"
    lost = client.conversations_replies(channel=channel.id, ts="1.1")
    assert (await error_response(lost))["error"] == "thread_not_found"


async def test_conversations_info_has_the_channels_flags(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml", is_private=True, is_ext_shared=True)
    info = (await client.conversations_info(channel=channel.id, include_num_members=True))["channel"]
    assert (info["is_private"], info["is_ext_shared"], info["is_member"]) == (True, True, True)
    assert (info["name"], info["num_members"]) == ("ml", 1)


async def test_channel_members_are_paged(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    for name in ("ann", "bob", "cy"):
        slack.add_user(name).post("hi", channel)
    first = await client.conversations_members(channel=channel.id, limit=3)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_members(channel=channel.id, limit=3, cursor=cursor)
    assert [*first["members"], *second["members"]] == list(channel.members)
    assert second["response_metadata"]["next_cursor"] == ""


async def test_conversations_open_requires_im_write(
    slack: Slack, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    ann = slack.add_user("ann")
    assert (await error_response(client.conversations_open(users=ann.id)))["needed"] == "im:write"
    async with Slack(installed_app=from_manifest().with_overrides(scopes=[*SCOPES, "im:write", "team:read"])) as other:
        bob, client = other.add_user("bob"), client_for(other, session)
        assert (await client.conversations_open(users=[bob.id]))["channel"]["id"].startswith("D")
        assert (await client.team_info())["team"]["domain"] == "sandbox"
        unknown = client.conversations_open(users="U0")
        assert (await error_response(unknown))["error"] == "user_not_found"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, {"is_admin": False, "is_owner": False, "is_restricted": False, "is_stranger": False}),
        ({"is_admin": True}, {"is_admin": True, "is_owner": False}),
        ({"is_owner": True}, {"is_admin": True, "is_owner": True}),
        ({"is_ultra_restricted": True}, {"is_restricted": True, "is_ultra_restricted": True}),
        ({"deleted": True}, {"deleted": True}),
        ({"team_id": "T0OTHER"}, {"team_id": "T0OTHER", "is_stranger": True}),
    ],
)
async def test_users_info_has_role_flags(slack: Slack, client: AsyncWebClient, flags: Json, expected: Json) -> None:
    person = slack.add_user("ann", **flags)
    user = (await client.users_info(user=person.id))["user"]
    assert {name: user[name] for name in expected} == expected


async def test_an_unknown_user_is_not_found(client: AsyncWebClient) -> None:
    assert (await error_response(client.users_info(user="U0NOBODY")))["error"] == "user_not_found"


async def test_a_user_group_lists_its_members(slack: Slack, client: AsyncWebClient) -> None:
    ann = slack.add_user("ann")
    group = slack.add_usergroup("ml-team", [ann])
    assert (await client.usergroups_users_list(usergroup=group))["users"] == [ann.id]
    assert (await error_response(client.usergroups_users_list(usergroup="S0")))["error"] == "no_such_subteam"
