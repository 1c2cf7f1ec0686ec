from importlib.metadata import version

import pytest

from bot.commands.registry import USAGES
from tests.world import World


@pytest.mark.parametrize("asked", ["", "help", "HELP", "?"])
async def test_help_names_every_verb(world: World, asked: str) -> None:
    async with world.bot():
        answer = await world.say(asked)

    for verb in USAGES:
        assert f"/ftjob {verb}" in answer.plain_text
    assert answer.ephemeral
    assert len(world.api.request_log) == 0


@pytest.mark.parametrize("verb", USAGES)
async def test_help_of_a_verb_shows_its_form_and_an_example(world: World, verb: str) -> None:
    async with world.bot():
        answer = await world.say(f"help {verb}")

    assert f"/ftjob {USAGES[verb].example}" in answer.plain_text
    others = [other for other in USAGES if other not in USAGES[verb].syntax and other not in USAGES[verb].example]
    assert others
    assert not any(f"/ftjob {other}" in answer.plain_text for other in others)


@pytest.mark.parametrize(("asked", "nearest"), [("help trak", "track"), ("stauts x", "status"), ("subscibe", "sub")])
async def test_a_misspelt_verb_gets_the_nearest_one(world: World, asked: str, nearest: str) -> None:
    async with world.bot():
        answer = await world.say(asked)

    assert f"Did you mean `{nearest}" in answer.plain_text
    assert "/ftjob help" in answer.plain_text


async def test_a_word_that_is_like_no_verb_gets_help_alone(world: World) -> None:
    async with world.bot():
        answer = await world.say("qqqqq")

    assert "Did you mean" not in answer.plain_text
    assert "/ftjob help" in answer.plain_text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("status", "Which job?"),
        ("track file-abc123", "a file ID"),
        ("status ft:gpt-4o-mini:acme::abc", "a model name"),
        ("track nonsense!", "isn't a job ID"),
        ("track ftjob-abc in nowhere", "I couldn't find the channel"),
        ("list sideways", "I didn't understand"),
        ("list 999", "I didn't understand"),
        ("status " + " ".join(f"ftjob-{n}" for n in range(6)), "Name up to 5"),
        ("tracked please", "doesn't take"),
    ],
)
async def test_wrong_syntax_gets_the_usage_of_its_verb_and_no_request_leaves(
    world: World, asked: str, said: str
) -> None:
    async with world.bot():
        answer = await world.say(asked)

    assert said in answer.plain_text
    assert f"/ftjob {asked.split(maxsplit=1)[0]}" in answer.plain_text
    assert answer.ephemeral
    assert len(world.api.request_log) == 0


async def test_about_says_what_runs_here_and_when_it_last_polled(world: World) -> None:
    async with world.bot(OPENAI_PROJECT_ID="proj_sandbox", FTJOB_POLL_SECONDS="3600") as bot:
        before = await world.say("about")
        await world.say(f"track {world.api.add_job(status='running')}")
        await bot.pollers["default"].poll()
        after = await world.say("about", by="milo")

    for fact in (version("ftjob"), "proj_sandbox"):
        assert fact in after.plain_text
    assert "never" in before.plain_text
    assert "never" not in after.plain_text
