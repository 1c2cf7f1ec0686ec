"""Jobs at Together: watched, shown and canceled like any others."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.together.server import TogetherApi
from tests.stories.providers.native import JOBS, KEYS, found_in, pages_of, with_account
from tests.world import World


@pytest.fixture
async def api() -> AsyncIterator[TogetherApi]:
    async with TogetherApi(keys=KEYS) as running:
        yield running


async def test_older_pages_show_each_of_many_jobs_exactly_once(world: World, api: TogetherApi) -> None:
    jobs = [
        api.add_job(id=f"ft-{n:05}", created_at=f"2026-09-{1 + n // 24:02}T{n % 24:02}:00:00Z") for n in range(JOBS)
    ]
    async with with_account(world, api, "together"):
        pages = await pages_of(world, await world.say("list all 25 account:together"))

    assert found_in(pages, r"ft-\d{5}") == jobs[::-1]


async def test_a_failure_and_a_cancellation_for_billing_have_their_reasons(world: World, api: TogetherApi) -> None:
    failing, broke = api.add_job(status="running"), api.add_job(status="running")
    async with with_account(world, api, "together"):
        for job in (failing, broke):
            await world.say(f"track {job}")
        api.add_event(failing, "Row 7 has no messages.", type="job_error")
        api.change(failing, status="error")
        api.cancel_for_billing(broke, "The balance is too low for this job.")
        await world.until_delivered(failing, "Failed")
        await world.until_delivered(broke, "Canceled")

    assert "Row 7 has no messages" in world.messages_about(failing)[-1].plain_text
    assert "The balance is too low for this job" in world.messages_about(broke)[-1].plain_text


async def test_a_cancel_passes_through_the_request_and_is_told_once(world: World, api: TogetherApi) -> None:
    api.options.cancel_seconds = 0.5
    job = api.add_job(status="running")
    async with with_account(world, api, "together") as bot:
        await world.say(f"track {job}")
        done = await world.press(await world.say(f"cancel {job}"), "ftjob_confirm")
        # Who requested it, the status that it passes through, and the end.
        told = ["Cancel requested", "Canceling", "Canceled"]
        await world.until_delivered(job, *told)
        await world.until_quiet(bot)

    assert "cancel" in done.plain_text
    assert world.delivered(job) == told


async def test_curves_checkpoints_and_log_are_shown_with_older_pages(world: World, api: TogetherApi) -> None:
    job = api.add_job(status="running")
    for step in range(1, 26):
        api.add_metrics(job, step, 25, 2.0 / step, 2.2 / step)
        api.add_checkpoint(job, step)
        api.add_event(job, f"Line {step:02} of the log", type="warning")
    async with with_account(world, api, "together"):
        curves = await world.say(f"curves {job}")
        checkpoints = await pages_of(world, await world.say(f"checkpoints {job}"))
        log = await pages_of(world, await world.say(f"events {job} 10"))

    assert "Posted the training chart" in curves.plain_text
    assert found_in(checkpoints, r"[Ss]tep (\d+)") == [str(step) for step in range(25, 0, -1)]
    assert sorted(found_in(log, r"Line (\d\d) of")) == [f"{n:02}" for n in range(1, 26)]


async def test_a_success_says_what_has_to_be_done_with_the_model(world: World, api: TogetherApi) -> None:
    job = api.add_job(status="running")
    async with with_account(world, api, "together"):
        await world.say(f"track {job}")
        api.change(job, status="completed", model_output_name="team/tuned")
        await world.until_delivered(job, "Succeeded")

    ended = world.messages_about(job)[-1].plain_text
    assert "team/tuned" in ended
    assert "Start a dedicated endpoint" in ended


async def test_nothing_is_offered_that_together_does_not_have(world: World, api: TogetherApi) -> None:
    job = api.add_job(status="running")
    async with with_account(world, api, "together"):
        shown = await world.say(f"status {job}")
        refused = await world.say(f"pause {job}")

    assert "ftjob_cancel" in shown.buttons
    assert "ftjob_pause" not in shown.buttons
    assert [entry for entry in api.request_log if not entry.endpoint.startswith("GET")] == []
    assert "pause" in refused.plain_text


async def test_a_poll_is_one_request_for_each_list(world: World, api: TogetherApi) -> None:
    for _ in range(5):
        api.add_job()
    async with with_account(world, api, "together", poll_seconds="3600") as bot:
        await world.say("subscribe account:together")
        await bot.pollers["together"].poll()
        before = len(api.request_log)
        await bot.pollers["together"].poll()

    assert len(api.request_log) - before == 1
