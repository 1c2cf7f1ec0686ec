import pytest

from bot.sandbox.faults import Fault
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
LIST = "GET /fine_tuning/jobs"
RETRIEVE = "GET /fine_tuning/jobs/{id}"
EMPTY = {"object": "list", "data": [], "has_more": False}


def down(status: int = 500, **headers: str) -> Fault:
    return Fault("answer", status=status, headers=headers, body={"error": {"message": "We are down."}})


async def _asked_again(world: World) -> None:
    """Wait until the list of jobs was requested once more."""
    before = len(world.api.request_log.for_endpoint(LIST))
    await world.api.request_log.wait_until(lambda: len(world.api.request_log.for_endpoint(LIST)) > before)


async def test_an_outage_of_the_api_loses_nothing(any_world: World) -> None:
    world = any_world
    job, other = world.api.add_job(status="queued"), world.api.add_job(status="running")

    async with world.bot() as bot:
        for each in (job, other):
            await world.say(f"track {each}", channel=world.ml if each == job else world.ops)
        before = len(world.api.request_log.for_endpoint(LIST))
        faults = [down(), down(429, **{"Retry-After": "1"}), Fault("drop"), Fault("drop")]
        world.api.faults.add(LIST, *faults)
        world.api.change(job, status="running")
        world.api.change(other, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Running")
        await world.until_delivered(other, "Succeeded", channel=world.ops)
        await world.until_quiet(bot)

    met = world.api.request_log.for_endpoint(LIST)[before:]
    statuses = [entry.status for entry in met]
    assert [status for status in statuses if status != 200] == [500, 429, 0, 0]
    limited = statuses.index(429)
    assert met[limited + 1].at - met[limited].at >= 1, "Retry-After was honoured"
    assert len(world.ml.messages) == len(world.ops.messages) == 2


async def test_a_change_undone_during_an_outage_is_posted_as_what_is_true_afterwards(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.api.faults.always(LIST, down())
        world.api.change(job, status="paused")
        for _ in range(2):
            await _asked_again(world)
        world.api.change(job, status="running")
        world.api.faults.clear()
        recovered = len(world.api.request_log.for_endpoint(LIST))
        await world.api.request_log.wait_until(lambda: len(world.api.request_log.for_endpoint(LIST)) > recovered + 1)
        await world.until_quiet(bot)

    assert world.delivered(job) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>Bad gateway</html>",
        '{"object": "list", "data": [{"id": "ftjob-',
        [],
        {"object": "list"},
        {"object": "list", "data": None},
        {"object": "list", "data": {"0": {}}},
    ],
    ids=str,
)
async def test_a_broken_body_changes_nothing_and_the_next_good_one_is_posted(world: World, body: object) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await world.say(f"track {job}")
        await bot.pollers["default"].poll()
        world.api.faults.add(LIST, Fault("answer", status=200, body=body))
        world.api.change(job, status="paused")
        await bot.pollers["default"].poll()
        known = await bot.store.jobs.states.find("default", job)
        assert known
        assert known.state.status == "running"
        assert bot.pollers["default"].is_failing
        world.skip(3600)
        await bot.pollers["default"].poll()
        await world.until_delivered(job, "Paused")


async def test_broken_items_of_a_list_lose_only_themselves(world: World) -> None:
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        for each in (job, other):
            await world.say(f"track {each}")
        broken = [None, "ftjob", 7, {}, {"id": 5}, {"id": ""}, {"status": "failed"}, {"id": job, "status": None}]
        world.api.change(other, status="paused")
        page = {"object": "list", "data": [*broken, world.api.jobs[other]], "has_more": False}
        world.api.faults.add(LIST, Fault("answer", status=200, body=page))
        await bot.pollers["default"].poll()
        await world.until_delivered(other, "Paused")
        assert world.delivered(job) == [], "a read that says no status says nothing"
        world.api.change(job, status="paused")
        await bot.pollers["default"].poll()
        await world.until_delivered(job, "Paused")


async def test_an_empty_list_is_not_the_end_of_a_tracked_job(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await world.say(f"track {job}")
        world.api.faults.always(LIST, Fault("answer", status=200, body=EMPTY))
        await bot.pollers["default"].poll()
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await bot.pollers["default"].poll()
        await world.until_delivered(job, "Succeeded")


async def test_a_missing_tracked_job_is_posted_once_and_disturbs_no_other(world: World) -> None:
    gone, job = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot() as bot:
        for each in (gone, job):
            await world.say(f"track {each}")
        del world.api.jobs[gone]
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Paused")
        await world.until_delivered(gone, "Job not found")
        await world.until_quiet(bot)

    assert world.delivered(gone) == ["Job not found"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("drop"), "Try again in a minute"),
        (down(), "Try again in a minute"),
        (Fault("answer", status=200, body="<html>"), "Try again in a minute"),
        (down(429, **{"Retry-After": "42"}), "42 s"),
        (Fault("answer", status=302, headers={"Location": "http://127.0.0.1:9/"}), "Try again in a minute"),
    ],
    ids="drop 500 html 429 302".split(),
)
async def test_a_command_while_the_api_is_down_says_what_to_do(world: World, fault: Fault, said: str) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        world.api.faults.always("*", fault)
        for verb in (f"status {job}", "list", f"track {job}", f"cancel {job}", "subscribe"):
            answer = await world.say(verb)
            assert said in answer.plain_text
            assert "ref:" in answer.plain_text
            assert answer.ephemeral
            assert answer.buttons == {}
        assert await bot.store.channels.tracks.followers("default", job) == []
        assert await bot.store.channels.subscriptions.in_channel(world.ml.id) == []

    assert world.ml.messages == []


CLOUDFLARE = "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"
NO_QUOTA = {"message": "You exceeded your current quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
PLACE = {"message": "Country, region, or territory not supported", "code": "unsupported_country_region_territory"}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            429,
            {"error": NO_QUOTA},
            "out of quota or credit: You exceeded your current quota. Ask your ftjob admin to add credit",
        ),
        (
            403,
            {"error": PLACE},
            "isn't available in the region ftjob runs in: Country, region, or territory not supported.",
        ),
        (403, CLOUDFLARE, "in front of the API blocked the request (HTTP 403)"),
    ],
    ids=["no quota", "the country", "Cloudflare"],
)
async def test_a_command_that_the_api_refuses_says_why(world: World, status: int, body: object, said: str) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        world.api.faults.always("*", Fault("answer", status=status, body=body))
        for verb in (f"status {job}", f"cancel {job}"):
            answer = await world.say(verb)
            assert said in answer.plain_text
            assert "revoked" not in answer.plain_text
            assert "900" not in answer.plain_text.split("ref: ")[0]


async def test_a_revoked_key_is_named_and_nothing_is_lost_when_there_is_a_new_one(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await world.say(f"track {job}")
        keys, world.api.keys = world.api.keys, {}
        answer = await world.say(f"status {job}")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await bot.pollers["default"].poll()
        assert bot.broken_parts() == ["account"]
        world.api.keys = keys
        world.skip(3600)
        await bot.pollers["default"].poll()
        await world.until_delivered(job, "Succeeded")
        assert bot.broken_parts() == []

    assert "revoked" in answer.plain_text
    assert "Ask your ftjob admin" in answer.plain_text
    assert answer.ephemeral
    secret = next(iter(keys))
    assert secret not in answer.plain_text
