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
    assert "running" not in fresh.plain_text
    assert world.ml.messages == []


async def test_the_menu_of_a_card_answers_the_one_who_used_it_alone(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        [card] = world.ml.messages
        answer = await world.press(card, "ftjob_pause")

    assert answer.ephemeral
    assert answer.user == world.olivia.id
    assert not answer.replace_original
    assert "ftjob_confirm" in answer.buttons
    assert "running" in card.plain_text, "the card itself is the channel's"


async def test_refresh_of_a_missing_job_says_so_and_keeps_what_was_there(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"status {job}")
        del world.api.jobs[job]
        gone = await world.press(answer, "ftjob_refresh")

    assert "I couldn't find job" in gone.plain_text
    assert not gone.replace_original
    assert answer.displayed
    assert "running" in answer.displayed.plain_text


async def test_the_track_button_does_what_track_does(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        answer = await world.say(f"status {job}", by="milo")
        tracked = await world.press(answer, "ftjob_track", by="milo")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")

    card, ended = world.ml.messages
    assert "Tracking" in tracked.plain_text
    assert f"<@{world.milo.id}>" in ended.plain_text
    assert ended.thread_ts == card.ts


async def test_the_untrack_button_does_what_untrack_does(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        card = world.ml.messages[0]
        answer = await world.press(card, "ftjob_untrack", by="milo")
        again = await world.press(card, "ftjob_untrack", by="milo")
        await world.slack.request_log.wait_until(
            lambda: "No longer tracked here" in card.plain_text, why="the card says so"
        )
        world.api.change(job, status="paused")
        await world.until_quiet(bot)

    assert not answer.ephemeral
    assert f"<@{world.milo.id}>" in answer.plain_text
    assert again.ephemeral
    assert world.delivered(job) == []
    assert "paused" not in card.plain_text


async def test_the_cancel_button_of_a_card_only_asks(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        [card] = world.ml.messages
        question = await world.press(card, "ftjob_cancel")
        refused = await world.press(card, "ftjob_cancel", by="milo")

    assert question.ephemeral
    assert question.user == world.olivia.id
    assert list(question.buttons) == ["ftjob_confirm", "ftjob_dismiss"]
    assert "Only operators can do this" in refused.plain_text
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


async def test_keep_running_takes_the_confirmation_away_and_leaves_the_job_alone(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        answer = await world.press(question, "ftjob_dismiss")

    assert answer.replace_original
    assert "I didn't change the job" in answer.plain_text
    assert "ftjob_confirm" not in answer.buttons
    assert world.actions == []


async def test_a_button_that_is_not_ours_is_acknowledged_and_nothing_is_done(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        shown = await world.say(f"status {job}", by="milo")
        assert shown.displayed
        for changed in ({"action_id": "ftjob_nonsense"}, {"value": "../../etc/passwd"}, {"value": ""}):
            refresh = _button(shown.displayed.blocks, "ftjob_refresh")
            kept = dict(refresh)
            refresh |= changed
            exchange = await world.milo.click(shown, refresh["action_id"])
            refresh |= kept
            assert exchange.acked
            assert exchange.replies == []
        asked = len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}"))
        await world.say("about")

    assert asked == 1, "the one that status made"
    assert world.actions == []


async def test_the_menu_below_a_list_shows_a_job(world: World) -> None:
    jobs = [world.api.add_job(status="running"), world.api.add_job(status="paused")]

    async with world.bot():
        listed = await world.say("list")
        answer = await world.press(listed, "ftjob_show", value=jobs[0])

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
            for action in ("ftjob_pause", "ftjob_untrack", "ftjob_cancel"):
                answer = await world.press(card, action, by=who)
                assert answer.ephemeral
                assert "running" not in answer.plain_text
        assert len(await bot.store.channels.tracks.followers("default", job)) == 1

    assert len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}")) == asked
    assert world.actions == []


def _button(blocks: Blocks, action_id: str) -> dict[str, Any]:
    elements = [element for block in blocks for element in block.get("elements", [])]
    return next(element for element in elements if element.get("action_id") == action_id)
