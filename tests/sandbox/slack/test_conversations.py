"""Reading channels, threads and people back, as Slack shows them."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.server import SCOPES, Slack
from tests.sandbox.clock import Clock

Json = dict[str, Any]

METADATA = {"event_type": "ftjob_alert", "event_payload": {"key": "job:1:failed"}}


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[Slack]:
    async with Slack(clock=clock, burst=1000) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(slack: Slack, session: aiohttp.ClientSession) -> AsyncWebClient:
    return client_of(slack, session)


def client_of(slack: Slack, session: aiohttp.ClientSession, token: str | None = None) -> AsyncWebClient:
    client = AsyncWebClient(token=slack.bot_token if token is None else token, base_url=slack.api_url, session=session)
    client.retry_handlers = []
    return client


async def refusal(call: Any) -> Any:
    """Return the answer of a call that Slack refuses."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def test_history_shows_metadata_only_where_asked(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    await client.chat_postMessage(channel=channel.id, text="x", metadata=METADATA)
    plain = await client.conversations_history(channel=channel.id)
    assert "metadata" not in plain["messages"][0]
    full = await client.conversations_history(channel=channel.id, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == METADATA


async def test_history_keeps_to_its_bounds(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    stamps = [(await client.chat_postMessage(channel=channel.id, text=f"{n}"))["ts"] for n in range(5)]

    async def texts(**bounds: Any) -> list[str]:
        answer = await client.conversations_history(channel=channel.id, **bounds)
        return [message["text"] for message in answer["messages"]]

    assert await texts() == ["4", "3", "2", "1", "0"]
    assert await texts(oldest=stamps[1], latest=stamps[3]) == ["2"]
    assert await texts(oldest=stamps[1], latest=stamps[3], inclusive=True) == ["3", "2", "1"]
    assert await texts(limit=2) == ["4", "3"]
    bad = client.conversations_history(channel=channel.id, oldest="yesterday")
    assert (await refusal(bad))["error"] == "invalid_ts_oldest"


@pytest.mark.parametrize("what", ["history", "replies"])
async def test_pages_follow_one_another_without_gap(slack: Slack, client: AsyncWebClient, what: str) -> None:
    channel = slack.add_channel("ml")
    root = (await client.chat_postMessage(channel=channel.id, text="0"))["ts"]
    for n in range(1, 5):
        await client.chat_postMessage(channel=channel.id, text=f"{n}", thread_ts=root, reply_broadcast=True)
    texts: list[str] = []
    cursor = ""
    while True:
        page: Json = {"channel": channel.id, "limit": 2, "cursor": cursor}
        if what == "history":
            answer = await client.conversations_history(**page)
        else:
            answer = await client.conversations_replies(ts=root, **page)
        texts += [message["text"] for message in answer["messages"]]
        if not answer["has_more"]:
            break
        cursor = answer["response_metadata"]["next_cursor"]
    assert sorted(texts) == ["0", "1", "2", "3", "4"]
    assert len(texts) == 5


async def test_a_bad_cursor_and_a_lost_thread_are_refused(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    bad = client.conversations_history(channel=channel.id, cursor="???")
    assert (await refusal(bad))["error"] == "invalid_cursor"
    lost = client.conversations_replies(channel=channel.id, ts="1.1")
    assert (await refusal(lost))["error"] == "thread_not_found"


async def test_a_channel_says_what_it_is(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml", is_private=True, is_ext_shared=True)
    info = (await client.conversations_info(channel=channel.id, include_num_members=True))["channel"]
    assert (info["is_private"], info["is_ext_shared"], info["is_member"]) == (True, True, True)
    assert (info["name"], info["num_members"]) == ("ml", 1)


async def test_the_members_of_a_channel_come_page_by_page(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    for name in ("ann", "bob", "cy"):
        slack.add_user(name).post("hi", channel)
    first = await client.conversations_members(channel=channel.id, limit=3)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_members(channel=channel.id, limit=3, cursor=cursor)
    assert [*first["members"], *second["members"]] == list(channel.members)
    assert second["response_metadata"]["next_cursor"] == ""


async def test_opening_direct_messages_needs_a_scope_the_bot_has_not(
    slack: Slack, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    ann = slack.add_user("ann")
    assert (await refusal(client.conversations_open(users=ann.id)))["needed"] == "im:write"
    async with Slack(installed_app=from_manifest().with_overrides(scopes=[*SCOPES, "im:write", "team:read"])) as other:
        bob, client = other.add_user("bob"), client_of(other, session)
        assert (await client.conversations_open(users=[bob.id]))["channel"]["id"].startswith("D")
        assert (await client.team_info())["team"]["domain"] == "sandbox"
        unknown = client.conversations_open(users="U0")
        assert (await refusal(unknown))["error"] == "user_not_found"


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
async def test_a_person_has_the_flags_that_say_what_they_may_do(
    slack: Slack, client: AsyncWebClient, flags: Json, expected: Json
) -> None:
    person = slack.add_user("ann", **flags)
    user = (await client.users_info(user=person.id))["user"]
    assert {name: user[name] for name in expected} == expected


async def test_an_unknown_person_is_not_found(client: AsyncWebClient) -> None:
    assert (await refusal(client.users_info(user="U0NOBODY")))["error"] == "user_not_found"


async def test_a_user_group_lists_its_people(slack: Slack, client: AsyncWebClient) -> None:
    ann = slack.add_user("ann")
    group = slack.add_usergroup("ml-team", [ann])
    assert (await client.usergroups_users_list(usergroup=group))["users"] == [ann.id]
    assert (await refusal(client.usergroups_users_list(usergroup="S0")))["error"] == "no_such_subteam"
