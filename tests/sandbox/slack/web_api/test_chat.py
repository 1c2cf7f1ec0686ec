"""``chat.*`` through Slack's own client: posting, editing and deleting."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from tests.sandbox.clock import Clock
from tests.sandbox.slack.web_client import client_for, error_response

Json = dict[str, Any]

METADATA = {"event_type": "ftjob_alert", "event_payload": {"key": "job:1:failed"}}


@pytest.fixture
def slack_options() -> dict[str, Any]:
    return {"burst": 1000}


# --- posting ---


async def test_a_posted_message_is_in_its_channel(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    response = await client.chat_postMessage(channel=channel.id, text="hello", metadata=METADATA)
    (message,) = channel.messages
    assert (response["channel"], response["ts"], response["message"]["text"]) == (channel.id, message.ts, "hello")
    assert (message.plain_text, message.metadata, message.thread_ts) == ("hello", METADATA, None)
    logged = slack.request_log.for_endpoint("chat.postMessage")[0]
    assert (logged.credential, logged.accepted, logged.request["text"]) == ("bot", True, "hello")
    assert slack.violations == []


async def test_timestamps_follow_the_clock_and_never_repeat(slack: Slack, client: AsyncWebClient, clock: Clock) -> None:
    channel = slack.add_channel("ml")
    stamps = [(await client.chat_postMessage(channel=channel.id, text="x"))["ts"] for _ in range(3)]
    clock.now += 1
    stamps.append((await client.chat_postMessage(channel=channel.id, text="x"))["ts"])
    assert stamps == ["1790000000.000000", "1790000000.000100", "1790000000.000200", "1790000001.000000"]


async def test_a_message_to_a_user_goes_to_their_direct_messages(slack: Slack, client: AsyncWebClient) -> None:
    ann = slack.add_user("ann")
    response = await client.chat_postMessage(channel=ann.id, text="psst")
    assert response["channel"] == slack.direct_message(ann).id
    assert response["channel"].startswith("D")
    assert [message.text for message in slack.direct_message(ann).messages] == ["psst"]
    history = await client.conversations_history(channel=response["channel"])
    assert history["messages"][0]["text"] == "psst"


@pytest.mark.parametrize(
    ("channel", "arguments", "error"),
    [
        ({}, {"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"is_archived": True}, {}, "is_archived"),
        ({"is_private": True, "bot_is_member": False}, {}, "channel_not_found"),
        ({}, {"text": ""}, "no_text"),
        ({}, {"text": "a" * 40_001}, "msg_too_long"),
        ({}, {"thread_ts": "1.000001"}, "thread_not_found"),
        ({}, {"attachments": [{"text": "a"}] * 101}, "too_many_attachments"),
        ({}, {"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ],
)
async def test_invalid_posts_get_slacks_error_codes(
    slack: Slack, client: AsyncWebClient, channel: Json, arguments: Json, error: str
) -> None:
    there = slack.add_channel("ml", **channel)
    post = {"channel": there.id, "text": "x", **arguments}
    response = await error_response(client.api_call("chat.postMessage", json=post))
    assert response["error"] == error
    assert there.messages == []


async def test_invalid_blocks_are_rejected_with_slacks_details(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    response = await error_response(
        client.chat_postMessage(channel=channel.id, text="x", blocks=[{"type": "divider"}] * 51)
    )
    assert response["error"] == "invalid_blocks"
    assert response["response_metadata"]["messages"] == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]


async def test_breaking_only_our_own_rules_is_posted_and_recorded(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    await client.chat_postMessage(channel=channel.id, text="<!channel> hello")
    assert len(channel.messages) == 1
    assert slack.violations == ["raw <!channel> at /text"]


async def test_a_public_channel_needs_no_invitation_with_the_right_scope(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml", bot_is_member=False)
    slack.scopes |= {"chat:write.public"}
    await client.chat_postMessage(channel=channel.id, text="x")
    assert (await error_response(client.conversations_history(channel=channel.id)))["error"] == "not_in_channel"


@pytest.mark.parametrize(
    ("person", "error"), [({"deleted": True}, "user_disabled"), ({"is_bot": True}, "cannot_dm_bot")]
)
async def test_deactivated_users_and_bots_get_no_direct_messages(
    slack: Slack, client: AsyncWebClient, person: Json, error: str
) -> None:
    ann = slack.add_user("ann", **person)
    assert (await error_response(client.chat_postMessage(channel=ann.id, text="x")))["error"] == error


async def test_replies_are_in_their_thread(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    root = (await client.chat_postMessage(channel=channel.id, text="root"))["ts"]
    quiet = (await client.chat_postMessage(channel=channel.id, text="quiet", thread_ts=root))["ts"]
    await client.chat_postMessage(channel=channel.id, text="loud", thread_ts=root, reply_broadcast=True)
    assert [message.text for message in channel.thread_replies(root)] == ["quiet", "loud"]
    history = await client.conversations_history(channel=channel.id)
    assert [message["text"] for message in history["messages"]] == ["loud", "root"]
    replies = await client.conversations_replies(channel=channel.id, ts=root)
    assert [message["text"] for message in replies["messages"]] == ["root", "quiet", "loud"]
    assert replies["messages"][0]["reply_count"] == 2
    nested = client.chat_postMessage(channel=channel.id, text="x", thread_ts=quiet)
    assert (await error_response(nested))["error"] == "cannot_reply_to_message"


async def test_an_edit_keeps_the_earlier_version(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    ts = (await client.chat_postMessage(channel=channel.id, text="one", metadata=METADATA))["ts"]
    await client.chat_update(channel=channel.id, ts=ts, text="two")
    (message,) = channel.messages
    assert (message.text, [old.text for old in message.earlier_versions]) == ("two", ["one"])
    assert message.metadata == METADATA


async def test_only_the_bots_own_messages_can_be_changed(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    ts = slack.add_user("ann").post("mine", channel).ts
    where: Json = {"channel": channel.id}
    assert (await error_response(client.chat_update(**where, ts=ts, text="x")))["error"] == "cant_update_message"
    assert (await error_response(client.chat_delete(**where, ts=ts)))["error"] == "cant_delete_message"
    assert (await error_response(client.chat_update(**where, ts="1.1", text="x")))["error"] == "message_not_found"


async def test_a_deleted_message_is_not_found(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    ts = (await client.chat_postMessage(channel=channel.id, text="one"))["ts"]
    await client.chat_delete(channel=channel.id, ts=ts)
    assert channel.messages == []
    assert (await client.conversations_history(channel=channel.id))["messages"] == []
    gone = client.chat_getPermalink(channel=channel.id, message_ts=ts)
    assert (await error_response(gone))["error"] == "message_not_found"


async def test_an_ephemeral_message_is_for_one_member_of_the_channel(slack: Slack, client: AsyncWebClient) -> None:
    channel, ann = slack.add_channel("ml"), slack.add_user("ann")
    post: Json = {"channel": channel.id, "text": "only you"}
    outside = await error_response(client.chat_postEphemeral(user=ann.id, **post))
    assert outside["error"] == "user_not_in_channel"
    ann.post("hello", channel)
    await client.chat_postEphemeral(user=ann.id, **post)
    assert [(one.user, one.channel, one.text) for one in slack.ephemerals] == [(ann.id, channel.id, "only you")]
    assert [message.text for message in channel.messages] == ["hello"]
    assert (await error_response(client.chat_postEphemeral(user="U0", **post)))["error"] == "user_not_found"


async def test_permalink_of_a_message(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    ts = (await client.chat_postMessage(channel=channel.id, text="one"))["ts"]
    link = (await client.chat_getPermalink(channel=channel.id, message_ts=ts))["permalink"]
    assert link == f"https://sandbox.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"


# --- rate limits and faults ---


async def test_a_channel_accepts_one_message_per_second_after_a_burst(
    session: aiohttp.ClientSession, clock: Clock
) -> None:
    async with Slack(clock=clock, burst=2) as slack:
        client, channel, other = client_for(slack, session), slack.add_channel("a"), slack.add_channel("b")
        for _ in range(2):
            await client.chat_postMessage(channel=channel.id, text="x")
        response = await error_response(client.chat_postMessage(channel=channel.id, text="x"))
        assert (response.status_code, response.data) == (429, {"ok": False, "error": "ratelimited"})
        assert response.headers["Retry-After"] == "1"
        await client.chat_postMessage(channel=other.id, text="x")
        clock.now += 1
        await client.chat_postMessage(channel=channel.id, text="x")
        assert len(channel.messages) == 3


async def test_a_post_whose_response_is_dropped_still_takes_effect(slack: Slack, client: AsyncWebClient) -> None:
    channel = slack.add_channel("ml")
    slack.faults.add("chat.postMessage", Fault("drop", accepted=True))
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=channel.id, text="x")
    assert len(channel.messages) == 1
    assert [logged.status for logged in slack.request_log.for_endpoint("chat.postMessage")] == [0]


# --- images ---


async def uploaded(slack: Slack, client: AsyncWebClient) -> str:
    """Upload an image without sharing it and return its id."""
    await client.files_upload_v2(content=b"PNG", filename="loss.png")
    return str([*slack.workspace.files][-1])


def showing(file_id: str) -> list[dict[str, Any]]:
    image = {"type": "image", "slack_file": {"id": file_id}, "alt_text": "a falling line"}
    return [{"type": "section", "text": {"type": "mrkdwn", "text": "Curves"}}, image]


async def test_a_message_cannot_show_a_missing_or_unprocessed_file(
    slack: Slack, client: AsyncWebClient, clock: Clock
) -> None:
    channel = slack.add_channel("ml")
    slack.workspace.file_delay = 5.0
    file_id = await uploaded(slack, client)
    for wrong in (file_id, "F0NOPE"):
        response = await error_response(client.chat_postMessage(channel=channel.id, text="x", blocks=showing(wrong)))
        assert response["error"] == "invalid_blocks"
        assert response["errors"] == ["[ERROR] invalid slack file [json-pointer:/blocks/1/slack_file]"]
    clock.now += 5.0
    assert (await client.chat_postMessage(channel=channel.id, text="x", blocks=showing(file_id)))["ok"]


async def test_an_edit_with_a_file_that_no_post_showed_is_a_violation(slack: Slack, client: AsyncWebClient) -> None:
    ml, ops = slack.add_channel("ml"), slack.add_channel("ops")
    file_id = await uploaded(slack, client)
    card = (await client.chat_postMessage(channel=ml.id, text="card"))["ts"]
    await client.chat_postMessage(channel=ops.id, text="x", blocks=showing(file_id))
    assert (await client.chat_update(channel=ml.id, ts=card, text="x", blocks=showing(file_id)))["ok"]
    assert slack.violations == [f"people see 'file not found': no post in {ml.id} showed {file_id}"]

    slack.workspace.violations.clear()
    await client.chat_postMessage(channel=ml.id, text="x", thread_ts=card, blocks=showing(file_id))
    await client.chat_update(channel=ml.id, ts=card, text="x", blocks=showing(file_id))
    assert slack.violations == []
