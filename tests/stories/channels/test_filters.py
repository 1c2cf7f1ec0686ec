"""Subscriptions that want some jobs, and some of what happens to them."""

import pytest

from bot.blocks.interactive import SHOW_PAGE
from bot.jobs.filters import Filter
from bot.store.channels.subscriptions import Subscription
from tests.world import World

TEAM = {"team": "search"}


async def test_a_channel_is_notified_of_the_jobs_and_the_changes_that_it_subscribed_to(any_world: World) -> None:
    world = any_world

    async with world.bot() as bot:
        said = await world.say("subscribe failed succeeded model:gpt-4o* team=search")
        fits = world.api.add_job(status="queued", model="gpt-4o-mini-2024-07-18", metadata=TEAM)
        other_team = world.api.add_job(status="queued", model="gpt-4o-mini-2024-07-18", metadata={"team": "ads"})
        other_model = world.api.add_job(status="queued", model="gpt-3.5-turbo", metadata=TEAM)
        await world.slack.request_log.wait_until(lambda: world.messages_about(fits), why="the card of a new job")
        for job in (fits, other_team, other_model):
            world.api.change(job, status="running")
        await world.until_quiet(bot)
        assert world.delivered(fits) == []
        for job in (fits, other_team, other_model):
            world.api.change(job, status="failed", error={"code": "x", "message": "No."})
        await world.until_delivered(fits, "Failed")
        await world.until_quiet(bot)

    assert "model `gpt-4o*` with `team=search`. Alerts only for: failed, succeeded, stuck, missing." in said.plain_text
    assert world.messages_about(other_team) == world.messages_about(other_model) == world.ops.messages == []
    card, ended = world.messages_about(fits)
    assert (ended.thread_ts, ended.reply_broadcast) == (card.ts, True)


async def test_open_jobs_that_do_not_fit_are_neither_shown_nor_followed(world: World) -> None:
    fits = world.api.add_job(status="running", metadata={"slack_user": world.milo.id})
    other = world.api.add_job(status="running", metadata={"slack_user": world.olivia.id})

    async with world.bot() as bot:
        await world.say("subscribe finished mine", by="milo")
        [announced] = world.ml.messages
        shown = await world.press(announced, SHOW_PAGE)
        world.api.change(fits, status="paused")
        await world.until_quiet(bot)
        assert world.delivered(fits) == []
        for job in (fits, other):
            world.api.change(job, status="canceled")
        await world.until_delivered(fits, "Canceled")
        await world.until_quiet(bot)

    assert announced.text.endswith(
        f"belong to <@{world.milo.id}> (alerts only for: canceled, failed, succeeded, stuck, missing). 1 matching job is already active, and I'll track it too."
    )
    assert shown.ephemeral
    assert fits in shown.plain_text
    assert other not in shown.plain_text
    assert world.messages_about(other) == []


async def test_a_job_that_fits_two_subscriptions_is_announced_once_and_gets_the_alerts_of_both(world: World) -> None:
    async with world.bot() as bot:
        await world.say("subscribe failed")
        await world.say("subscribe running team=search", by="milo")
        again = await world.say("subscribe running team=search")
        both = world.api.add_job(status="queued", metadata=TEAM)
        one = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(
            lambda: world.messages_about(both) and world.messages_about(one), why="the cards of new jobs"
        )
        for status in ("running", "failed"):
            for job in (both, one):
                world.api.change(job, status=status)
            await world.until_quiet(bot)

    assert "already has that subscription" in again.plain_text
    assert [len([m for m in world.messages_about(job) if m.thread_ts is None]) for job in (both, one)] == [1, 1]
    assert world.delivered(both) == ["Running", "Failed"]
    assert world.delivered(one) == ["Failed"]


async def test_a_job_that_somebody_tracks_by_hand_posts_every_change(world: World) -> None:
    async with world.bot() as bot:
        await world.say("subscribe failed")
        job, other = world.api.add_job(status="queued"), world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(
            lambda: world.messages_about(job) and world.messages_about(other), why="the cards of new jobs"
        )
        taken = await world.say(f"track {job}")
        again = await world.say(f"track {job}")
        for each in (job, other):
            world.api.change(each, status="running")
        await world.until_delivered(job, "Running")
        await world.until_quiet(bot)

    assert "Now tracking all updates for" in taken.plain_text
    assert "already tracked" in again.plain_text
    assert world.delivered(other) == []
    assert len([message for message in world.messages_about(job) if message.thread_ts is None]) == 1


async def test_subscriptions_are_listed_and_ended_one_by_one(any_world: World) -> None:
    world = any_world
    async with world.bot() as bot:
        empty = await world.say("subscriptions")
        await world.say("subscribe failed")
        await world.say("subscribe team=search", by="milo")
        await world.say("subscribe", channel=world.ops)
        listed = await world.say("subscriptions", by="milo")
        beyond = await world.say("unsubscribe 3")
        ended = await world.press(listed, "ftjob_unsubscribe:1", by="milo")
        pressed_again = await world.press(listed, "ftjob_unsubscribe:1", by="milo")
        left = await bot.store.channels.subscriptions.in_channel(world.ml.id)
        others = await bot.store.channels.subscriptions.in_channel(world.ops.id)
        last = await world.say("unsubscribe 1")
        none = await world.say("unsubscribe")

    assert "no subscriptions. To track all new jobs here, run `/ftjob subscribe`" in empty.plain_text
    assert [listed.ephemeral, beyond.ephemeral, ended.ephemeral, pressed_again.ephemeral] == [True, True, False, True]
    assert "2 subscriptions here" in listed.plain_text
    assert "This channel has 2 subscriptions." in beyond.plain_text
    assert (
        f"<@{world.milo.id}> unsubscribed this channel from all new jobs (alerts only for: failed, stuck, missing)"
        in ended.text
    )
    assert "already removed" in pressed_again.plain_text
    assert [(each.filter.metadata, each.filter.statuses) for each in left] == [((("team", "search"),), ())]
    assert len(others) == 1, "another channel's are its own"
    assert "with `team=search`" in last.text
    assert "no subscriptions" in none.plain_text


async def test_nothing_in_a_filter_comes_alive(world: World) -> None:
    async with world.bot():
        await world.say("subscribe note=<!channel> model:*<https://evil.example|x>`")
        listed = await world.say("subscriptions")

    for text in (listed.text, listed.plain_text, *[message.text for message in world.ml.messages]):
        assert "<!channel>" not in text.replace("&lt;", "")
        assert "<https" not in text


async def test_a_list_shows_all_the_states_of_its_filter_and_quotes_do_not_count(any_world: World) -> None:
    world = any_world
    failed = world.api.add_job(status="failed", metadata={"team": "vision"})
    done = world.api.add_job(status="succeeded", metadata={"team": "big vision"})
    running = world.api.add_job(status="running", metadata={"slack_user": world.milo.id})
    paused = world.api.add_job(status="paused", metadata={"team": "vision"})
    jobs = (failed, done, running, paused)

    async def listed(asked: str) -> tuple[set[str], str]:
        said = (await world.say(asked, by="milo")).plain_text
        return {job for job in jobs if job in said}, said

    async with world.bot():
        both, said = await listed("list failed succeeded")
        assert both == {failed, done}
        assert "Latest failed or succeeded jobs" in said
        assert await listed("list team='vision'") == await listed("list team=vision")
        assert (await listed("list team='vision'"))[0] == {failed, paused}
        assert (await listed("list team=\u201cbig vision\u201d, done."))[0] == {done}
        assert (await listed("list `running`, *paused*"))[0] == {running, paused}
        assert (await listed("list active and mine"))[0] == {running}
        wrong = await world.say("list failed sucess", by="milo")

    assert "I didn't understand `sucess`" in wrong.plain_text
    assert "Did you mean `success`?" in wrong.plain_text


async def test_the_next_page_of_a_list_keeps_to_the_whole_filter(world: World) -> None:
    team = {"team": "big & <b> vision, 'x'", "slack_user": world.olivia.id}
    fits = [world.api.add_job(status=status, metadata=team) for status in ("failed", "paused", "failed")]
    for status, metadata in (("queued", team), ("failed", {"team": "big"})):
        world.api.add_job(status=status, metadata=metadata)

    async with world.bot():
        newest = await world.say("list failed paused mine 2 team=\"big & <b> vision, 'x'\" model:gpt*")
        older = await world.press(newest, "ftjob_page")

    assert [job for job in fits if job in newest.plain_text] == fits[1:]
    assert [job for job in fits if job in older.plain_text] == fits[:1]


async def test_a_channel_is_notified_of_what_it_subscribed_to_in_quotes_and_with_commas(world: World) -> None:
    async with world.bot() as bot:
        said = await world.say("subscribe team=\u2018big vision\u2019, failed and 'paused'")
        fits = world.api.add_job(status="running", metadata={"team": "big vision"})
        other = world.api.add_job(status="running", metadata={"team": "vision"})
        await world.slack.request_log.wait_until(lambda: world.messages_about(fits), why="the card of a new job")
        world.api.change(fits, status="paused")
        await world.until_delivered(fits, "Paused")
        world.api.change(fits, status="failed")
        await world.until_delivered(fits, "Paused", "Failed")
        await world.until_quiet(bot)

    assert "with `team=big vision`. Alerts only for: failed, paused, stuck, missing." in said.plain_text
    assert world.messages_about(other) == []


async def test_all_open_states_are_posted_and_unknown_ones_too(world: World) -> None:
    async with world.bot() as bot:
        said = await world.say("subscribe active")
        job = world.api.add_job(status="queued")
        await world.slack.request_log.wait_until(lambda: world.messages_about(job), why="the card of a new job")
        for status in ("deep_frozen", "succeeded"):
            world.api.change(job, status=status)
            await world.until_quiet(bot)

    assert "Alerts only for: active, stuck, missing." in said.plain_text
    assert world.delivered(job) == ["Deep frozen"]


@pytest.mark.parametrize("typed", ["unsubscribe all", "unsubscribe 'ALL'.", "unsubscribe *all*"])
async def test_all_subscriptions_are_ended_at_once(world: World, typed: str) -> None:
    async with world.bot() as bot:
        await world.say("subscribe failed")
        await world.say("subscribe team=search")
        await world.say("subscribe", channel=world.ops)
        ended = await world.say(typed)
        left = await bot.store.channels.subscriptions.in_channel(world.ml.id)
        others = await bot.store.channels.subscriptions.in_channel(world.ops.id)
        again = await world.say(typed)

    assert not ended.ephemeral
    assert (
        "unsubscribed this channel from all new jobs (alerts only for: failed, stuck, missing); all new jobs with `team=search`"
        in ended.text
    )
    assert (left, len(others)) == ([], 1)
    assert "no subscriptions" in again.plain_text


async def test_bare_unsubscribe_ends_the_only_subscription_and_asks_which_of_several(any_world: World) -> None:
    world = any_world
    async with world.bot() as bot:
        none = await world.say("unsubscribe")
        await world.say("subscribe failed")
        await world.say("subscribe team='big vision'")
        several = await world.say("unsubscribe")
        kept = await bot.store.channels.subscriptions.in_channel(world.ml.id)
        unknown = await world.say("unsubscribe succeeded")
        by_words = await world.say("unsubscribe team=\u201cbig vision\u201d")
        only = await world.say("unsubscribe")
        left = await bot.store.channels.subscriptions.in_channel(world.ml.id)

    assert "no subscriptions" in none.plain_text
    assert several.ephemeral
    assert "Which one do you want to remove? 2 subscriptions here" in several.text
    assert "Remove one by number (`/ftjob unsubscribe 1`)" in several.plain_text
    assert "`/ftjob unsubscribe all`" in several.plain_text
    assert len(kept) == 2
    assert "No subscription here matches `succeeded`." in unknown.plain_text
    assert "from all new jobs with `team=big vision`" in by_words.text
    assert "from all new jobs (alerts only for: failed, stuck, missing)" in only.text
    assert left == []


async def test_what_a_subscription_had_stored_before_still_counts_and_can_be_ended_by_its_words(world: World) -> None:
    old = Filter(("canceling", "failed"), "GPT-4o*", (("team", "search"),))
    async with world.bot() as bot:
        async with bot.store.db.transaction() as tx:
            await bot.store.channels.subscriptions.add(
                tx, Subscription("default", world.ml.id, world.milo.id, 0.0, old)
            )
        job = world.api.add_job(status="running", model="gpt-4o-mini-2024-07-18", metadata=TEAM)
        await world.slack.request_log.wait_until(lambda: world.messages_about(job), why="the card of a new job")
        world.api.change(job, status="canceling")
        await world.until_delivered(job, "Canceling")
        ended = await world.say("unsubscribe canceling failed model:GPT-4o* team=search")

    assert "(alerts only for: canceling, failed, stuck, missing)" in ended.text
