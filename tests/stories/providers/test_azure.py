"""An Azure account: its addresses, its keys, its words, and every example of its documentation."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.app.bot import Bot
from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.openai.azure import AzureApi
from tests import canaries
from tests.jobs.openapi import example
from tests.world import FAST_TUNING, World

DATED = "2024-10-21"
PREVIEW = "2025-04-01-preview"
ONE = "GET /fine_tuning/jobs/{id}"
MODEL = "gpt-4o-mini-2024-07-18.ft-0123456789abcdef"
TOKEN = f"eyJ{canaries.KEY}"
DAY = 86400.0


@asynccontextmanager
async def azure_bot(world: World, version: str | None, *, bearer: bool = False) -> AsyncIterator[tuple[Bot, AzureApi]]:
    """Run the bot with an Azure account and no other."""
    async with AzureApi(keys={canaries.KEY: ApiKey("default"), TOKEN: ApiKey("entra")}) as api:
        more = {"OPENAI_API_KEY": "", "OPENAI_WRITE_API_KEY": "", "AZURE_OPENAI_ENDPOINT": api.origin}
        more |= {"OPENAI_API_VERSION": version} if version else {}
        more |= {"AZURE_OPENAI_AD_TOKEN": TOKEN} if bearer else {"AZURE_OPENAI_API_KEY": canaries.KEY}
        async with world.bot(**more) as bot:
            yield bot, api


def answers(api: AzureApi, what: str, body: Any) -> None:
    api.faults.always(what, Fault("answer", status=200, body=json.dumps(body)))


@pytest.mark.parametrize("version", [DATED, PREVIEW, None])
@pytest.mark.parametrize("bearer", [False, True], ids=["key", "token"])
async def test_a_job_is_watched_to_its_end_and_the_model_has_to_be_deployed(
    world: World, version: str | None, *, bearer: bool
) -> None:
    async with azure_bot(world, version, bearer=bearer) as (bot, api):
        job = api.add_job(status="queued")
        await world.say(f"track {job}")
        assert "· pending" in world.messages_about(job)[0].plain_text
        api.change(job, status="running")
        await world.until_delivered(job, "Running")
        api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Running", "Succeeded")
        await world.until_quiet(bot)
        asked = [entry.request["query"].get("api-version") for entry in api.request_log]

    assert set(asked) == {version}
    assert "Deploy the model before use" in world.messages_about(job)[-1].plain_text
    assert MODEL in world.messages_about(job)[-1].plain_text


@pytest.mark.parametrize("version", [PREVIEW, None])
async def test_a_job_pauses_and_resumes_in_azures_words(world: World, version: str | None) -> None:
    async with azure_bot(world, version) as (_, api):
        job = api.add_job(status="running")
        paused = await world.press(await world.say(f"pause {job}"), "ftjob_confirm")
        resumed = await world.press(await world.say(f"resume {job}"), "ftjob_confirm")

    assert "Pause request sent" in paused.plain_text
    assert "is pausing" in paused.plain_text
    assert "is resuming" in resumed.plain_text


async def test_what_an_older_version_cannot_do_is_not_offered(world: World) -> None:
    async with azure_bot(world, DATED) as (_, api):
        job = api.add_job(status="paused")
        shown, asked = await world.say(f"status {job}"), await world.say(f"resume {job}")
        posts = [entry for entry in api.request_log if entry.endpoint.startswith("POST")]

    assert "ftjob_resume" not in shown.buttons
    assert "ftjob_cancel" in shown.buttons
    assert "can't be resumed. The provider doesn't support it" in asked.plain_text
    assert posts == []


@pytest.mark.parametrize(("version", "offered"), [(DATED, False), (PREVIEW, False), (None, True)])
async def test_a_job_is_made_only_where_it_would_be_found_again(
    world: World, version: str | None, *, offered: bool
) -> None:
    says = "Base model" if offered else "Creating jobs isn't supported for"

    def shown() -> bool:
        return any(says in view.plain_text for view in world.slack.workspace.modal_stacks.get(world.olivia.id, []))

    async with azure_bot(world, version):
        await world.olivia.command("create", world.ml)
        await world.slack.request_log.wait_until(shown, why=says)


async def test_a_wrong_key_and_a_job_that_is_not_there_are_said_in_words(world: World) -> None:
    async with azure_bot(world, DATED) as (_, api):
        unknown = await world.say("status ftjob-nosuch")
        api.keys.clear()
        refused = await world.say("status ftjob-other")

    assert "couldn't find job `ftjob-nosuch`" in unknown.plain_text
    assert "The API rejected ftjob's key" in refused.plain_text


async def test_an_action_in_the_wrong_state_is_refused_in_azures_words(world: World) -> None:
    async with azure_bot(world, DATED) as (_, api):
        job = api.add_job(status="running")
        question = await world.say(f"cancel {job}")
        stale = {"status": "running", "id": job, "object": "fine_tuning.job"}
        api.faults.add(ONE, Fault("answer", status=200, body=json.dumps(stale)))
        api.change(job, status="succeeded", fine_tuned_model=MODEL)
        answer = await world.press(question, "ftjob_confirm")

    assert "The API rejected the cancel request" in answer.plain_text
    assert "had already finished: it succeeded" in answer.plain_text


# --- the examples of its documentation ---


async def test_the_example_of_a_job_is_shown_whole(world: World) -> None:
    body = example("azure.job.retrieve.json")
    async with azure_bot(world, PREVIEW) as (_, api):
        answers(api, ONE, body)
        shown = await world.say(f"status {body['id']}")

    for said in (
        "· succeeded in 19 min 44 s ·",
        body["fine_tuned_model"],
        "2.34 k tokens",
        "custom-wandb-project",
        "n_epochs: `-1`",
    ):
        assert said in shown.plain_text
    assert "Deploy the model before use" in shown.plain_text


async def test_the_example_of_a_log_is_read_in_its_order(world: World) -> None:
    body = example("azure.event.list.json")
    async with azure_bot(world, DATED) as (_, api):
        job = api.add_job(status="running")
        answers(api, f"{ONE}/events", body)
        shown = await world.say(f"events {job}")

    places = [shown.plain_text.rindex(each["message"]) for each in body["data"]]
    assert places == sorted(places), "oldest first, as a log is read"


@pytest.mark.parametrize(
    ("name", "verb", "before", "said"),
    [
        ("azure.job.cancel.2024-10-21.json", "cancel", "running", "was canceled"),
        ("azure.job.pause.json", "pause", "running", "is paused."),
        ("azure.job.resume.json", "resume", "paused", "is resuming."),
    ],
)
async def test_the_example_of_each_action_is_its_result(
    world: World, name: str, verb: str, before: str, said: str
) -> None:
    body = example(name)
    async with azure_bot(world, PREVIEW) as (_, api):
        answers(api, ONE, body | {"status": before})
        question = await world.say(f"{verb} {body['id']}")
        answers(api, f"POST /fine_tuning/jobs/{{id}}/{verb}", body)
        answer = await world.press(question, "ftjob_confirm")

    assert said in answer.plain_text


def hourglasses(world: World) -> list[str]:
    """Return the notices of dates ahead."""
    return [each.plain_text for each in world.ml.messages if each.text.startswith(":hourglass: *")]


async def test_the_last_day_to_train_and_the_last_to_serve_are_told(world: World) -> None:
    world.tuning = FAST_TUNING
    async with azure_bot(world, None) as (bot, api):
        job = api.add_job(status="succeeded", fine_tuned_model=MODEL)
        await world.say(f"track {job}")
        train, serve = (world.clock() + days * DAY for days in (8, 31))
        dates = {"fine_tune": int(train), "inference": int(serve)}
        answers(api, "GET /models", {"data": [{"id": "gpt-4o-mini-2024-07-18", "deprecation": dates}]})
        world.skip(DAY)  # models are read once a day
        await world.slack.request_log.wait_until(lambda: len(hourglasses(world)) == 2, why="both days are told")
        await world.until_quiet(bot)

    models, training = sorted(hourglasses(world))
    assert "*Models based on `gpt-4o-mini-2024-07-18` retire on" in models
    assert "(in 30 days)" in models
    assert "*The last day to fine-tune `gpt-4o-mini-2024-07-18` is" in training
    assert "(in 7 days)" in training
