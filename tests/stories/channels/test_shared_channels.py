"""Channels that are shared with another company are told nothing, unless the settings say so."""

import pytest

from bot.sandbox.faults import Fault
from tests.world import World

INFO = "conversations.info"


@pytest.mark.parametrize("asked", ["track {job}", "subscribe"])
async def test_a_shared_channel_is_not_notified_of_jobs(world: World, asked: str) -> None:
    shared = world.slack.add_channel("with-acme", is_ext_shared=True)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        answer = await world.say(asked.format(job=job), channel=shared)
        assert await bot.store.channels.tracks.in_channel(shared.id) == []

    assert "shared with another company" in answer.plain_text
    assert "FTJOB_ALLOW_SHARED_CHANNELS=1" in answer.plain_text
    assert answer.ephemeral
    assert shared.messages == []


async def test_the_settings_may_allow_it(world: World) -> None:
    shared = world.slack.add_channel("with-acme", is_ext_shared=True)
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_ALLOW_SHARED_CHANNELS="1"):
        await world.say(f"track {job}", channel=shared)
        world.api.change(job, status="succeeded", fine_tuned_model="ft:x")
        await world.until_delivered(job, "Succeeded", channel=shared)

    assert not world.slack.request_log.for_endpoint(INFO)


async def test_a_channel_that_becomes_shared_keeps_its_alerts_until_it_is_not(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        world.ml.is_ext_shared = True
        world.skip(301)
        world.api.change(job, status="paused")
        outbox = await world.say("outbox", channel=world.ops)
        while "shared" not in outbox.plain_text:
            outbox = await world.say("outbox", channel=world.ops)
        assert world.delivered(job) == []
        world.ml.is_ext_shared = False
        world.skip(301)
        world.api.change(job, status="running")
        await world.until_delivered(job, "Paused", "Running")


async def test_a_public_reply_is_ephemeral_where_external_users_read_too(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        world.ml.is_ext_shared = True
        world.skip(301)
        answer = await world.say(f"untrack {job}")

    assert job in answer.plain_text
    assert answer.ephemeral


async def test_an_alert_waits_while_slack_does_not_say_what_a_channel_is(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        world.slack.faults.add(INFO, *[Fault("answer", status=500, body="oops")] * 2)
        assert "Slack isn't responding properly" in (await world.say(f"track {job}")).plain_text
        assert "nothing was saved" in (await world.say(f"track {job}")).plain_text
        assert "Tracking" in (await world.say(f"track {job}")).plain_text
        world.slack.faults.always(INFO, Fault("answer", status=500, body="oops"))
        world.skip(301)
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Paused")


async def test_without_the_scope_nothing_is_posted(world: World) -> None:
    world.slack.scopes -= {"channels:read"}
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"track {job}")

    assert "channels:read" in answer.plain_text
    assert world.ml.messages == []
    world.expect_errors("channels:read")
