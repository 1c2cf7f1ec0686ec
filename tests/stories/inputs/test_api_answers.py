"""Rows B103 to B120: what the fine-tuning API answers."""

import gzip
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from tests.builders import error_body, job_body, list_body
from tests.canaries import KEY
from tests.stories.inputs.harness import LIST, RETRIEVE, Captured, RunningBot

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKUP = "<!channel> <http://x|click> ```rm``` <@U1> &amp; *b* \u202eevil\u202c "
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def tracked(town: RunningBot, **fields: Any) -> str:
    """Let Olivia track a job in #ml; a sweep has seen it."""
    job = town.world.api.add_job(**{"status": "running", **fields})
    await town.command(f"track {job}", names=[town.world.olivia.id])
    await town.poll()
    return job


def answers(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Fault:
    return Fault("answer", status=status, body=body, headers=headers or {})


def assert_upstream(heard: Captured, said: str) -> None:
    """Check an answer to who asked when the API gave none that could be used."""
    assert said in heard.reply.plain_text
    assert "ref: `" in heard.reply.plain_text
    assert heard.reply.ephemeral
    assert heard.requests == [RETRIEVE]


async def assert_unchanged(town: RunningBot, job: str, told: list[str] | None = None) -> None:
    assert await town.status_of(job) == "running"
    assert town.world.delivered(job) == (told or [])


def foreign() -> float:
    return REGISTRY.get_sample_value("ftjob_foreign_answers_total", {"account": "default"}) or 0.0


def boxed(shown: SentReply | ChannelMessage) -> list[str]:
    """Return the texts of a message that Slack does not parse."""
    return [
        element["text"]
        for block in shown.blocks
        if block["type"] == "rich_text"
        for box in block["elements"]
        for element in box["elements"]
    ]


# --- what is no job ---


@pytest.mark.parametrize(
    "body", ["<html>captive portal</html>", {}, [], "", None], ids="B103 B104 B104 B104 B104".split()
)
async def test_what_is_no_job_changes_nothing(town: RunningBot, body: Any) -> None:
    job = await tracked(town)
    town.world.api.faults.add(RETRIEVE, answers(body))
    heard = await town.command(f"status {job}", by=town.world.milo)
    town.world.api.faults.add(LIST, answers(body))
    await town.poll()

    assert_upstream(heard, "The API did not give a usable answer")
    assert "captive" not in heard.reply.plain_text
    await assert_unchanged(town, job)


@pytest.mark.parametrize("status", [None, 7, "", "x" * 10_000], ids=["B104"] * 4)
async def test_a_job_without_a_usable_status_is_shown_as_unknown_and_changes_nothing(
    town: RunningBot, status: Any
) -> None:
    job = await tracked(town)
    described = job_body(id=job, status=status, organization_id="org-sandbox")
    town.world.api.faults.add(RETRIEVE, answers(described))
    heard = await town.command(f"status {job}", by=town.world.milo)
    town.world.api.faults.add(LIST, answers(list_body(described)))
    await town.poll()

    assert "*Unknown*" in heard.reply.plain_text
    await assert_unchanged(town, job)


@pytest.mark.parametrize(("status", "word"), [("paused", "Paused"), ("deep_frozen", "Deep frozen")], ids=["B105"] * 2)
async def test_a_new_word_for_a_status_is_told_once_as_it_is(town: RunningBot, status: str, word: str) -> None:
    job = await tracked(town)
    town.world.api.change(job, status=status)
    await town.poll()
    await town.poll()
    heard = await town.command(f"status {job}")

    assert town.world.delivered(job) == [word]
    assert f"*{word}*" in heard.reply.plain_text
    assert "ftjob_cancel" in heard.reply.buttons, "it is not over"


@pytest.mark.parametrize(
    "fields", [{"id": "ftjob-other"}, {"organization_id": "org-other"}], ids=["B106-id", "B106-organisation"]
)
async def test_an_answer_about_somebody_elses_job_is_refused_and_counted(
    town: RunningBot, fields: dict[str, str]
) -> None:
    job, before = await tracked(town), foreign()
    described = job_body(id=job, status="failed", organization_id="org-sandbox") | fields
    town.world.api.faults.add(RETRIEVE, answers(described))
    heard = await town.command(f"status {job}", by=town.world.milo)
    assert foreign() == before + 1
    town.world.api.faults.add(LIST, answers(list_body(described)))
    await town.poll()

    assert_upstream(heard, "The API did not give a usable answer")
    assert "-other" not in heard.reply.plain_text
    await assert_unchanged(town, job)
    assert foreign() == before + (2 if "organization_id" in fields else 1)


# --- what stands in a job ---


async def test_b107_an_error_is_shown_literally_and_cut(town: RunningBot) -> None:
    job = await tracked(town)
    town.world.api.change(job, status="failed", error={"code": "x", "message": MARKUP * 1000})
    await town.poll()
    heard = await town.command(f"status {job}")

    assert town.world.delivered(job) == ["Failed"]
    for shown in (heard.reply, town.world.messages_about(job)[-1]):
        [text] = boxed(shown)
        assert len(text) <= 500
        assert "<!channel> <http://x|click> ```rm``` <@U1>" in text, "in a box that Slack does not parse"
        assert len(shown.text) < 1000


async def test_b108_a_key_in_an_error_is_shown_nowhere(town: RunningBot) -> None:
    job, key = await tracked(town), "sk-proj-0123456789abcdefghij"
    with capture_logs() as log:
        town.world.api.change(job, status="failed", error={"code": "x", "message": f"wandb refused {key}, sorry"})
        await town.poll()
        heard = await town.command(f"status {job}")

    told = town.world.messages_about(job)[-1]
    assert all("wandb refused sk-..., sorry" in shown.plain_text for shown in (heard.reply, told))
    assert key not in repr([log, heard.log, [entry.request for entry in town.world.slack.request_log]])


@pytest.mark.parametrize(
    "model",
    ["ft:x<!here>", "ft:\u202e\u05d0\u05d1", "ft:z" + "\u0301" * 300, "ft:" + "m" * 4096, "ft:<" * 1000],
    ids=["B109"] * 5,
)
async def test_the_name_of_a_model_is_shown_literally_and_cut(town: RunningBot, model: str) -> None:
    job = await tracked(town)
    town.world.api.change(job, status="succeeded", fine_tuned_model=model)
    await town.poll()
    heard = await town.command(f"status {job}")
    named = [line for line in heard.reply.plain_text.splitlines() if line.startswith("`ft:")]

    assert town.world.delivered(job) == ["Succeeded"]
    assert named
    assert all(len(line) <= 202 for line in named), "200 characters in their backticks"


async def test_b110_metadata_is_shown_literally_and_cut(town: RunningBot) -> None:
    pairs = {f"key{n}<!here>": (MARKUP * 20)[:512] for n in range(16)}
    heard = await town.command(f"status {town.world.api.add_job(status='running', metadata=pairs)}")

    for n in range(16):
        assert f"key{n}&lt;!here&gt;: `&lt;!channel&gt;" in heard.reply.plain_text
    assert len(heard.reply.plain_text) < 5000


@pytest.mark.parametrize("tokens", [-5, 2**70, "many"], ids=["B112"] * 3)
async def test_a_count_that_makes_no_sense_is_not_available(town: RunningBot, tokens: Any) -> None:
    job = town.world.api.add_job(status="succeeded", trained_tokens=tokens, fine_tuned_model=MODEL)
    heard = await town.command(f"status {job}")

    assert "*Trained tokens*\nn/a" in heard.reply.plain_text
    assert f"\n{tokens}\n" not in heard.reply.plain_text


# --- what is not believed at once ---


async def test_b114_a_finished_job_that_seems_to_run_for_one_read_is_not_told(town: RunningBot) -> None:
    job = await tracked(town)
    for status in ("succeeded", "running", "succeeded"):
        town.world.api.change(job, status=status, fine_tuned_model=MODEL if status == "succeeded" else None)
        if status == "running":  # a replica that lags
            town.world.api.change(job, fine_tuned_model=MODEL)
        await town.poll()

    assert town.world.delivered(job) == ["Succeeded"]
    assert await town.status_of(job) == "succeeded"


async def test_b115_a_job_that_is_not_found_once_is_not_told_and_three_times_once(town: RunningBot) -> None:
    job = await tracked(town)
    described = town.world.api.jobs.pop(job)
    await town.poll()
    assert town.world.delivered(job) == []
    town.world.api.jobs[job] = described
    await town.poll()
    assert town.world.delivered(job) == []
    del town.world.api.jobs[job]
    for _ in range(4):
        await town.poll()

    assert town.world.delivered(job) == ["No longer visible"]


# --- how it is answered ---


async def test_b118_a_redirect_is_not_followed_and_the_key_stays_here(town: RunningBot) -> None:
    job = town.world.api.add_job(status="running")
    async with FineTuningApi() as elsewhere:
        town.world.api.faults.add(
            RETRIEVE, answers("", 302, {"Location": f"{elsewhere.base_url}/fine_tuning/jobs/{job}"})
        )
        heard = await town.command(f"status {job}")
        assert len(elsewhere.request_log) == 0

    assert_upstream(heard, "Unexpected HTTP status 302")
    assert elsewhere.origin not in heard.reply.plain_text


async def test_b119_a_compressed_gigabyte_is_never_unpacked(town: RunningBot) -> None:
    bomb = gzip.compress(b" " * 2**28)
    job = town.world.api.add_job(status="running")
    town.world.api.faults.add(
        RETRIEVE, answers(bomb, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    )
    tracemalloc.start()
    try:
        heard = await town.command(f"status {job}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert_upstream(heard, "The API did not give a usable answer")
    assert peak < 5 * 2**20


@pytest.mark.parametrize("status", [400, 401, 403, 500], ids=["B120"] * 4)
@pytest.mark.parametrize("key", [KEY, "sk-ab***wxyz1"])
async def test_a_key_that_an_error_repeats_is_not_shown(town: RunningBot, status: int, key: str) -> None:
    job = town.world.api.add_job(status="running")
    town.world.api.faults.add(RETRIEVE, answers(error_body(f"Incorrect API key provided: {key}."), status))
    heard = await town.command(f"status {job}")

    assert_upstream(heard, "Incorrect API key provided: ")
    assert key not in heard.reply.plain_text + heard.log
