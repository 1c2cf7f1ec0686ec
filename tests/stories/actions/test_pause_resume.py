"""Pause and resume take the way of cancel: a question to one person, one button, one POST, a line in the thread."""

import pytest

from bot.sandbox.faults import Fault
from tests.world import World

YES = "ftjob_confirm"


def propose(verb: str, job: str) -> str:
    return f"POST /fine_tuning/jobs/{{id}}/{verb} {job}"


async def test_a_job_is_paused_and_resumed_and_the_thread_says_who_did_it(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")
    async with world.bot():
        await world.say(f"track {job}")
        asked = await world.say(f"pause {job}")
        assert asked.ephemeral
        assert "Pause job" in asked.plain_text
        assert "you can resume later" in asked.plain_text
        assert world.actions == []

        answer = await world.press(asked, YES)
        assert "Pause request sent." in answer.plain_text
        assert world.actions == [propose("pause", job)]
        await world.slack.request_log.wait_until(
            lambda: "Pause requested" in "".join(m.plain_text for m in world.messages_about(job))
        )

        resumed = await world.press(await world.say(f"resume {job}"), YES)
        assert "Resume request sent." in resumed.plain_text
        assert world.actions == [propose("pause", job), propose("resume", job)]
        exported = await world.say("audit 20")
        assert "resume" in exported.plain_text
        assert world.ops.messages == []


@pytest.mark.parametrize(
    ("status", "verb", "says"),
    [
        ("queued", "pause", "only running jobs can be paused"),
        ("running", "resume", "only paused jobs can be resumed"),
        ("succeeded", "pause", "has already finished"),
        ("cancelled", "resume", "has already finished"),
    ],
)
async def test_an_action_that_does_not_apply_gets_no_confirmation(
    world: World, status: str, verb: str, says: str
) -> None:
    job = world.api.add_job(status=status)
    async with world.bot():
        said = await world.say(f"{verb} {job}")
    assert says in said.plain_text
    assert said.buttons == {}
    assert world.actions == []


async def test_a_member_may_neither_pause_nor_resume_and_learns_who_may(world: World) -> None:
    running, paused = world.api.add_job(status="running"), world.api.add_job(status="paused")
    async with world.bot():
        for text in (f"pause {running}", f"resume {paused}"):
            said = await world.say(text, by="milo")
            assert "Only operators can do this" in said.plain_text
        asked = await world.say(f"pause {running}")
        refused = await world.press(asked, YES, by="milo")
        assert "Only operators can do this" in refused.plain_text
    assert world.actions == []


async def test_each_action_is_shown_with_its_own_sign_in_the_thread(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        await world.say(f"track {job}")
        for verb in ("pause", "resume", "cancel"):
            await world.press(await world.say(f"{verb} {job}"), YES)
        await world.slack.request_log.wait_until(
            lambda: len(confirmed(world, job)) == 3, seconds=300, why="three lines"
        )
    signs = (":double_vertical_bar: *Pause", ":arrow_forward: *Resume", ":octagonal_sign: *Cancel")
    assert [said.split(" requested*")[0] for said in confirmed(world, job)] == list(signs)


def confirmed(world: World, job: str) -> list[str]:
    """Return the lines about orders in the thread of a job."""
    return [message.text for message in world.messages_about(job) if " requested*" in message.text]


async def test_a_running_job_that_moves_on_at_work_is_paused_all_the_same(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        asked = await world.say(f"pause {job}")
        world.api.change(job, status="uploading")
        said = await world.press(asked, YES)
    assert "The job changed from running to uploading before you confirmed." in said.plain_text
    assert world.actions == [propose("pause", job)]


async def test_a_job_in_an_unknown_state_is_confirmed_again(world: World) -> None:
    job = world.api.add_job(status="paused")
    async with world.bot():
        asked = await world.say(f"resume {job}")
        world.api.change(job, status="word_of_tomorrow")
        again = await world.press(asked, YES)
        assert world.actions == []
        assert "The job was paused when I asked" in again.plain_text
        await world.press(again, YES)
    assert world.actions == [propose("resume", job)]


async def test_a_pause_of_a_job_that_was_paused_meanwhile_is_not_sent(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        asked = await world.say(f"pause {job}")
        world.api.change(job, status="paused")
        said = await world.press(asked, YES)
    assert "Nothing to pause" in said.plain_text
    assert world.actions == []


async def test_a_pause_whose_answer_is_lost_is_found_out_by_reading(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        asked = await world.say(f"pause {job}")
        world.api.faults.add("POST /fine_tuning/jobs/{id}/pause", Fault("drop", accepted=True))
        said = await world.press(asked, YES)
    assert "didn't confirm the pause" in said.plain_text
    assert "is paused." in said.plain_text
    assert world.actions == [propose("pause", job)]


async def test_a_job_that_was_resumed_is_paused_again_within_the_same_minute(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        for verb in ("pause", "resume", "pause", "resume"):
            said = await world.press(await world.say(f"{verb} {job}"), YES)
            assert f"{verb.capitalize()} request sent." in said.plain_text
            if verb == "resume":
                world.api.change(job, status="running")
    assert world.actions == [propose(verb, job) for verb in ("pause", "resume", "pause", "resume")]
