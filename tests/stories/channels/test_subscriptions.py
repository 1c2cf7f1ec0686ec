import asyncio

from bot.blocks.interactive import SHOW_PAGE
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def test_a_subscribed_channel_is_notified_of_a_job_that_nobody_tracked(any_world: World) -> None:
    world = any_world

    async with world.bot() as bot:
        await world.say("subscribe")
        job = world.api.add_job(status="running")
        await world.slack.request_log.wait_until(lambda: world.messages_about(job), why="the card of a new job")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    _, card, ended = world.ml.messages
    assert "Tracked by" not in card.plain_text
    assert "ftjob_untrack" in card.buttons
    assert "ftjob_cancel" not in card.buttons, "it shows the present: the job is over"
    assert (ended.thread_ts, ended.reply_broadcast) == (card.ts, True)
    assert world.ops.messages == []


async def test_a_new_job_that_has_failed_already_is_announced_and_its_result_is_told(any_world: World) -> None:
    world = any_world
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await world.say("subscribe")
        error = {"code": "invalid_training_file", "message": "Line 7 is no JSON.", "param": None}
        job = world.api.add_job(status="failed", error=error, metadata={"slack_user": world.milo.id})
        await world.until_quiet(bot)
        card, told = world.messages_about(job)

    assert (told.thread_ts, told.reply_broadcast) == (card.ts, True)
    assert f"<@{world.milo.id}>" in told.plain_text
    assert world.delivered(job) == ["Failed"]


async def test_a_job_from_the_future_keeps_no_later_job_from_being_announced(world: World) -> None:
    world.api.add_job(status="running", created_at=95_617_584_000)

    async with world.bot() as bot:
        await world.say("subscribe")
        job = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(lambda: world.messages_about(job), why="the card of a new job")
        await world.until_quiet(bot)


async def test_open_jobs_are_counted_at_subscription_shown_on_demand_and_followed_from_then_on(
    any_world: World,
) -> None:
    world = any_world
    over = world.api.add_job(status="succeeded", fine_tuned_model=MODEL)
    job, other = world.api.add_job(status="running"), world.api.add_job(status="queued")

    async with world.bot() as bot:
        await world.say("subscribe", by="milo")
        await world.until_quiet(bot)
        [announced] = world.ml.messages
        assert (
            announced.text
            == f"<@{world.milo.id}> subscribed this channel to all new jobs. 2 matching jobs are already active, and I'll track them too."
        )
        shown = await world.press(announced, SHOW_PAGE)
        assert shown.ephemeral
        assert [each in shown.plain_text for each in (job, other, over)] == [True, True, False]

        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    _, card, told = world.ml.messages
    assert told.thread_ts == card.ts
    assert world.delivered(other) == world.delivered(over) == []


async def test_every_subscribed_channel_gets_its_own_card_of_a_new_job(world: World) -> None:
    async with world.bot() as bot:
        await world.say("subscribe")
        await world.say("subscribe", channel=world.ops)
        job = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(
            lambda: world.messages_about(job, world.ml) and world.messages_about(job, world.ops)
        )
        await world.until_quiet(bot)

    assert len(world.messages_about(job, world.ml)) == len(world.messages_about(job, world.ops)) == 1


async def test_a_new_job_that_somebody_untracks_stays_untracked(world: World) -> None:
    async with world.bot() as bot:
        await world.say("subscribe")
        job = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(lambda: world.messages_about(job), why="the card of a new job")
        await world.say(f"untrack {job}")
        world.api.change(job, status="running")
        await world.until_quiet(bot)

    assert world.delivered(job) == []


async def test_a_job_that_somebody_tracks_before_the_poll_sees_it_gets_one_card(world: World) -> None:
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await world.say("subscribe")
        job = world.api.add_job(status="queued")
        await world.say(f"track {job}")
        await world.until_quiet(bot)
        again = await world.say(f"track {job}")

    assert len(world.messages_about(job)) == 1
    assert "already" in again.plain_text


async def test_after_unsubscribe_new_jobs_are_not_announced_and_tracked_ones_still_are(world: World) -> None:
    async with world.bot() as bot:
        await world.say("subscribe")
        kept = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(lambda: world.messages_about(kept), why="the card of a new job")
        answer = await world.say("unsubscribe")
        assert not answer.ephemeral, "the channel sees what it will not get any more"
        unannounced = world.api.add_job(status="queued")
        world.api.change(kept, status="running")
        await world.until_delivered(kept, "Running")
        await world.until_quiet(bot)
        again = await world.say("unsubscribe")

    assert world.messages_about(unannounced) == []
    assert again.ephemeral
    assert "no subscriptions" in again.plain_text


async def test_subscribing_twice_says_so_and_announces_nothing_again(world: World) -> None:
    async with world.bot():
        await world.say("subscribe")
        again = await world.say("subscribe", by="milo")
        await world.say("about")

    assert "already" in again.plain_text
    assert again.ephemeral
    assert len(world.ml.messages) == 1


async def test_two_people_who_subscribe_at_the_same_time_make_one_announcement(world: World) -> None:
    async with world.bot():
        world.api.latency = 0.1
        await asyncio.gather(world.say("subscribe"), world.say("subscribe", by="milo"))

    assert len(world.ml.messages) == 1


async def test_a_subscription_that_slack_does_not_let_us_announce_is_not_stored(world: World) -> None:
    secret = world.slack.add_channel("secret", is_private=True, bot_is_member=False)

    async with world.bot() as bot:
        answer = await world.say("subscribe", channel=secret)
        world.api.add_job(status="queued")
        await world.until_quiet(bot)
        assert await bot.store.channels.subscriptions.in_channel(world.ml.id) == []

    assert "/invite @ftjob" in answer.plain_text
    assert secret.messages == []


async def test_jobs_that_appeared_while_the_bot_was_stopped_are_announced_after_its_start(world: World) -> None:
    async with world.bot():
        await world.say("subscribe")
    jobs = [world.api.add_job(status="queued"), world.api.add_job(status="running")]

    async with world.bot() as bot:
        await world.slack.request_log.wait_until(lambda: world.messages_about(jobs[1]), why="the cards of new jobs")
        await world.until_quiet(bot)

    assert [len(world.messages_about(job)) for job in jobs] == [1, 1]
    assert world.ml.messages.index(world.messages_about(jobs[0])[0]) < world.ml.messages.index(
        world.messages_about(jobs[1])[0]
    )
