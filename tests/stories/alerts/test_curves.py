"""The picture of what training measured: on the card of a job that succeeded, and by /ftjob curves."""

import base64
from typing import Any

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.scenarios import reinforcement, succeeds
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import BOT_USER
from tests.stories.alerts.test_cards import UPDATE, card_of, step, until_card_says
from tests.world import FAST_TUNING, World, has_image

UPLOAD = "upload"
POST = "chat.postMessage"


def images_in(world: World, **where: Any) -> list[ChannelMessage]:
    """Return the messages in #ml that show a picture and are no card."""
    shown = [message for message in world.ml.messages if has_image(message) and not message.buttons]
    return [message for message in shown if all(getattr(message, key) == value for key, value in where.items())]


def image_of(message: ChannelMessage) -> dict[str, Any]:
    """Return the one picture of a message."""
    (image,) = [block for block in message.blocks if block["type"] == "image"]
    return image


async def curves(world: World, job: str, *, by: str = "olivia") -> SentReply:
    """Let somebody type /ftjob curves and return the answer: drawing takes a process of its own."""
    person: SandboxUser = getattr(world, by)
    exchange = await person.command(f"curves {job}", world.ml)
    assert exchange.acked, exchange.error
    return await exchange.reply()


async def until_card_shows_curves(world: World, job: str) -> ChannelMessage:
    """Wait until the card of a job shows a picture."""
    await world.slack.request_log.wait_until(lambda: has_image(card_of(world, job)), why="curves on the card")
    return card_of(world, job)


async def test_the_card_of_a_job_that_succeeded_shows_its_curves_and_no_alert_waits_for_them(lively: World) -> None:
    world = lively
    async with world.bot():
        world.api.speed = 0.0  # on a busy machine it would be over before it is tracked
        job = world.api.add_job(scenario=succeeds(2.0, steps=8))
        world.slack.faults.add(UPLOAD, Fault("late", seconds=4.0))
        await world.say(f"track {job}")
        world.api.speed = 1.0
        await world.slack.request_log.wait_until(lambda: "Succeeded" in world.delivered(job), why="the alert")
        assert not has_image(card_of(world, job)), "no alert waits for a picture"
        image = image_of(await until_card_shows_curves(world, job))
        assert "training loss 2.5 at step 1" in image["alt_text"]
        assert "checkpoint" in image["alt_text"]
        assert (world.slack.workspace.files[image["slack_file"]["id"]].content or b"").startswith(b"\x89PNG")

        (in_thread,) = images_in(world)
        assert in_thread.thread_ts == card_of(world, job).ts
        assert not in_thread.reply_broadcast
        assert image_of(in_thread) == image
        assert world.ops.messages == []


async def test_a_chart_that_slack_does_not_show_yet_is_shown_later_and_the_card_waits_for_nothing(
    world: World,
) -> None:
    world.tuning = FAST_TUNING
    world.slack.workspace.file_delay = 10**6
    async with world.bot():
        job = world.api.add_job(scenario=succeeds(1.0, steps=8))
        await world.say(f"track {job}")
        await world.slack.request_log.wait_until(
            lambda: any(
                entry.response.get("error") == "invalid_blocks" for entry in world.slack.request_log.for_endpoint(POST)
            ),
            why="a picture that is refused",
        )
        await until_card_says(world, job, "· succeeded")
        assert not has_image(card_of(world, job))
        world.slack.workspace.file_delay = 0.0
        await until_card_shows_curves(world, job)
        assert len(images_in(world)) == 1
        assert len(world.slack.request_log.for_endpoint(UPLOAD)) == 1
        refused = [entry for entry in world.slack.request_log.for_endpoint(UPDATE) if entry.response.get("error")]
        assert refused == []


@pytest.mark.parametrize("content", [None, b"\x00\xff not a result file", b'step,train_loss\n1,"' + b"x" * 200_000])
async def test_a_result_file_that_is_none_or_is_missing_leaves_the_log(world: World, content: bytes | None) -> None:
    world.tuning = FAST_TUNING
    async with world.bot():
        job = world.api.add_job(status="running")
        step(world, job, 1, 2.0)
        step(world, job, 2, 1.0)
        file = world.api.add_file(base64.b64encode(content), purpose="fine-tune-results") if content else "file-gone"
        world.api.change(job, status="succeeded", fine_tuned_model="ft:x", result_files=[file])
        await curves(world, job)
        (image_message,) = images_in(world)
        assert "training loss 2 at step 1 to 1 at step 2" in image_of(image_message)["alt_text"]


async def test_without_the_scope_for_files_the_card_is_as_it_was_and_curves_come_as_text(world: World) -> None:
    world.tuning = FAST_TUNING
    world.slack.scopes -= {"files:write"}
    async with world.bot():
        job = world.api.add_job(scenario=succeeds(1.0, steps=8))
        await world.say(f"track {job}")
        await until_card_says(world, job, "· succeeded")
        said = await curves(world, job)
        assert "training loss 2.5 at step 1" in said.plain_text
        assert "ftjob check" in said.plain_text
        assert said.ephemeral
        assert images_in(world) == []
        assert not has_image(card_of(world, job))
    world.expect_errors("files:write")


async def test_curves_come_to_the_thread_of_the_card_or_to_the_channel(lively: World) -> None:
    world = lively
    async with world.bot():
        job = world.api.add_job(status="running", model="gpt-4o-mini $\\frac{1}$ <!channel>")
        said = await curves(world, job)
        assert "No metrics for" in said.plain_text
        step(world, job, 1, 2.0)
        step(world, job, 2, 1.0)

        said = await curves(world, job, by="milo")
        assert "Posted the training chart" in said.plain_text
        assert said.ephemeral
        (shared,) = images_in(world)
        assert shared.thread_ts is None
        assert "training loss 2 at step 1 to 1 at step 2" in image_of(shared)["alt_text"]
        assert "<!channel>" not in shared.text

        await world.say(f"track {job}")
        assert "in its thread" in (await curves(world, job)).plain_text
        assert len(images_in(world, thread_ts=card_of(world, job).ts)) == 1
        assert len(images_in(world)) == 2
        assert world.ops.messages == []


async def test_curves_where_the_bot_may_not_post_come_as_text_to_whoever_asked(world: World) -> None:
    async with world.bot():
        job = world.api.add_job(scenario=reinforcement(0.0, steps=4))
        world.ml.members.pop(BOT_USER)
        said = await curves(world, job)
        assert "training reward" in said.plain_text
        assert "loss" not in said.plain_text
        assert "/invite" in said.plain_text
        assert said.ephemeral
        assert world.ml.messages == []
