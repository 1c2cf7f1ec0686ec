"""Owners of jobs, whom the metadata names: each result mentions them once."""

from typing import Any

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import ChannelMessage
from tests.world import FAST_TUNING, World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme:ranker:abc"
PEOPLE: dict[str, dict[str, Any]] = {
    "a member": {},
    "a guest": {"is_restricted": True},
    "somebody who left": {"deleted": True},
}


def result_of(world: World, job: str) -> ChannelMessage:
    """Return the one result that the channel got of a job."""
    (result,) = [message for message in world.ml.messages_about(job) if message.reply_broadcast]
    return result


def mentions(world: World, owner: str) -> list[int]:
    """Return how often each message of the channel mentions a user, cards aside; only those that do."""
    counts = [message.plain_text.count(f"<@{owner}>") for message in world.ml.messages if not is_card(message)]
    return [count for count in counts if count]


def is_card(message: ChannelMessage) -> bool:
    return "ftjob_untrack" in message.buttons


async def test_the_owner_is_mentioned_once_with_whoever_tracks_the_job(any_world: World) -> None:
    world = any_world
    owner = world.milo.id
    job = world.api.add_job(status="running", metadata={"name": "ranker v7", "slack_user": owner})

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    result = result_of(world, job)
    assert result.plain_text.splitlines()[1].startswith(":white_check_mark: *ranker v7* succeeded in ")
    assert f"<@{owner}> · <@{world.olivia.id}>" in result.plain_text
    assert "<@" not in result.text, "a notification mentions no one twice"
    assert result.plain_text.count("<@") == 2


@pytest.mark.parametrize("status", ["succeeded", "failed"])
@pytest.mark.parametrize("who", PEOPLE)
async def test_an_owner_is_mentioned_once_whoever_they_are_and_in_the_channel_or_not(
    any_world: World, who: str, status: str
) -> None:
    world = any_world
    owner = world.slack.add_user("nina", **PEOPLE[who])
    assert owner.id not in world.ml.members

    async with world.bot() as bot:
        await world.say("subscribe")
        job = world.api.add_job(status="running", metadata={"slack_user": owner.id})
        await world.slack.request_log.wait_until(lambda: world.messages_about(job), why="the card of a new job")
        world.api.change(job, status=status, fine_tuned_model=MODEL if status == "succeeded" else None)
        await world.until_delivered(job, status.capitalize())
        await world.until_quiet(bot)

    assert mentions(world, owner.id) == [1]
    assert result_of(world, job).plain_text.count("<@") == 1, "nobody else is mentioned: a subscription has the job"


async def test_an_owner_is_mentioned_once_although_slack_did_not_confirm_the_result(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running", metadata={"slack_user": world.olivia.id})

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.slack.faults.add("chat.postMessage", Fault("drop", accepted=True))
        world.api.change(job, status="failed")
        await world.until_delivered(job, "Failed")
        await world.until_quiet(bot)

    assert mentions(world, world.olivia.id) == [1]


async def test_the_result_after_a_restart_mentions_the_owner_once(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running", metadata={"slack_user": world.olivia.id})

    async with world.bot():
        await world.say(f"track {job}")
    world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    assert mentions(world, world.olivia.id) == [1]


async def test_a_digest_mentions_the_owner_of_each_result_once(any_world: World) -> None:
    world = any_world
    world.tuning = FAST_TUNING
    job, other = (
        world.api.add_job(status="queued", metadata={"slack_user": owner.id}) for owner in (world.milo, world.gia)
    )

    async with world.bot() as bot:
        await world.say(f"track {job} {other}")
        await world.say("mute all 1h")
        for status in ("running", "succeeded"):
            for each in (job, other):
                world.api.change(each, status=status)
            await world.until_quiet(bot)
        await world.say("unmute")
        await world.slack.request_log.wait_until(
            lambda: any("While muted" in message.text for message in world.ml.messages), why="the digest"
        )
        await world.until_quiet(bot)

    assert mentions(world, world.milo.id) == mentions(world, world.gia.id) == [1]
