"""Too much at once: who floods is told to slow down once, and everybody else is answered as before."""

import asyncio
import time
from statistics import median

import pytest
from prometheus_client import REGISTRY

from bot.commands.rate_limit import LIMITS, Limit, Limits
from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import SentReply
from tests.store.seeds import add_jobs, reading, track
from tests.world import World, cancel_request

HOUR = "3600"
LIST = "GET /fine_tuning/jobs"
RETRIEVE = "GET /fine_tuning/jobs/{id}"
CONFIRM = "ftjob_confirm"
SLOW_DOWN = "a bit fast"


@pytest.fixture
def world(world: World) -> World:
    """The same world with the limits that the bot really has."""
    world.limits = LIMITS
    return world


def rate_limited_total(limit: str) -> float:
    return REGISTRY.get_sample_value("ftjob_rate_limited_total", {"limit": limit}) or 0.0


def said_to(world: World, person: str) -> list[SentReply]:
    """Return every answer that somebody got."""
    return [reply for reply in world.slack.workspace.replies if reply.user == person]


async def seconds_of(world: World, jobs: list[str]) -> list[float]:
    """Let Olivia ask for jobs, one after the other; return how long each answer took."""
    took = []
    for job in jobs:
        begun = time.perf_counter()
        assert job in (await world.say(f"status {job}")).plain_text
        took.append(time.perf_counter() - begun)
    return took


async def test_who_types_200_commands_gets_ten_replies_and_one_refusal_and_others_do_not_wait(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(210)]
    before = rate_limited_total("person")

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        alone = await seconds_of(world, jobs[:5])
        burst = asyncio.gather(*(world.milo.command(f"status {job}", world.ml) for job in jobs[10:]))
        meanwhile = await seconds_of(world, jobs[5:10])
        exchanges = await burst
        world.skip(LIMITS.person.seconds)
        again = await world.say("help", by="milo")

    said = said_to(world, world.milo.id)
    assert all(exchange.acked for exchange in exchanges)
    assert SLOW_DOWN not in again.plain_text
    assert sum("is running" in reply.plain_text for reply in said) == 10
    [refusal] = [reply for reply in said if SLOW_DOWN in reply.plain_text]
    assert "You're going a bit fast (limit: 10 commands per 10 seconds)" in refusal.plain_text
    assert refusal.ephemeral
    assert len(said) == 12
    assert rate_limited_total("person") - before == 190
    assert len(world.api.request_log.for_endpoint(RETRIEVE)) == 10 + 10, "ten of Milo's, ten of Olivia's"
    print(f"{median(alone) * 1000:.1f} ms alone, during the burst {median(meanwhile) * 1000:.1f} ms", meanwhile)  # noqa: T201
    assert max(meanwhile) < max(2.0, 20 * max(alone))


async def test_fifty_people_who_ask_the_same_at_one_moment_cost_one_request(world: World) -> None:
    job = world.api.add_job(status="running")
    people = [world.slack.add_user(f"person{n}") for n in range(50)]
    world.api.faults.add(RETRIEVE, Fault("late", seconds=0.5))

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        begun = time.monotonic()
        exchanges = await asyncio.gather(*(person.command(f"status {job}", world.ml) for person in people))
        answers = [await exchange.reply() for exchange in exchanges]
        took = time.monotonic() - begun

    assert all(job in answer.plain_text and "running" in answer.plain_text for answer in answers)
    assert len(world.api.request_log.for_endpoint(RETRIEVE)) <= 1 + took // 2, (
        "one, as long as the machine is not in a bad way"
    )


async def test_lists_share_their_pages_whatever_they_show_of_them(world: World) -> None:
    failed, running = world.api.add_job(status="failed"), world.api.add_job(status="running")
    asked = ["list", "list failed", "list active"]
    world.api.faults.add(LIST, Fault("late", seconds=0.5))

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        exchanges = await asyncio.gather(*(world.milo.command(text, world.ml) for text in asked))
        answers = [(await exchange.reply()).plain_text for exchange in exchanges]

    assert [failed in answer for answer in answers] == [True, True, False]
    assert [running in answer for answer in answers] == [True, False, True]
    assert len(world.api.request_log.for_endpoint(LIST)) == 1


async def test_a_status_is_two_seconds_old_at_the_most_and_refresh_reads_again(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        first = await world.say(f"status {job}")
        world.api.change(job, status="paused")
        pressed = await world.press(first, "ftjob_refresh")
        world.api.change(job, status="queued")
        world.skip(2)
        later = await world.say(f"status {job}", by="milo")

    assert "paused" in pressed.plain_text
    assert "queued" in later.plain_text


async def test_an_action_reads_fresh_and_nobody_is_shown_what_was_before_it(world: World) -> None:
    over, job = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        await world.say(f"status {over} {job}")
        world.api.change(over, status="succeeded")
        nothing = await world.say(f"cancel {over}")
        question = await world.say(f"cancel {job}")
        await world.say(f"status {job}", by="milo")
        await world.press(question, CONFIRM)
        shown = await world.say(f"status {job}", by="milo")

    assert "Nothing to cancel" in nothing.plain_text
    assert "canceled" in shown.plain_text
    assert world.actions == [cancel_request(job)]


async def test_an_action_goes_through_while_somebody_else_is_rate_limited(world: World) -> None:
    job, other = (world.api.add_job(status="running") for _ in range(2))

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        burst = asyncio.gather(*(world.milo.command(f"cancel {other}", world.ml) for _ in range(50)))
        question = await world.say(f"cancel {job}")
        answer = await world.press(question, CONFIRM)
        await burst

    assert "` was canceled." in answer.plain_text
    assert world.actions == [cancel_request(job)]
    assert sum("Only operators can do this" in reply.plain_text for reply in said_to(world, world.milo.id)) == 10


async def test_five_cancels_a_minute_each_refusal_is_said_and_the_red_button_stays_good(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(6)]

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        questions = [await world.say(f"cancel {job}") for job in jobs[:5]]
        refused = [await world.say(f"cancel {jobs[5]}") for _ in range(2)]
        world.skip(60)
        questions.append(await world.say(f"cancel {jobs[5]}"))
        for question in questions[:5]:
            await world.press(question, CONFIRM)
        too_many = await world.press(questions[5], CONFIRM)
        assert world.actions == [cancel_request(job) for job in jobs[:5]]
        world.skip(60)
        done = await world.press(questions[5], CONFIRM)

    for refusal in (*refused, too_many):
        assert "limit: 5 of each action per 60 s" in refusal.plain_text
        assert refusal.ephemeral
    assert not too_many.replace_original, "the question and its button stay"
    assert "` was canceled." in done.plain_text
    assert world.actions == [cancel_request(job) for job in jobs]


async def test_no_more_commands_are_under_way_than_the_limit_and_the_next_is_refused(world: World) -> None:
    world.limits = Limits(concurrent=Limit(3, 5.0))
    jobs = [world.api.add_job(status="running") for _ in range(4)]
    world.api.faults.always(RETRIEVE, Fault("late", seconds=1.0))

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        slow = [await world.milo.command(f"status {job}", world.ml) for job in jobs[:3]]
        refused = await world.say(f"status {jobs[3]}")
        answers = [await exchange.reply() for exchange in slow]
        world.api.faults.clear()
        world.skip(5)
        taken = await world.say(f"status {jobs[3]}")

    assert "busy with 3 other commands" in refused.plain_text
    assert [job in answer.plain_text for job, answer in zip(jobs, answers, strict=False)] == [True] * 3
    assert jobs[3] in taken.plain_text


async def test_pressed_buttons_count_as_typed_commands_do_and_links_do_not(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        answer = await world.say(f"status {job}", by="milo")
        for _ in range(20):
            await world.milo.click(answer, "ftjob_open_page")
        for _ in range(9):
            await world.press(answer, "ftjob_refresh", by="milo")
        refused = await world.press(answer, "ftjob_refresh", by="milo")

    assert SLOW_DOWN in refused.plain_text
    assert not refused.replace_original


async def test_a_quota_of_a_thousand_jobs_tracked_by_hand_and_subscriptions_are_not_limited(
    any_world: World,
) -> None:
    world = any_world
    new, newer = world.api.add_job(status="running"), world.api.add_job(status="running")
    ids = [f"ftjob-quota{n:04d}" for n in range(1001)]

    async with world.bot(FTJOB_POLL_SECONDS=HOUR) as bot:
        await add_jobs(bot.store, *(reading(each) for each in ids))
        await track(bot.store, *((world.ops.id, each) for each in ids[:999]), (world.ml.id, ids[0]))
        await track(bot.store, (world.ops.id, ids[999]), (world.ops.id, ids[1000]), person=None)
        thousandth = await world.say(f"track {new}")
        refused = await world.say(f"track {newer}")
        again = await world.say(f"track {new}")
        subscribed = await world.say("subscribe", by="milo")
        await world.say(f"untrack {ids[1]}", channel=world.ops)
        taken = await world.say(f"track {newer} me")

    assert "Tracking" in thousandth.plain_text
    assert "1,000 active jobs" in refused.plain_text
    assert "/ftjob untrack" in refused.plain_text
    assert "already tracked" in again.plain_text
    assert "Subscribed" in subscribed.plain_text
    assert "Tracking" in taken.plain_text


async def test_closed_jobs_do_not_count(world: World) -> None:
    new = world.api.add_job(status="running")
    ids = [f"ftjob-quota{n:04d}" for n in range(1000)]

    async with world.bot(FTJOB_POLL_SECONDS=HOUR) as bot:
        await add_jobs(bot.store, *(reading(each) for each in ids))
        await track(bot.store, *((world.ops.id, each) for each in ids))
        refused = await world.say(f"track {new}")
        async with bot.store.db.transaction() as tx:
            await bot.store.jobs.states.close(tx, "default", ids[:1])
        taken = await world.say(f"track {new}")

    assert "1,000 active jobs" in refused.plain_text
    assert "Tracking" in taken.plain_text


@pytest.mark.parametrize(
    ("verb", "answers"), [("status ftjob-abc123", 80), ("cancel ftjob-abc123", 80), ("help", 60), ("gibberish", 60)]
)
async def test_people_who_may_not_use_the_bot_keep_no_operator_from_an_action_and_no_member_from_reading(
    world: World, verb: str, answers: int
) -> None:
    job = world.api.add_job(status="running")
    guests = [world.slack.add_user(f"guest{n}", is_restricted=True) for n in range(8)]

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        question = await world.say(f"cancel {job}")
        for _ in range(2):
            await asyncio.gather(*(each.command(verb, world.ml) for each in guests for _ in range(10)))
            await world.slack.request_log.wait_until(
                lambda: len(world.slack.workspace.replies) > answers, why="what was taken is answered"
            )
            world.skip(11)
        done = await world.press(question, CONFIRM)
        read = await world.say(f"status {job}", by="milo")

    assert "` was canceled." in done.plain_text
    assert "canceled" in read.plain_text
    assert world.actions == [cancel_request(job)]


async def test_the_red_button_works_while_members_have_used_the_workspaces_limit_up(world: World) -> None:
    job, people = world.api.add_job(status="running"), [world.slack.add_user(f"person{n}") for n in range(13)]

    async with world.bot(FTJOB_POLL_SECONDS=HOUR):
        question = await world.say(f"cancel {job}")
        for _ in range(10):
            exchanges = [await each.command("tracked", world.ml) for each in people]
            [await exchange.reply() for exchange in exchanges[:5]]
        refused = await world.say(f"status {job}")
        done = await world.press(question, CONFIRM)
        seen = await world.say("audit")

    assert "across the workspace" in refused.plain_text
    assert "` was canceled." in done.plain_text
    assert "completed `cancel`" in seen.plain_text
