"""What an API or a person writes that is secret, or that nobody could store or show: it stays with its own job."""

import pytest

from tests.canaries import database_contents
from tests.world import World

SECRET = "plainh1dd3nwords"
WANDB = {"type": "wandb", "wandb": {"project": "search", "api_key": SECRET, "apiKey": SECRET}}
ODD = {
    "a zero byte and half a character": {"model": "gpt\x00 \ud800", "metadata": {"note": "\ud800\x00"}},
    "metadata that is no text": {"metadata": {"team": ["a", {"b": 1}], "n": 7, "none": None}},
    "a number without end": {"metadata": {"n": 10**4000}, "trained_tokens": 10**4000},
    "lists for mappings": {"hyperparameters": [1], "metadata": [], "method": ["dpo"], "integrations": {"a": 1}},
}


async def test_a_secret_of_a_job_is_neither_shown_nor_kept(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running", integrations=[WANDB], metadata={"env": f"WANDB_API_KEY={SECRET}"})
    async with world.bot():
        await world.say(f"track {job}")
        card = await world.say(f"status {job}")
        window = await (await world.milo.click(card, "ftjob_details")).modal()
        await world.slack.request_log.wait_until(lambda: "api_key" in window.plain_text, why="the window is filled")
        world.api.change(job, status="succeeded", fine_tuned_model="ft:m")
        await world.until_delivered(job, "Succeeded")
        kept = await database_contents(world.database_url)

    assert "search" in window.plain_text
    shown = [card.plain_text, window.plain_text, *(message.plain_text for message in world.ml.messages)]
    assert [text for text in shown if SECRET in text] == []
    assert b"api_key" in kept
    assert SECRET.encode() not in kept


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
async def test_one_odd_job_disturbs_no_other_one_and_no_list(any_world: World, odd: dict[str, object]) -> None:
    world = any_world
    async with world.bot():
        good = world.api.add_job(status="running", metadata={"team": "search"})
        bad = world.api.add_job(status="running")
        for job in (good, bad):
            assert "Tracking" in (await world.say(f"track {job}")).plain_text
        world.api.change(bad, **odd, status="failed")
        world.api.change(good, status="succeeded", fine_tuned_model="ft:m")
        await world.until_delivered(good, "Succeeded")
        await world.until_delivered(bad, "Failed")
        everything, listed = await world.say("list"), await world.say("list team=search")

    assert good in everything.plain_text
    assert bad in everything.plain_text
    assert good in listed.plain_text
    assert bad not in listed.plain_text


@pytest.mark.parametrize("text", ["status ftjob-\ud800", "\ud800", "list team=\ud800", "help \ud83d"])
async def test_half_a_character_typed_gets_an_ordinary_answer(world: World, text: str) -> None:
    async with world.bot():
        said = await world.say(text)
    assert "ref:" not in said.plain_text
    assert said.plain_text
