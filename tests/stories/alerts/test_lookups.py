from bot.sandbox.openai.scenarios import INVALID_FILE
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def test_an_unknown_job_is_said_to_be_unknown_in_this_project(any_world: World) -> None:
    world = any_world

    async with world.bot(OPENAI_PROJECT_ID="proj_sandbox"):
        for verb in ("status", "track", "cancel"):
            answer = await world.say(f"{verb} ftjob-doesnotexist")
            assert "ftjob-doesnotexist" in answer.plain_text
            assert "proj_sandbox" in answer.plain_text
            assert "/ftjob list" in answer.plain_text
            assert answer.ephemeral

    assert world.actions == []
    assert world.ml.messages == []


async def test_status_shows_all_that_the_api_says_of_a_job(world: World) -> None:
    job = world.api.add_job(
        status="succeeded",
        fine_tuned_model=MODEL,
        trained_tokens=5_102_337,
        seed=4242,
        validation_file=world.api.validation_file,
        metadata={"team": "search"},
        hyperparameters={"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8},
    )

    async with world.bot():
        answer = await world.say(f"status {job}", by="milo")

    facts = (job, MODEL, "5.1 M tokens", "4242", world.api.training_file, world.api.validation_file)
    for fact in (*facts, "team: `search`", "n_epochs: `3`", "org-sandbox", "supervised"):
        assert fact in answer.plain_text
    assert answer.ephemeral
    assert "ftjob_cancel" not in answer.buttons, "it is over"
    assert world.ml.messages == []


async def test_status_of_a_failed_job_shows_its_error(world: World) -> None:
    job = world.api.add_job(status="failed", error=INVALID_FILE)

    async with world.bot():
        answer = await world.say(f"status {job}")

    assert "invalid_training_file" in answer.plain_text
    assert INVALID_FILE["message"] in answer.plain_text


async def test_a_bare_id_or_a_pasted_link_asks_for_the_status(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        for asked in (job, f"https://platform.openai.com/finetune/{job}", f"STATUS `{job}`"):
            answer = await world.say(asked)
            assert job in answer.plain_text
            assert "running" in answer.plain_text


async def test_status_of_several_jobs_shows_a_row_for_each_and_a_way_to_each(world: World) -> None:
    jobs = [world.api.add_job(status="running"), world.api.add_job(status="failed")]

    async with world.bot():
        answer = await world.say(f"status {jobs[0]} ftjob-doesnotexist {jobs[1]}")
        [one] = [action for action, job in answer.buttons.items() if job == jobs[1]]
        detail = await world.press(answer, one)

    lines = answer.plain_text.splitlines()
    for word, job in (("running", jobs[0]), ("failed", jobs[1]), ("couldn't find job", "ftjob-doesnotexist")):
        assert any(word in line.lower() and job in line for line in lines)
    assert "failed" in detail.plain_text
    assert not detail.replace_original, "the rows stay"
    assert jobs[0] not in detail.plain_text


async def test_list_shows_the_newest_jobs_first_and_says_that_there_are_more(world: World) -> None:
    jobs = [world.api.add_job(status="queued") for _ in range(12)]

    async with world.bot():
        answer = await world.say("list")
        three = await world.say("list 3")
        everything = await world.say("list 12")
        older = await world.press(answer, "ftjob_page")

    places = [answer.plain_text.index(job) for job in reversed(jobs[2:])]
    assert places == sorted(places)
    assert jobs[1] not in answer.plain_text
    assert "12 jobs: 12 queued" in answer.plain_text
    assert [job in older.plain_text for job in jobs[:3]] == [True, True, False]
    assert [job in three.plain_text for job in jobs[-4:]] == [False, True, True, True]
    assert all(job in everything.plain_text for job in jobs)
    assert "ftjob_page" not in everything.buttons
    assert answer.ephemeral


async def test_events_and_checkpoints_are_shown_in_pages_to_whoever_asks(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")
    for step in range(1, 13):
        data = {"step": step, "total_steps": 12, "train_loss": 1 / step}
        world.api.add_event(job, f"Step {step}/12: training loss={1 / step}", type="metrics", data=data)
        world.api.add_checkpoint(job, step, train_loss=1 / step)

    async with world.bot():
        log = await world.say(f"events {job} 5", by="milo")
        assert log.ephemeral
        assert "step 12/12  0.08333" in log.plain_text
        assert "step 7/12" not in log.plain_text
        older = await world.press(log, "ftjob_page", by="milo")
        assert "step 7/12" in older.plain_text
        assert "step 12/12" not in older.plain_text

        saved = await world.say(f"checkpoints {job}", by="milo")
        assert "*Step 12* · training loss 0.08333" in saved.plain_text
        assert "ckpt-step-12`" in saved.plain_text
        assert "*Step 2*" in (await world.press(saved, "ftjob_page", by="milo")).plain_text

        nothing = world.api.add_job(status="queued")
        assert "no checkpoints yet" in (await world.say(f"checkpoints {nothing}")).plain_text
        assert "Guests" in (await world.say(f"events {job}", by="gia")).plain_text
    assert world.ml.messages == world.ops.messages == []


async def test_list_filters_by_state_and_by_metadata(world: World) -> None:
    failed = world.api.add_job(status="failed", metadata={"team": "search"})
    cancelled = world.api.add_job(status="cancelled", metadata={"team": "ads"})
    running = world.api.add_job(status="running", metadata={"team": "search"})
    strange = world.api.add_job(status="deep_frozen")

    async def listed(asked: str) -> set[str]:
        answer = await world.say(asked)
        return {job for job in (failed, cancelled, running, strange) if job in answer.plain_text}

    async with world.bot():
        assert await listed("list failed") == {failed}
        assert await listed("list cancelled") == {cancelled}
        assert await listed("list active") == {running, strange}
        assert await listed("list team=search") == {failed, running}
        assert await listed("list failed 5 team=ads") == set()
        assert await listed("list all") == {failed, cancelled, running, strange}


async def test_list_finds_a_job_beyond_the_first_page(world: World) -> None:
    old = world.api.add_job(status="failed")
    for _ in range(120):
        world.api.add_job(status="queued")

    async with world.bot():
        answer = await world.say("list failed")

    assert old in answer.plain_text
    assert len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs")) == 2


async def test_list_of_nothing_says_what_would_make_it_more(world: World) -> None:
    async with world.bot():
        answer = await world.say("list")
        failed = await world.say("list failed")

    assert "No jobs" in answer.plain_text
    assert "No failed jobs" in failed.plain_text


async def test_tracked_lists_what_this_channel_tracks_each_with_a_button_to_end_it(world: World) -> None:
    jobs = [world.api.add_job(status="running"), world.api.add_job(status="queued")]
    elsewhere = world.api.add_job(status="running")

    async with world.bot():
        for job in jobs:
            await world.say(f"track {job}")
        await world.say(f"track {elsewhere}", channel=world.ops)
        answer = await world.say("tracked", by="milo")
        await world.press(answer, "ftjob_untrack", value=jobs[0])
        left = await world.say("tracked")

    assert "2 jobs" in answer.plain_text
    assert elsewhere not in answer.plain_text
    assert jobs[1] in left.plain_text
    assert jobs[0] not in left.plain_text


async def test_the_name_of_a_job_cannot_mention_people_or_become_a_link(world: World) -> None:
    evil = "<!channel> <https://evil.example|Sign in> *bold*"
    job = world.api.add_job(status="failed", metadata={"note": evil}, error={"code": "x", "message": evil})

    async with world.bot():
        await world.say(f"track {job}")
        status = await world.say(f"status {job}")
        listed = await world.say("list")

    for message in (*world.ml.messages, status, listed):
        said = [message.text, *(str(block) for block in message.blocks if block["type"] != "rich_text")]
        assert not any("<!channel>" in text or "<https://evil" in text for text in said)
    assert "&lt;!channel&gt;" in str(status.blocks)
