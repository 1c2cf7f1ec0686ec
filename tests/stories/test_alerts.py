from tests.world import World


async def test_a_tracked_job_is_told_through_all_its_states_once_each(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="validating_files")

    async with world.bot():
        await world.say(f"track {job}")
        world.api.change(job, status="queued")
        await world.until_told(job, "Queued")
        world.api.change(job, status="running")
        await world.until_told(job, "Queued", "Running")
        world.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::abc", trained_tokens=5768)
        await world.until_told(job, "Queued", "Running", "Succeeded")

    card, *replies = world.about(job)
    assert all(reply.thread_ts == card.ts for reply in replies)
    assert [reply.reply_broadcast for reply in replies] == [False, False, True]
