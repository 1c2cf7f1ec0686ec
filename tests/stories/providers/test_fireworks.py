"""Jobs at Fireworks, of all three kinds: watched, shown and canceled like any others."""

from collections.abc import AsyncIterator

import pytest

from bot.providers.dialect import Listing
from bot.providers.dialects.fireworks import DIALECT
from bot.sandbox.faults import Fault
from bot.sandbox.fireworks.bodies import DPO, REINFORCEMENT, SUPERVISED
from bot.sandbox.fireworks.server import FireworksApi
from tests.stories.providers.native import JOBS, KEYS, found_in, pages_of, with_account
from tests.world import World

PREFIXES = {SUPERVISED: "ftjob-", DPO: "ftjob-dpo_", REINFORCEMENT: "ftjob-rft_"}


@pytest.fixture
async def api() -> AsyncIterator[FireworksApi]:
    async with FireworksApi(keys=KEYS) as running:
        yield running


def account_of(api: FireworksApi) -> str:
    return f'organization = "{api.account}"'


async def test_older_pages_show_each_of_many_jobs_of_all_kinds_exactly_once(world: World, api: FireworksApi) -> None:
    jobs = []
    for n in range(JOBS):
        kind = list(PREFIXES)[n % 3]
        at = f"2026-09-{1 + n // 24:02}T{n % 24:02}:00:00Z"
        jobs.append(PREFIXES[kind] + api.add_job(collection=kind, id=f"job{n:05}", createTime=at))
    async with with_account(world, api, "fireworks", account_of(api)):
        pages = await pages_of(world, await world.say("list all 25 account:fireworks"))

    assert found_in(pages, r"ftjob-(?:dpo_|rft_)?job\d{5}") == jobs[::-1]


@pytest.mark.parametrize("option", ["strict_order", "ignores_order"])
async def test_jobs_are_newest_first_whatever_the_api_does_with_the_order(
    world: World, api: FireworksApi, option: str
) -> None:
    setattr(api.options, option, True)
    jobs = [
        f"ftjob-{api.add_job(id=f'job{(n * 7) % 120:05}', createTime=f'2026-09-{1 + n // 24:02}T{n % 24:02}:00:00Z')}"
        for n in range(120)
    ]
    async with with_account(world, api, "fireworks", account_of(api)):
        pages = await pages_of(world, await world.say("list all 25 account:fireworks"))

    assert found_in(pages, r"ftjob-job\d{5}") == jobs[::-1]


@pytest.mark.parametrize("kind", PREFIXES)
async def test_jobs_of_each_kind_are_discovered_told_and_canceled(world: World, api: FireworksApi, kind: str) -> None:
    api.options.cancel_seconds = 0.5
    async with with_account(world, api, "fireworks", account_of(api)) as bot:
        await world.say("subscribe account:fireworks")
        done, stopped = (PREFIXES[kind] + api.add_job(collection=kind, state="JOB_STATE_RUNNING") for _ in range(2))
        await world.slack.request_log.wait_until(
            lambda: bool(world.messages_about(done) and world.messages_about(stopped)), why="both have their cards"
        )
        api.change(done.removeprefix(PREFIXES[kind]), state="JOB_STATE_COMPLETED")
        await world.press(await world.say(f"cancel {stopped}"), "ftjob_confirm")
        await world.until_delivered(done, "Succeeded")
        await world.slack.request_log.wait_until(
            lambda: "Canceled" in world.delivered(stopped), why="the end of the other one is told"
        )
        await world.until_quiet(bot)

    assert world.delivered(stopped)[-1] == "Canceled"
    assert "on-demand deployment" in world.messages_about(done)[-1].plain_text


async def test_a_failure_has_its_reason_unless_the_api_hides_it(world: World, api: FireworksApi) -> None:
    async with with_account(world, api, "fireworks", account_of(api)):
        said = [api.add_job(state="JOB_STATE_RUNNING") for _ in range(2)]
        for job in said:
            await world.say(f"track ftjob-{job}")
        api.change(said[0], state="JOB_STATE_FAILED", reason="The dataset is empty.")
        await world.until_delivered(f"ftjob-{said[0]}", "Failed")
        api.options.hides_reasons = True
        api.change(said[1], state="JOB_STATE_FAILED", reason="The dataset is empty.")
        await world.until_delivered(f"ftjob-{said[1]}", "Failed")

    first, second = (world.messages_about(f"ftjob-{job}")[-1].plain_text for job in said)
    assert "The dataset is empty" in first
    assert "The API gave no reason" in second
    assert "OK" not in second


@pytest.mark.parametrize("kind", [SUPERVISED, DPO])
async def test_curves_come_from_the_signed_file_without_the_accounts_key(
    world: World, api: FireworksApi, kind: str
) -> None:
    job = api.add_job(collection=kind, state="JOB_STATE_RUNNING")
    for step in range(1, 11):
        api.add_metrics(job, step, 10, 2.0 / step)
    async with with_account(world, api, "fireworks", account_of(api)):
        curves = await world.say(f"curves {PREFIXES[kind]}{job}")

    assert "Posted the training chart" in curves.plain_text, "the file's server refuses any request with a key"


async def test_the_key_of_weights_and_biases_is_neither_shown_nor_stored(world: World, api: FireworksApi) -> None:
    job = f"ftjob-{api.add_job(state='JOB_STATE_RUNNING')}"
    async with with_account(world, api, "fireworks", account_of(api)):
        await world.say(f"track {job}")
        window = await (await world.olivia.click(world.messages_about(job)[0], "ftjob_details")).modal()
        await world.slack.request_log.wait_until(lambda: job in window.plain_text, why="the window is filled")

    assert api.wandb_key not in window.plain_text
    stored = b"".join(path.read_bytes() for path in world.folder.iterdir() if path.is_file())
    assert api.wandb_key.encode() not in stored


@pytest.mark.parametrize("listing", DIALECT.listings, ids=lambda listing: listing.items)
async def test_the_id_and_the_page_that_fireworks_shows_are_understood(
    world: World, api: FireworksApi, listing: Listing
) -> None:
    own_id = api.add_job(collection=listing.items, id="job00042", state="JOB_STATE_RUNNING")
    async with with_account(world, api, "fireworks", account_of(api)):
        by_id = await world.say(f"status {own_id}")
        by_page = await world.say(f"status {listing.job_page.replace('{job}', own_id)}")
        tracked = await world.say(f"track {own_id}")
        unknown = await world.say("status job00043")

    job = f"{listing.id_prefix}{own_id}"
    assert job in by_id.plain_text
    assert job in by_page.plain_text
    assert tracked.plain_text.startswith("Tracking")
    assert world.messages_about(job)
    assert "I couldn't find job `job00043` in any account" in unknown.plain_text


async def test_a_poll_is_one_request_for_each_list(world: World, api: FireworksApi) -> None:
    for _ in range(5):
        api.add_job()
    async with with_account(world, api, "fireworks", account_of(api), poll_seconds="3600") as bot:
        await world.say("subscribe account:fireworks")
        await bot.pollers["fireworks"].poll()
        before = len(api.request_log)
        await bot.pollers["fireworks"].poll()

    assert len(api.request_log) - before == 3


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_kind_of_jobs_that_cannot_be_listed_holds_up_no_other(
    world: World, api: FireworksApi, status: int
) -> None:
    refused = Fault("answer", status=status, body={"code": 7, "message": "No."})
    async with with_account(world, api, "fireworks", account_of(api)) as bot:
        job = f"ftjob-{api.add_job(state='JOB_STATE_RUNNING')}"
        await world.say(f"track {job}")
        api.faults.always("GET /accounts/{account}/dpoJobs", refused)
        api.change(job.removeprefix("ftjob-"), state="JOB_STATE_PAUSED")
        await world.until_delivered(job, "Paused")
        assert not bot.pollers["fireworks"].is_failing
        listed = await world.say("list account:fireworks")

    if status == 404:
        assert job in listed.plain_text, "an account may be without a kind of jobs"


async def test_a_job_without_a_time_does_not_make_its_list_unsorted(world: World, api: FireworksApi) -> None:
    for n in range(3):
        api.add_job(id=f"job{n:05}", createTime=f"2026-09-0{n + 1}T00:00:00Z" if n != 1 else None)
    async with with_account(world, api, "fireworks", account_of(api), poll_seconds="3600") as bot:
        await world.say("subscribe account:fireworks")
        before = len(api.request_log)
        await bot.pollers["fireworks"].poll()

    assert len(api.request_log) - before == 3
