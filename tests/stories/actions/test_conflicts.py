"""Orders that meet trouble: a job that changed, another person, a restart, a request that comes twice."""

import asyncio

import pytest

from bot.commands.rate_limit import LIMITS
from bot.jobs.actions import Decision
from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import JOBS_READ, ApiKey
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import TEAM
from bot.store.actions.confirmations import Confirmation
from tests.canaries import KEY
from tests.stories.actions.test_audit import entries
from tests.world import World, cancel_request

CONFIRM = "ftjob_confirm"
CANCEL = "POST /fine_tuning/jobs/{id}/cancel"
RETRIEVE = "GET /fine_tuning/jobs/{id}"


def to_person(world: World) -> list[ChannelMessage]:
    """Return what Olivia has in her direct messages."""
    return world.slack.workspace.direct_message(world.olivia.id).messages


@pytest.mark.parametrize(
    ("then", "now"), [("queued", "running"), ("running", "paused"), ("validating_files", "word_of_tomorrow")]
)
async def test_a_job_that_went_on_since_the_confirmation_is_canceled_all_the_same(
    world: World, then: str, now: str
) -> None:
    job = world.api.add_job(status=then)

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        world.api.change(job, status=now)
        answer = await world.press(question, CONFIRM)
        rows = await entries(bot)

    assert world.actions == [cancel_request(job)]
    words = (then.replace("_", " "), now.replace("_", " "))
    assert "The job changed from {} to {} before you confirmed.".format(*words) in answer.plain_text
    assert [(row.decision, row.status_before, row.status_after) for row in rows] == [
        (Decision.PROMPTED, None, None),
        (Decision.SUBMITTED, now, None),
        (Decision.DONE, now, "cancelled"),
    ]


async def test_a_job_that_moves_at_each_read_can_be_canceled(world: World) -> None:
    job = world.api.add_job(status="queued")
    states = ["validating_files", "queued", "running", "paused", "resuming", "running"]
    seen = [Fault("answer", status=200, body={**world.api.jobs[job], "status": status}) for status in states]

    async with world.bot(FTJOB_POLL_SECONDS="3600"):
        world.api.faults.add(RETRIEVE, *seen)
        answer = await world.press(await world.say(f"cancel {job}"), CONFIRM)

    assert world.actions == [cancel_request(job)]
    assert "` was canceled." in answer.plain_text
    assert "The job changed from validating files to queued before you confirmed." in answer.plain_text


async def test_the_second_of_two_people_learns_who_was_first(world: World) -> None:
    otto = world.slack.add_user("otto", is_owner=True)
    world.otto = otto  # type: ignore[attr-defined]
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        first, second = await world.say(f"cancel {job}"), await world.say(f"cancel {job}", by="otto")
        world.api.faults.add(CANCEL, Fault("late", seconds=0.5))
        clicks = await asyncio.gather(world.olivia.click(first, CONFIRM), otto.click(second, CONFIRM))
        answers = [await click.reply() for click in clicks]
        rows = await entries(bot)

    assert world.actions == [cancel_request(job)]
    winner, loser = sorted(answers, key=lambda answer: "` was canceled." not in answer.plain_text)
    assert "` was canceled." in winner.plain_text
    assert "> is already canceling `" in loser.plain_text
    assert loser.replace_original
    assert sorted(row.decision for row in rows[2:]) == [Decision.DONE, Decision.DUPLICATE, Decision.SUBMITTED]


async def test_who_presses_when_the_api_does_not_show_the_cancel_yet_is_notified_of_it(world: World) -> None:
    world.otto = world.slack.add_user("otto", is_owner=True)  # type: ignore[attr-defined]
    job = world.api.add_job(status="running")
    as_it_was = dict(world.api.jobs[job])

    async with world.bot() as bot:
        questions = [await world.say(f"cancel {job}", by=who) for who in ("olivia", "olivia", "otto")]
        await world.press(questions[0], CONFIRM)
        world.api.faults.add(RETRIEVE, *[Fault("answer", status=200, body=as_it_was)] * 2)
        own = await world.press(questions[1], CONFIRM)
        others = await world.press(questions[2], CONFIRM, by="otto")
        rows = await entries(bot)

    assert world.actions == [cancel_request(job)]
    assert "` was canceled." in own.plain_text
    assert f"<@{world.olivia.id}> canceled `{job}` a moment ago" in others.plain_text
    assert (own.replace_original, others.replace_original) == (True, True)
    assert [row.decision for row in rows][-2:] == [Decision.DUPLICATE] * 2


async def test_a_channel_is_notified_of_an_action_and_its_result_at_once_however_seldom_jobs_are_polled(
    world: World,
) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_POLL_SECONDS="600") as bot:
        await world.say(f"track {job}")
        question = await world.say(f"cancel {job}")
        world.api.faults.add(CANCEL, Fault("late", seconds=3))
        exchange = await world.olivia.click(question, CONFIRM)
        await world.until_delivered(job, "Cancel requested")
        rows = await entries(bot)
        await exchange.reply()
        await world.until_delivered(job, "Cancel requested", "Canceled")

    assert rows[-1].decision is Decision.SUBMITTED, "its end is not known yet"


async def test_who_stopped_to_be_an_operator_since_the_confirmation_may_not_confirm(world: World) -> None:
    group = world.slack.add_usergroup("trainers", [world.milo])
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS=group) as bot:
        question = await world.say(f"cancel {job}", by="milo")
        world.slack.workspace.usergroups[group].clear()
        answer = await world.press(question, CONFIRM, by="milo")
        rows = await entries(bot)

    assert "Only operators can do this" in answer.plain_text
    assert world.actions == []
    assert [(row.decision, row.reason) for row in rows][1:] == [(Decision.DENIED, "not_an_operator")]


async def test_an_action_that_another_process_left_is_looked_up_and_its_requester_is_notified(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        order = Confirmation("cancel", "default", job, world.olivia.id, world.ml.id, TEAM, status="running")
        key = await bot.store.actions.confirmations.create(order)
        async with bot.store.db.transaction() as tx:
            await bot.store.actions.confirmations.confirm(tx, key, status="running")
        world.api.change(job, status="cancelled")
    async with world.bot() as bot:
        await world.slack.request_log.wait_until(lambda: to_person(world), why="a word to Olivia")
        rows = await entries(bot)

    assert [(row.source, row.decision, row.status_after) for row in rows] == [("start", Decision.DONE, "cancelled")]
    assert "Cancel request completed" in to_person(world)[0].plain_text
    assert world.actions == []


async def test_an_action_without_effect_is_given_up_after_a_minute_and_never_sent_again(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        question = await world.say(f"cancel {job}")
        world.api.faults.add(CANCEL, Fault("drop"))
        exchange = await world.olivia.click(question, CONFIRM)
        answer = await exchange.reply()
        assert "I'll keep checking" in answer.plain_text
        assert [row.decision for row in await entries(bot)] == [Decision.PROMPTED, Decision.SUBMITTED]
        world.skip(61)
        await world.until_delivered(job, "Cancel requested", "Cancel request not confirmed")
        await world.slack.request_log.wait_until(lambda: to_person(world), why="a word to Olivia")
        rows = await entries(bot)
        again = await world.press(await world.say(f"cancel {job}"), CONFIRM)

    assert rows[-1].decision is Decision.UNKNOWN
    assert "try again if you still need to" in to_person(world)[0].plain_text
    assert "` was canceled." in again.plain_text
    assert world.actions == [cancel_request(job)] * 2


async def test_an_action_whose_job_cannot_be_read_either_is_given_up_in_those_words(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        order = Confirmation("cancel", "default", job, world.olivia.id, world.ml.id, TEAM, status="running")
        key = await bot.store.actions.confirmations.create(order)
        async with bot.store.db.transaction() as tx:
            await bot.store.actions.confirmations.confirm(tx, key, status="running")
        world.skip(91)
        world.api.faults.always(RETRIEVE, Fault("drop"))
    async with world.bot() as bot:
        await world.slack.request_log.wait_until(lambda: to_person(world), why="a word to Olivia")
        (row,) = await entries(bot)

    (told,) = to_person(world)
    assert "Cancel request not confirmed" in told.plain_text
    assert "I can't read the job right now" in told.plain_text
    assert (row.decision, row.status_before, row.status_after) == (Decision.UNKNOWN, "running", None)


async def test_an_action_that_could_not_be_sent_is_reported_as_that(world: World) -> None:
    job = world.api.add_job(status="running")
    last = Fault("answer", status=200, headers={"Connection": "close"}, body=dict(world.api.jobs[job]))

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        world.api.faults.add(RETRIEVE, last)
        await world.api.stop_accepting()
        answer = await world.press(question, CONFIRM)
        rows = await entries(bot)

    assert world.actions == []
    assert "nothing was sent" in answer.plain_text
    assert [row.decision for row in rows] == [Decision.PROMPTED, Decision.SUBMITTED, Decision.UNSENT]
    assert rows[-1].reason == "The connection was refused: nothing is listening on that port."


async def test_a_job_that_ends_while_its_action_is_unconfirmed_ended_first(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        world.api.faults.add(CANCEL, Fault("drop"))
        exchange = await world.olivia.click(question, CONFIRM)
        await world.api.request_log.wait_until(lambda: world.actions, why="the order")
        world.api.change(job, status="succeeded")
        answer = await exchange.reply()
        rows = await entries(bot)

    assert "had already finished: it succeeded" in answer.plain_text
    assert (rows[-1].decision, rows[-1].status_after) == (Decision.FINISHED, "succeeded")


async def test_a_refusal_is_reported_also_where_the_job_cannot_be_read_after_it(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        world.api.faults.add(CANCEL, Fault("answer", status=400, body={"error": {"message": "No."}}))
        world.api.faults.add(RETRIEVE, Fault("late", seconds=0.0), Fault("answer", status=404, body={}))
        answer = await world.press(question, CONFIRM)
        rows = await entries(bot)

    assert answer.plain_text.strip().endswith("The API rejected the cancel request: No.")
    assert (rows[-1].decision, rows[-1].reason, rows[-1].status_after) == (Decision.REFUSED, "No.", None)


async def test_an_action_that_a_proxy_takes_for_a_job_that_is_over_came_too_late(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        over = {**world.api.jobs[job], "status": "succeeded"}
        world.api.faults.add(CANCEL, Fault("answer", status=200, body=over))
        answer = await world.press(question, CONFIRM)
        rows = await entries(bot)

    assert rows[-1].decision is Decision.FINISHED
    assert "had already finished" in answer.plain_text


async def test_a_recording_that_is_played_again_and_again_uses_up_nobodys_limit(world: World) -> None:
    world.limits = LIMITS
    job = world.api.add_job(status="running")

    async with world.bot():
        exchange = await world.olivia.command(f"status {job}", world.ml)
        await exchange.reply()
        for _ in range(15):
            assert (await world.olivia.user_actions.replay(exchange)).acked
        answer = await world.say(f"status {job}")

    assert "a bit fast" not in answer.plain_text


async def test_what_an_api_calls_its_request_is_never_markup(world: World) -> None:
    evil = "r` <!channel> <https://evil.example|Fix it> `"
    refusal = Fault("answer", status=500, headers={"x-request-id": evil}, body={"error": {"message": "No."}})
    world.api.faults.always(RETRIEVE, refusal)

    async with world.bot():
        answer = await world.say("status ftjob-abc123")

    assert "evil.example" in answer.plain_text
    assert "<!channel>" not in answer.plain_text
    assert "<https" not in answer.plain_text


async def test_a_key_that_may_not_write_is_reported_to_the_ops_channel_once_a_day(world: World) -> None:
    world.api.keys[KEY] = ApiKey("reader", frozenset({JOBS_READ}))
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id, OPENAI_WRITE_API_KEY="") as bot:
        for _ in range(2):
            await world.press(await world.say(f"cancel {job}"), CONFIRM)
        await world.until_quiet(bot)
        (told,) = world.ops.messages
        world.skip(86_400)
        await world.press(await world.say(f"cancel {job}"), CONFIRM)
        await world.until_quiet(bot)

    assert len(world.ops.messages) == 2
    assert "api.fine_tuning.jobs.write" in told.plain_text
    assert "OPENAI_WRITE_API_KEY" in told.plain_text


async def test_what_slack_brings_twice_has_one_effect(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        question = await world.say(f"cancel {job}")
        exchange = await world.olivia.click(question, CONFIRM)
        await exchange.reply()
        answered = len(world.slack.workspace.replies)
        for _ in range(3):
            assert (await world.olivia.user_actions.replay(exchange)).acked
        await world.say("help")
        rows = await entries(bot)

    assert len(world.slack.workspace.replies) == answered + 1
    assert world.actions == [cancel_request(job)]
    assert [row.decision for row in rows] == [Decision.PROMPTED, Decision.SUBMITTED, Decision.DONE]
