"""Jobs of an API in OpenAI's shape whose ids are of a shape of their own."""

from tests.world import World

UUID = "2ac5c4f1-8f2e-4f0e-9a34-0b1a9c2d7e11"


async def test_every_button_and_every_verb_takes_an_id_that_the_account_lists(world: World) -> None:
    async with world.bot():
        await world.say("subscribe")
        world.api.add_job(id=UUID, status="running")
        await world.slack.request_log.wait_until(
            lambda: bool(world.messages_about(UUID)), why="the new job has its card"
        )
        card = world.messages_about(UUID)[0]

        refreshed = await (await world.olivia.click(await world.say(f"status {UUID}"), "ftjob_refresh")).reply()
        assert UUID in refreshed.plain_text
        window = await (await world.olivia.click(card, "ftjob_details")).modal()
        await world.slack.request_log.wait_until(lambda: UUID in window.plain_text, why="the window is filled")
        question = await (await world.olivia.click(card, "ftjob_cancel")).reply()
        assert "ftjob_confirm" in question.buttons
        shown = await (await world.olivia.click(await world.say("list"), "ftjob_show", value=UUID)).reply()
        assert UUID in shown.plain_text

        assert UUID in (await world.say(f"status {UUID}")).plain_text
        assert UUID in (await world.say(UUID)).plain_text
        assert "untracked" in (await world.say(f"untrack {UUID}")).plain_text
        assert "Tracking" in (await world.say(f"track {UUID}")).plain_text
        assert "I couldn't find job" in (await world.say("status run/2026-7")).plain_text
