import asyncio

import pytest

from bot.blocks.job import SHOW
from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import SentReply
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def test_a_tracked_job_gets_a_card_and_the_answer_is_for_the_requester_alone(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"track {job}", by="milo")

    [card] = world.ml.messages
    assert job in card.text
    assert f"<@{world.milo.id}>" in card.plain_text
    assert card.buttons == dict.fromkeys(
        ("ftjob_details", "ftjob_open_page", "ftjob_pause", "ftjob_cancel", "ftjob_untrack"), job
    )
    assert answer.ephemeral
    assert answer.user == world.milo.id
    assert "Tracking" in answer.plain_text
    assert world.actions == []


async def test_tracking_twice_says_so_and_posts_no_second_card(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        again = await world.say(f"track {job}", by="milo")
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)

    assert "already" in again.plain_text
    assert len(world.ml.messages) == 2


async def test_two_people_who_track_a_job_at_the_same_time_get_one_card(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        world.api.latency = 0.1
        answers = await asyncio.gather(world.say(f"track {job}"), world.say(f"track {job}", by="milo"))
        world.api.latency = 0.0
        await world.until_quiet(bot)

    assert sorted("already" in answer.plain_text for answer in answers) == [False, True]
    assert len(world.ml.messages) == 1


async def test_tracking_a_finished_job_shows_how_it_ended_and_alerts_nobody(world: World) -> None:
    job = world.api.add_job(status="succeeded", fine_tuned_model=MODEL)

    async with world.bot() as bot:
        answer = await world.say(f"track {job}")
        await world.until_quiet(bot)

    [card] = world.ml.messages
    assert MODEL in card.plain_text
    assert "ftjob_cancel" not in card.buttons
    assert "has already finished" in answer.plain_text


async def test_five_jobs_can_be_tracked_at_once(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(5)]

    async with world.bot() as bot:
        exchange = await world.olivia.command(f"track {' '.join(jobs)}", world.ml)
        answer = await exchange.reply()
        tracked = await bot.store.channels.tracks.in_channel(world.ml.id)

    assert all(job in answer.plain_text for job in jobs)
    assert ":warning:" not in answer.plain_text
    assert [len(world.messages_about(job)) for job in jobs] == [1] * 5
    assert len(tracked) == 5


async def test_of_several_jobs_those_that_exist_are_tracked_and_the_others_named(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(2)]

    async with world.bot() as bot:
        answer = await world.say(f"track {jobs[0]} ftjob-doesnotexist {jobs[1]}")
        tracked = await bot.store.channels.tracks.in_channel(world.ml.id)

    for job in (*jobs, "ftjob-doesnotexist"):
        assert job in answer.plain_text
    assert {each.track.job_id for each in tracked} == set(jobs)
    assert len(world.ml.messages) == 2


async def test_track_me_notifies_the_requester_in_their_direct_messages(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job} me", by="milo")
        again = await world.say(f"track {job} me", by="milo")
        direct = world.slack.direct_message(world.milo)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded", channel=direct)
        await world.until_quiet(bot)
        listed = await world.say("tracked", by="milo", channel=direct)

    card, ended = direct.messages
    assert ended.thread_ts == card.ts
    assert job in listed.plain_text
    assert "already" in again.plain_text
    assert world.ml.messages == []


async def test_an_operator_can_track_a_job_for_another_channel(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"track {job} in #ops")
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Paused", channel=world.ops)

    assert f"<#{world.ops.id}>" in answer.plain_text
    assert len(world.ops.messages) == 2
    assert world.ml.messages == []


async def test_a_member_cannot_track_a_job_for_another_channel(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        answer = await world.say(f"track {job} in #ops", by="milo")
        here = await world.say(f"track {job} in #ml", by="milo")
        assert await bot.store.channels.tracks.in_channel(world.ops.id) == []

    assert "Only operators can do this" in answer.plain_text
    assert "Tracking" in here.plain_text
    assert world.ops.messages == []


@pytest.mark.parametrize("is_private", [True, False])
async def test_a_channel_without_the_bot_learns_how_to_invite_it_and_nothing_is_stored(
    world: World, *, is_private: bool
) -> None:
    elsewhere = world.slack.add_channel("elsewhere", is_private=is_private, bot_is_member=False)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        answer = await world.say(f"track {job}", channel=elsewhere)
        assert await bot.store.channels.tracks.followers("default", job) == []
        await world.slack.invite_bot(elsewhere)
        invited = await world.say(f"track {job}", channel=elsewhere)

    assert answer.ephemeral
    assert "/invite @ftjob" in answer.plain_text
    assert "Tracking" in invited.plain_text
    assert len(world.messages_about(job, elsewhere)) == 1


async def test_an_archived_channel_is_named_as_such_and_nothing_is_stored(world: World) -> None:
    world.slack.add_channel("attic", is_archived=True)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        answer = await world.say(f"track {job} in #attic")
        assert await bot.store.channels.tracks.followers("default", job) == []

    assert "archived" in answer.plain_text


async def test_a_card_that_slack_does_not_take_leaves_nothing_behind(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        world.slack.faults.add("chat.postMessage", Fault("answer", body={"ok": False, "error": "restricted_action"}))
        answer = await world.say(f"track {job}")
        assert await bot.store.channels.tracks.followers("default", job) == []

    assert "nothing was saved" in answer.plain_text
    assert world.ml.messages == []


async def test_untrack_is_seen_by_the_channel_and_ends_its_alerts(world: World) -> None:
    job, kept = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        await world.say(f"track {job}", channel=world.ops)
        await world.say(f"track {kept}")
        answer = await world.say(f"untrack {job}", by="milo")
        again = await world.say(f"untrack {job}")
        for each in (job, kept):
            world.api.change(each, status="paused")
        await world.until_delivered(job, "Paused", channel=world.ops)
        await world.until_delivered(kept, "Paused")
        await world.until_quiet(bot)

    assert not answer.ephemeral
    assert f"<@{world.milo.id}>" in answer.plain_text
    assert again.ephemeral
    assert world.delivered(job) == []


async def test_untrack_all_ends_every_alert_of_this_channel_alone(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(2)]

    async with world.bot() as bot:
        for job in jobs:
            await world.say(f"track {job}")
        await world.say(f"track {jobs[0]}", channel=world.ops)
        answer = await world.say("untrack all")
        again = await world.say("untrack all")
        empty = await world.say("tracked")
        for job in jobs:
            world.api.change(job, status="paused")
        await world.until_delivered(jobs[0], "Paused", channel=world.ops)
        await world.until_quiet(bot)

    assert "2 jobs" in answer.plain_text
    assert not answer.ephemeral
    assert again.ephemeral
    assert "Nothing is tracked here" in empty.plain_text
    assert [world.delivered(job) for job in jobs] == [[], []]


async def test_each_of_several_jobs_has_a_button_that_tells_it_from_the_others(world: World) -> None:
    named = world.api.add_job(status="running", metadata={"name": "ranker"})
    suffixed = world.api.add_job(status="queued", user_provided_suffix="search")
    bare = [world.api.add_job(status="failed"), world.api.add_job(status="failed")]
    twins = [world.api.add_job(status="running", metadata={"name": "replica"}) for _ in range(2)]

    async with world.bot():
        asked = await world.say(f"status {named} {suffixed} {' '.join(bare)} ftjob-nosuch")
        for job in twins:
            await world.say(f"track {job}")
        which = await world.say("status")
        shown = await world.press(which, f"{SHOW}:0")

    first, second, *others = buttons_of(asked)
    assert (first, second) == ("ranker · Running", "search · Queued")
    assert others[2] == "ftjob-nosuch"
    assert all(job[:6] in label and job[-6:] in label for job, label in zip(bare, others, strict=False))
    assert len({*buttons_of(asked)}) == 5
    assert len({*buttons_of(which)}) == 2
    assert all(label.startswith("replica · ftjob-") and label.endswith(" · Running") for label in buttons_of(which))
    assert next(job for job in twins if job in shown.plain_text)


async def test_jobs_whose_ids_end_alike_are_distinguished(world: World) -> None:
    jobs = [f"ftjob-{letter * 12}1uWF6uo1" for letter in "abcde"]
    for job in jobs:
        world.api.add_job(id=job, status="running")

    async with world.bot():
        asked = await world.say(f"status {' '.join(jobs)}")
        for nth, job in enumerate(jobs):
            assert job in (await world.press(asked, f"{SHOW}:{nth}")).plain_text

    assert len({*buttons_of(asked)}) == 5


def buttons_of(answer: SentReply) -> list[str]:
    """Return the labels of the buttons below an answer."""
    return [
        element["text"]["text"]
        for block in answer.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


BETWEEN_PEOPLE = {
    "two people": ("directmessage", "D", "this DM"),
    "a group": ("mpdm-milo--olivia--sam-1", "C", "this group DM"),
    "an old group": ("mpdm-milo--olivia--gia-2", "G", "this group DM"),
}


@pytest.mark.parametrize("kind", BETWEEN_PEOPLE)
async def test_where_nobody_can_invite_the_bot_it_says_where_to_go_instead(any_world: World, kind: str) -> None:
    world = any_world
    name, prefix, where = BETWEEN_PEOPLE[kind]
    private = world.slack.add_channel(name, bot_is_member=False, is_private=True, prefix=prefix)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        answers = [await world.say(typed, channel=private) for typed in (f"track {job}", "subscribe")]
        for answer in answers:
            assert f"I can't post in {where}" in answer.plain_text
            assert "/invite" not in answer.plain_text
            assert "`/ftjob track &lt;id&gt; me`" in answer.plain_text
        # The advice works.
        followed = await world.say(f"track {job} me", channel=private)
        tracks = [each.track for each in await bot.store.channels.tracks.of_person(world.olivia.id, 10)]

    assert "Tracking" in followed.plain_text
    assert [track.channel for track in tracks] == [world.slack.direct_message(world.olivia).id]
    assert private.messages == []


async def test_a_private_channel_is_still_asked_to_invite_the_bot(world: World) -> None:
    private = world.slack.add_channel("secret", bot_is_member=False, is_private=True)
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"track {job}", channel=private)
        elsewhere = await world.say(f"track {job} in #secret")

    assert "/invite @ftjob" in answer.plain_text
    assert "/invite @ftjob" in elsewhere.plain_text


async def test_an_id_is_tracked_as_people_paste_it(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(3)]
    typed = f"track {jobs[0]}., platform.openai.com/finetune/{jobs[1]} and `https://platform.openai.com/finetune/{jobs[2]}`!"

    async with world.bot():
        answer = await world.say(typed)

    assert answer.text.count("Tracking") == 3
    assert [len(world.messages_about(job)) for job in jobs] == [1, 1, 1]
