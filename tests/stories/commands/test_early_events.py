"""Events that come before Slack said who the bot is: nothing of them is lost once it does."""

import pytest

from bot.sandbox.faults import Fault
from tests.world import World

REFUSES = Fault("answer", status=200, body={"ok": False, "error": "internal_error"})
DOWN = Fault("answer", status=503, body="upstream")


@pytest.mark.parametrize("fault", [REFUSES, DOWN], ids=["Slack refuses", "Slack is down"])
async def test_what_happens_before_the_bot_knows_itself_is_acted_on_afterwards(world: World, fault: Fault) -> None:
    fresh, other, others = (world.slack.add_channel(name, bot_is_member=False) for name in ("fresh", "other", "else"))
    world.slack.faults.always("auth.test", fault)

    async with world.starting(world.settings()) as bot:
        for channel in (fresh, other):
            await world.slack.invite_bot(channel)
        await world.slack.send_event("member_joined_channel", user=world.milo.id, channel=others.id)
        await world.milo.open_home()
        await world.slack.request_log.wait_until(lambda: world.milo.id in world.slack.homes, why="a Home tab")
        starting = world.slack.homes[world.milo.id].plain_text
        greeted_early = [*fresh.messages, *other.messages]
        world.slack.faults.clear()
        await world.slack.request_log.wait_until(
            lambda: fresh.messages and other.messages, why="both channels are greeted"
        )
        await world.slack.request_log.wait_until(
            lambda: "API OK" in world.slack.homes[world.milo.id].plain_text,
            why="the Home tab is shown whole",
        )
        await world.until_quiet(bot)

    assert "still starting" in starting
    assert greeted_early == []
    assert "`/ftjob subscribe`" in fresh.messages[0].plain_text
    assert (len(fresh.messages), len(other.messages), others.messages) == (1, 1, [])
