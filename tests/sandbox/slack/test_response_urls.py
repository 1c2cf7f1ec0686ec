"""Response URLs: five replies within half an hour."""

from typing import Any

import pytest
from slack_sdk.webhook import WebhookResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.faults import Fault
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import BOT, BOT_USER, Channel
from tests.sandbox.clock import Clock

BUTTON = {
    "type": "actions",
    "elements": [{"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}],
}


@pytest.fixture
async def interaction(ann: SandboxUser, channel: Channel) -> UserInteraction:
    return await ann.command("status", channel)


async def send(interaction: UserInteraction, **payload: Any) -> WebhookResponse:
    return await AsyncWebhookClient(interaction.response_url).send_dict(payload)


def posted(slack: Slack, channel: Channel) -> ChannelMessage:
    ts = slack.workspace.ts()
    return slack.workspace.add_message(ChannelMessage(ts, channel.id, BOT_USER, "choose", BOT, [BUTTON]))


async def test_a_response_url_accepts_five_replies(slack: Slack, interaction: UserInteraction) -> None:
    for n in range(5):
        assert (await send(interaction, text=f"{n}", response_type="ephemeral")).status_code == 200
    sixth = await send(interaction, text="5", response_type="ephemeral")
    assert (sixth.status_code, sixth.body) == (404, "used_url")
    assert [reply.text for reply in interaction.replies] == ["0", "1", "2", "3", "4"]
    assert [logged.accepted for logged in slack.request_log.for_endpoint("response_url")] == [True] * 5 + [False]


async def test_a_response_url_expires_after_half_an_hour(interaction: UserInteraction, clock: Clock) -> None:
    clock.now += 30 * 60
    assert (await send(interaction, text="x", response_type="ephemeral")).status_code == 200
    clock.now += 1
    late = await send(interaction, text="x", response_type="ephemeral")
    assert (late.status_code, late.body) == (404, "expired_url")


async def test_replies_are_ephemeral_by_default(slack: Slack, interaction: UserInteraction, channel: Channel) -> None:
    await send(interaction, text="quiet")
    await send(interaction, text="loud", response_type="in_channel")
    assert [one.text for one in slack.ephemerals] == ["quiet"]
    assert [message.text for message in channel.messages] == ["loud"]
    assert slack.violations == ["response_type is not explicit: 'quiet'"]


async def test_replies_do_not_count_against_the_channels_rate_limit(
    slack: Slack, interaction: UserInteraction, channel: Channel
) -> None:
    for _ in range(5):
        await send(interaction, text="loud", response_type="in_channel")
    slack.rate_limits.consume(channel.id)
    assert len(channel.messages) == 5


async def test_an_invalid_reply_consumes_no_use(interaction: UserInteraction) -> None:
    for _ in range(6):
        bad = await send(interaction, text="x", blocks=[{"type": "divider"}] * 51)
        assert (bad.status_code, "invalid_blocks" in bad.body) == (400, True)
    assert (await send(interaction, text="x", response_type="ephemeral")).status_code == 200


async def test_a_reply_is_validated_like_a_message(slack: Slack, interaction: UserInteraction) -> None:
    await send(interaction, text="<!channel>", response_type="ephemeral")
    assert slack.violations == ["raw <!channel> at /text"]


async def test_a_reply_to_a_command_cannot_replace(slack: Slack, interaction: UserInteraction) -> None:
    await send(interaction, text="one", response_type="ephemeral")
    await send(interaction, text="two", response_type="ephemeral", replace_original=True)
    assert [one.text for one in slack.ephemerals] == ["one", "two"]
    assert slack.violations == ["a command has no original message to replace or delete"]


async def test_a_reply_to_a_click_can_delete_the_original(slack: Slack, ann: SandboxUser, channel: Channel) -> None:
    message = posted(slack, channel)
    await send(await ann.click(message, "go"), delete_original=True)
    assert channel.messages == []
    with pytest.raises(AssertionError, match="nobody sees it any more"):
        await ann.click(message, "go")


async def test_a_reply_to_a_click_can_leave_the_original(slack: Slack, ann: SandboxUser, channel: Channel) -> None:
    interaction = await ann.click(posted(slack, channel), "go")
    await send(interaction, text="only you", response_type="ephemeral", replace_original=False)
    assert [message.text for message in channel.messages] == ["choose"]
    assert [one.text for one in slack.ephemerals] == ["only you"]
    assert slack.violations == []


async def test_a_reply_to_a_click_without_replace_original_is_a_violation(
    slack: Slack, ann: SandboxUser, channel: Channel
) -> None:
    await send(await ann.click(posted(slack, channel), "go"), text="x", response_type="ephemeral")
    assert slack.violations == ["replace_original is not explicit in the answer to a click"]


async def test_a_replacement_cannot_change_the_visibility(slack: Slack, ann: SandboxUser, channel: Channel) -> None:
    interaction = await ann.click(posted(slack, channel), "go")
    await send(interaction, text="x", response_type="ephemeral", replace_original=True)
    assert [message.text for message in channel.messages] == ["x"]
    assert slack.violations == ["a replaced message cannot change between ephemeral and in_channel"]


async def test_an_unknown_response_url_is_no_service(slack: Slack) -> None:
    response = await AsyncWebhookClient(f"{slack.origin}/commands/T0/1/x").send_dict({"text": "x"})
    assert (response.status_code, response.body) == (404, "no_service")


async def test_a_fault_applies_to_response_urls(slack: Slack, interaction: UserInteraction) -> None:
    slack.faults.add("response_url", Fault("answer", status=503, body="later"))
    response = await send(interaction, text="x", response_type="ephemeral")
    assert (response.status_code, response.body, interaction.replies) == (503, "later", [])


async def test_waiting_for_a_reply_times_out(interaction: UserInteraction) -> None:
    with pytest.raises(TimeoutError, match="reply 0"):
        await interaction.reply(seconds=0.01)


async def test_a_response_url_accepts_more_text_than_a_post(slack: Slack, interaction: UserInteraction) -> None:
    long = {"type": "section", "text": {"type": "plain_text", "text": "a" * 3000}}
    response = await send(interaction, text="x", blocks=[long] * 5, response_type="ephemeral")
    assert response.status_code == 200
    assert slack.violations == ["the blocks hold 15000 characters, more than 8000"]
