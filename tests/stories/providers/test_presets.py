"""Providers with OpenAI's API under another name: watched, shown and canceled, and nothing is offered that they lack."""

import pytest

from tests.stories.providers.accounts import configured, new_api
from tests.stories.providers.native import JOBS, found_in, pages_of
from tests.world import World

PRESETS = ["nebius", "bedrock-mantle", "openai-compatible"]
PAGE = "https://jobs.example/{job}"


@pytest.mark.parametrize("provider", PRESETS)
async def test_a_job_is_told_from_its_card_to_its_end_and_can_be_canceled(world: World, provider: str) -> None:
    async with new_api() as api, world.bot(**configured(world, api, f'provider = "{provider}"', f'page = "{PAGE}"')):
        failed, stopped, done = (api.add_job(status="running") for _ in range(3))
        await world.say(f"track {failed} {stopped} {done}")
        api.change(failed, status="failed", error={"code": "invalid_training_file", "message": "Line 3 is odd."})
        await world.until_delivered(failed, "Failed")
        await world.press(await world.say(f"cancel {stopped}"), "ftjob_confirm")
        await world.until_delivered(stopped, "Cancel requested", "Canceled")
        api.change(done, status="succeeded", fine_tuned_model="tuned-1")
        await world.until_delivered(done, "Succeeded")
        by_page = await world.say(f"status {PAGE.replace('{job}', done)}")
        log, checkpoints, paused = [await world.say(f"{verb} {done}") for verb in ("events", "checkpoints", "pause")]

    assert "Line 3 is odd." in world.messages_about(failed)[-1].plain_text
    assert "tuned-1" in world.messages_about(done)[-1].plain_text
    assert "research" in by_page.plain_text
    assert "· account research" in log.plain_text
    assert "checkpoint" in checkpoints.plain_text
    assert "ftjob_confirm" not in paused.buttons
    assert not [entry for entry in api.request_log if entry.endpoint.endswith("/pause")]


@pytest.mark.parametrize("provider", PRESETS)
async def test_older_pages_show_each_of_many_jobs_exactly_once(world: World, provider: str) -> None:
    async with new_api() as api, world.bot(**configured(world, api, f'provider = "{provider}"')):
        jobs = [api.add_job(status="succeeded") for _ in range(JOBS)]
        pages = await pages_of(world, await world.say("list all 25 account:research"))

    found = [job for job in found_in(pages, r"ftjob-\w+") if job in jobs]
    assert sorted(found) == sorted(jobs)


@pytest.mark.parametrize("provider", PRESETS)
async def test_no_link_leads_to_a_page_of_openais(world: World, provider: str) -> None:
    async with new_api() as api, world.bot(**configured(world, api, f'provider = "{provider}"')):
        job = api.add_job(status="running")
        shown = await world.say(f"status {job}")
        await world.say(f"track {job}")

    assert job in shown.plain_text
    assert "openai.com" not in f"{shown.blocks} {world.messages_about(job)[0].blocks}"


async def test_a_success_at_nebius_says_that_the_model_has_to_be_deployed(world: World) -> None:
    async with new_api() as api, world.bot(**configured(world, api, 'provider = "nebius"')):
        job = api.add_job(status="running")
        await world.say(f"track {job}")
        api.change(job, status="succeeded", fine_tuned_model="tuned-1")
        await world.until_delivered(job, "Succeeded")

    assert "Deploy the model before use" in world.messages_about(job)[-1].plain_text
