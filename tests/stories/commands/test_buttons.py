from typing import Any

from bot.sandbox.slack.messages import Blocks
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def test_refresh_of_a_reply_replaces_it_with_the_current_state(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"status {job}", by="milo")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        fresh = await world.press(answer, "ftjob_refresh", by="milo")

    assert fresh.replace_original
    assert fresh.displayed is answer.displayed
    assert MODEL in fresh.plain_text
    assert "Running" not in fresh.plain_text
    assert world.ml.messages == []


async def test_refresh_of_a_card_answers_the_one_who_pressed_it_alone(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        [card] = world.ml.messages
        world.api.change(job, status="paused")
        answer = await world.press(card, "ftjob_refresh", by="milo")

    assert answer.ephemeral
    assert answer.user == world.milo.id
    assert not answer.replace_original
    assert "Paused" in answer.plain_text
    assert "Running" in card.plain_text, "the card itself is the channel's"


async def test_refresh_of_a_missing_job_says_so_and_keeps_what_was_there(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"status {job}")
        del world.api.jobs[job]
        gone = await world.press(answer, "ftjob_refresh")

    assert "No fine-tuning job" in gone.plain_text
    assert not gone.replace_original
    assert answer.displayed
    assert "Running" in answer.displayed.plain_text


async def test_the_track_button_does_what_track_does(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"status {job}", by="milo")
        tracked = await world.press(answer, "ftjob_track", by="milo")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")

    card, ended = world.ml.messages
    assert "Tracking" in tracked.plain_text
    assert f"tracked by <@{world.milo.id}>" in ended.plain_text
    assert ended.thread_ts == card.ts


async def test_the_untrack_button_does_what_untrack_does(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        card = world.ml.messages[0]
        answer = await world.press(card, "ftjob_untrack", by="milo")
        again = await world.press(card, "ftjob_untrack", by="milo")
        await world.slack.request_log.wait_until(lambda: "Untracked here" in card.plain_text, why="the card says so")
        world.api.change(job, status="paused")
        await world.until_quiet(bot)

    assert not answer.ephemeral
    assert f"<@{world.milo.id}>" in answer.plain_text
    assert again.ephemeral
    assert world.delivered(job) == []
    assert "Paused" not in card.plain_text


async def test_the_cancel_button_of_a_card_only_asks(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        [card] = world.ml.messages
        question = await world.press(card, "ftjob_cancel")
        refused = await world.press(card, "ftjob_cancel", by="milo")

    assert question.ephemeral
    assert question.user == world.olivia.id
    assert list(question.buttons) == ["ftjob_confirm"]
    assert "may not" in refused.plain_text
    assert refused.buttons == {}
    assert world.actions == []
    assert len(world.ml.messages) == 1


async def test_the_cancel_button_of_an_outdated_card_finds_nothing_to_cancel(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        [card] = world.ml.messages
        world.api.change(job, status="failed")
        answer = await world.press(card, "ftjob_cancel")

    assert "Nothing to cancel" in answer.plain_text
    assert answer.buttons == {}


async def test_open_page_is_acknowledged_and_nothing_is_said(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        [card] = world.ml.messages
        exchange = await world.milo.click(card, "ftjob_open_page")
        asked = len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}"))
        await world.say("about", by="olivia")

    assert exchange.acked
    assert exchange.replies == []
    assert len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}")) == asked
    assert f"https://platform.openai.com/finetune/{job}" in str(card.blocks)


async def test_a_button_that_is_not_ours_is_acknowledged_and_nothing_is_done(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        [card] = world.ml.messages
        for changed in ({"action_id": "ftjob_nonsense"}, {"value": "../../etc/passwd"}, {"value": ""}):
            refresh = _button(card.blocks, "ftjob_refresh")
            kept = dict(refresh)
            refresh |= changed
            exchange = await world.milo.click(card, refresh["action_id"])
            refresh |= kept
            assert exchange.acked
            assert exchange.replies == []
        asked = len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}"))
        await world.say("about")

    assert asked == 1, "the one that track made"
    assert world.actions == []


async def test_the_status_button_of_a_listed_job_shows_it(world: World) -> None:
    jobs = [world.api.add_job(status="running"), world.api.add_job(status="paused")]

    async with world.bot():
        listed = await world.say("list")
        [action] = {action for action, value in listed.buttons.items() if value == jobs[0]}
        answer = await world.press(listed, action, value=jobs[0])

    assert jobs[0] in answer.plain_text
    assert "Training file" in answer.plain_text
    assert not answer.replace_original, "the list stays"
    assert jobs[1] not in answer.plain_text


async def test_a_guest_and_an_external_user_cannot_use_the_buttons_that_they_see(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        [card] = world.ml.messages
        asked = len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}"))
        for who in ("gia", "sam"):
            for action in ("ftjob_refresh", "ftjob_untrack", "ftjob_cancel"):
                answer = await world.press(card, action, by=who)
                assert answer.ephemeral
                assert "Running" not in answer.plain_text
        assert len(await bot.store.channels.tracks.followers("default", job)) == 1

    assert len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}")) == asked
    assert world.actions == []


def _button(blocks: Blocks, action_id: str) -> dict[str, Any]:
    elements = [element for block in blocks for element in block.get("elements", [])]
    return next(element for element in elements if element.get("action_id") == action_id)
