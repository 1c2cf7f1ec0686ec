from bot.sandbox.faults import Fault
from bot.sandbox.openai.scenarios import INVALID_FILE
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
BROKEN = Fault("answer", status=500, body={"error": {"message": "The server had an error."}})


async def test_a_tracked_job_is_posted_through_all_its_states_once_each(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="validating_files")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.api.change(job, status="queued")
        await world.until_delivered(job, "Queued")
        world.api.change(job, status="running")
        await world.until_delivered(job, "Queued", "Running")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL, trained_tokens=5768)
        await world.until_delivered(job, "Queued", "Running", "Succeeded")
        await world.until_quiet(bot)

    card, *replies = world.ml.messages
    assert card.thread_ts is None
    assert all(reply.thread_ts == card.ts for reply in replies)
    assert [reply.reply_broadcast for reply in replies] == [False, False, True]
    assert world.delivered(job) == ["Queued", "Running", "Succeeded"]
    assert world.ops.messages == []


async def test_two_channels_that_track_a_job_are_notified_once_each(any_world: World) -> None:
    world = any_world
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        await world.say(f"track {job}", channel=world.ops, by="milo")
        world.api.change(other, status="failed", error=INVALID_FILE)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded", channel=world.ml)
        await world.until_delivered(job, "Succeeded", channel=world.ops)
        await world.until_quiet(bot)

    for channel, who in ((world.ml, world.olivia), (world.ops, world.milo)):
        card, told = channel.messages
        assert told.thread_ts == card.ts
        assert f"<@{who.id}>" in told.plain_text


async def test_a_model_that_arrives_after_the_result_is_posted_as_an_alert_of_its_own(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded")
        await world.until_delivered(job, "Succeeded")
        for _ in range(2):
            await bot.pollers["default"].poll()
        world.api.change(job, fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded", "Fine-tuned model")
        await world.until_quiet(bot)

    card, ended, named = world.ml.messages
    assert MODEL not in ended.plain_text
    assert MODEL in named.plain_text
    assert named.thread_ts == ended.thread_ts == card.ts


async def test_an_alert_says_what_a_team_wants_to_know_of_a_finished_job(world: World) -> None:
    job = world.api.add_job(status="running", model="gpt-4o-mini-2024-07-18")

    async with world.bot():
        await world.say(f"track {job}")
        world.api.change(job, created_at=1_700_000_000)
        world.api.change(
            job, status="succeeded", fine_tuned_model=MODEL, trained_tokens=5_102_337, finished_at=1_700_007_500
        )
        await world.until_delivered(job, "Succeeded")

    said = world.ml.messages[-1].plain_text
    for fact in ("succeeded", "gpt-4o-mini-2024-07-18", MODEL, "5.1 M tokens", "2 h 5 min", f"<@{world.olivia.id}>"):
        assert fact in said
    assert world.ml.messages[-1].buttons["ftjob_details"] == job
    assert "repeat" not in said
    assert "late" not in said


async def test_a_job_that_goes_back_and_forth_is_posted_at_every_change(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        told: list[str] = []
        for status in ("paused", "running", "paused"):
            world.api.change(job, status=status)
            told.append(status.capitalize())
            await world.until_delivered(job, *told)

    assert not any(message.reply_broadcast for message in world.ml.messages)


async def test_an_unknown_status_is_posted_as_it_is_and_is_not_the_result(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.api.change(job, status="deep_frozen")
        await world.until_delivered(job, "Deep frozen")
        for _ in range(3):
            await bot.pollers["default"].poll()
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Deep frozen", "Succeeded")

    _, strange, ended = world.ml.messages
    assert ":grey_question:" in strange.plain_text
    assert (strange.reply_broadcast, ended.reply_broadcast) == (False, True)


async def test_a_failed_job_says_why_in_the_words_of_its_error(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        error = {"code": "invalid_training_file", "message": "Line 3 is not <JSON> & bad.", "param": "training_file"}
        world.api.change(job, status="failed", error=error)
        await world.until_delivered(job, "Failed")

    said = world.ml.messages[-1].plain_text
    assert "`invalid_training_file` · `training_file` · Line 3 is not &lt;JSON&gt; &amp; bad." in said
    assert not world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}/events"), "the error says it all"


async def test_a_failed_job_without_an_error_says_why_in_the_words_of_its_log(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        world.api.add_event(job, "A first hiccup.", level="error")
        world.api.add_event(job, "Trying again.", level="warn")
        world.api.change(job, status="failed", error={"code": None, "message": None, "param": None})
        world.api.add_event(job, "Bye.", level="info")
        await world.until_delivered(job, "Failed")

    said = world.ml.messages[-1].plain_text
    assert "The job failed." in said
    assert "A first hiccup." not in said
    assert "Bye." not in said
    assert len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}/events")) == 1


async def test_a_failed_job_is_posted_even_if_its_log_cannot_be_read(world: World) -> None:
    job = world.api.add_job(status="running")
    world.api.faults.always("GET /fine_tuning/jobs/{id}/events", BROKEN)

    async with world.bot():
        await world.say(f"track {job}")
        world.api.change(job, status="failed")
        await world.until_delivered(job, "Failed")

    assert "The API gave no reason." in world.ml.messages[-1].plain_text


async def test_jobs_that_change_together_are_posted_in_the_order_in_which_they_were_created(world: World) -> None:
    now = 1_700_000_000
    jobs = [world.api.add_job(status="running", created_at=now + second) for second in (0, 1, 1, 1)]

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        for job, channel in zip(jobs, (world.ml, world.ml, world.ops, world.ops), strict=True):
            await world.say(f"track {job}", channel=channel)
        for job in reversed(jobs):
            world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await bot.pollers["default"].poll()
        await world.until_quiet(bot)

    for channel, pair in ((world.ml, jobs[:2]), (world.ops, jobs[2:])):
        told = [message.text for message in channel.messages if message.thread_ts]
        assert [job for text in told for job in pair if job in text] == pair
