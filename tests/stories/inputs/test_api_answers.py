"""Hostile and broken answers of the fine-tuning API."""

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


async def tracked(running_bot: RunningBot, **fields: Any) -> str:
    """Let Olivia track a job in #ml; a poll has seen it."""
    job = running_bot.world.api.add_job(**{"status": "running", **fields})
    await running_bot.command(f"track {job}", names=[running_bot.world.olivia.id])
    await running_bot.poll()
    return job


def answers(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Fault:
    return Fault("answer", status=status, body=body, headers=headers or {})


def assert_upstream(captured: Captured, said: str) -> None:
    """Check an answer to who asked when the API gave none that could be used."""
    assert said in captured.reply.plain_text
    assert "ref: `" in captured.reply.plain_text
    assert captured.reply.ephemeral
    assert captured.requests == [RETRIEVE]


async def assert_unchanged(running_bot: RunningBot, job: str, told: list[str] | None = None) -> None:
    assert await running_bot.status_of(job) == "running"
    assert running_bot.world.delivered(job) == (told or [])


def foreign() -> float:
    return REGISTRY.get_sample_value("ftjob_mismatched_responses_total", {"account": "default"}) or 0.0


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
    "body", ["<html>captive portal</html>", {}, [], "", None], ids=["web page", "no fields", "list", "nothing", "null"]
)
async def test_what_is_no_job_changes_nothing(running_bot: RunningBot, body: Any) -> None:
    job = await tracked(running_bot)
    running_bot.world.api.faults.add(RETRIEVE, answers(body))
    captured = await running_bot.command(f"status {job}", by=running_bot.world.milo)
    running_bot.world.api.faults.add(LIST, answers(body))
    await running_bot.poll()

    assert_upstream(captured, "The API isn't responding properly")
    assert "captive" not in captured.reply.plain_text
    await assert_unchanged(running_bot, job)


@pytest.mark.parametrize("status", [None, 7, "", "x" * 10_000], ids=["null", "number", "empty", "long"])
async def test_a_job_without_a_usable_status_is_shown_as_unknown_and_changes_nothing(
    running_bot: RunningBot, status: Any
) -> None:
    job = await tracked(running_bot)
    described = job_body(id=job, status=status, organization_id="org-sandbox")
    running_bot.world.api.faults.add(RETRIEVE, answers(described))
    captured = await running_bot.command(f"status {job}", by=running_bot.world.milo)
    running_bot.world.api.faults.add(LIST, answers(list_body(described)))
    await running_bot.poll()

    assert "· unknown" in captured.reply.plain_text
    await assert_unchanged(running_bot, job)


@pytest.mark.parametrize(("status", "word"), [("paused", "Paused"), ("deep_frozen", "Deep frozen")])
async def test_a_new_word_for_a_status_is_posted_once_as_it_is(running_bot: RunningBot, status: str, word: str) -> None:
    job = await tracked(running_bot)
    running_bot.world.api.change(job, status=status)
    await running_bot.poll()
    await running_bot.poll()
    captured = await running_bot.command(f"status {job}")

    assert running_bot.world.delivered(job) == [word]
    assert f"· {word.lower()}" in captured.reply.plain_text
    assert "ftjob_cancel" in captured.reply.buttons, "it is not over"


@pytest.mark.parametrize(
    "fields", [{"id": "ftjob-other"}, {"organization_id": "org-other"}], ids=["id", "organization"]
)
async def test_an_answer_about_somebody_elses_job_is_refused_and_counted(
    running_bot: RunningBot, fields: dict[str, str]
) -> None:
    job, before = await tracked(running_bot), foreign()
    described = job_body(id=job, status="failed", organization_id="org-sandbox") | fields
    running_bot.world.api.faults.add(RETRIEVE, answers(described))
    captured = await running_bot.command(f"status {job}", by=running_bot.world.milo)
    assert foreign() == before + 1
    running_bot.world.api.faults.add(LIST, answers(list_body(described)))
    await running_bot.poll()

    assert_upstream(captured, "The API isn't responding properly")
    assert "-other" not in captured.reply.plain_text
    await assert_unchanged(running_bot, job)
    assert foreign() == before + (2 if "organization_id" in fields else 1)


# --- what stands in a job ---


async def test_an_error_is_shown_literally_and_cut(running_bot: RunningBot) -> None:
    job = await tracked(running_bot)
    running_bot.world.api.change(job, status="failed", error={"code": "x", "message": MARKUP * 1000})
    await running_bot.poll()
    captured = await running_bot.command(f"status {job}")

    assert running_bot.world.delivered(job) == ["Failed"]
    [text] = boxed(captured.reply)
    assert len(text) <= 500
    assert "<!channel> <http://x|click> ```rm``` <@U1>" in text, "in a box that Slack does not parse"
    alert = running_bot.world.messages_about(job)[-1]
    assert "&lt;!channel&gt; &lt;http://x|click&gt; \u02cb\u02cb\u02cbrm" in alert.plain_text
    for shown in (captured.reply, alert):
        assert len(shown.text) < 1000


async def test_a_key_in_an_error_is_shown_nowhere(running_bot: RunningBot) -> None:
    job, key = await tracked(running_bot), "sk-proj-0123456789abcdefghij"
    with capture_logs() as log:
        running_bot.world.api.change(
            job, status="failed", error={"code": "x", "message": f"wandb refused {key}, sorry"}
        )
        await running_bot.poll()
        captured = await running_bot.command(f"status {job}")

    told = running_bot.world.messages_about(job)[-1]
    assert all("wandb refused sk-..., sorry" in shown.plain_text for shown in (captured.reply, told))
    assert key not in repr([log, captured.log, [entry.request for entry in running_bot.world.slack.request_log]])


@pytest.mark.parametrize(
    "model",
    ["ft:x<!here>", "ft:\u202e\u05d0\u05d1", "ft:z" + "\u0301" * 300, "ft:" + "m" * 4096, "ft:<" * 1000],
    ids=["broadcast", "right-to-left", "combining", "long", "escaped"],
)
async def test_the_name_of_a_model_is_shown_literally_and_cut(running_bot: RunningBot, model: str) -> None:
    job = await tracked(running_bot)
    running_bot.world.api.change(job, status="succeeded", fine_tuned_model=model)
    await running_bot.poll()
    captured = await running_bot.command(f"status {job}")
    named = [line for line in captured.reply.plain_text.splitlines() if line.startswith("`ft:")]

    assert running_bot.world.delivered(job) == ["Succeeded"]
    assert named
    assert all(len(line) <= 202 for line in named), "200 characters in their backticks"


async def test_metadata_is_shown_literally_and_cut(running_bot: RunningBot) -> None:
    pairs = {f"key{n}<!here>": (MARKUP * 20)[:512] for n in range(16)}
    captured = await running_bot.command(f"status {running_bot.world.api.add_job(status='running', metadata=pairs)}")

    for n in range(16):
        assert f"key{n}&lt;!here&gt;: `&lt;!channel&gt;" in captured.reply.plain_text
    assert len(captured.reply.plain_text) < 5000


@pytest.mark.parametrize("tokens", [-5, 2**70, "many"])
async def test_a_count_that_makes_no_sense_is_not_available(running_bot: RunningBot, tokens: Any) -> None:
    job = running_bot.world.api.add_job(status="succeeded", trained_tokens=tokens, fine_tuned_model=MODEL)
    captured = await running_bot.command(f"status {job}")

    assert "tokens" not in captured.reply.plain_text
    assert f"\n{tokens}\n" not in captured.reply.plain_text


# --- what is not believed at once ---


async def test_a_finished_job_that_seems_to_run_for_one_read_posts_nothing(running_bot: RunningBot) -> None:
    job = await tracked(running_bot)
    for status in ("succeeded", "running", "succeeded"):
        running_bot.world.api.change(job, status=status, fine_tuned_model=MODEL if status == "succeeded" else None)
        if status == "running":  # a replica that lags
            running_bot.world.api.change(job, fine_tuned_model=MODEL)
        await running_bot.poll()

    assert running_bot.world.delivered(job) == ["Succeeded"]
    assert await running_bot.status_of(job) == "succeeded"


async def test_a_job_that_is_not_found_once_posts_nothing_and_three_times_one_alert(running_bot: RunningBot) -> None:
    job = await tracked(running_bot)
    described = running_bot.world.api.jobs.pop(job)
    await running_bot.poll()
    assert running_bot.world.delivered(job) == []
    running_bot.world.api.jobs[job] = described
    await running_bot.poll()
    assert running_bot.world.delivered(job) == []
    del running_bot.world.api.jobs[job]
    for _ in range(4):
        await running_bot.poll()

    assert running_bot.world.delivered(job) == ["Job not found"]


# --- how it is answered ---


async def test_a_redirect_is_not_followed_and_the_key_stays_here(running_bot: RunningBot) -> None:
    job = running_bot.world.api.add_job(status="running")
    async with FineTuningApi(job_id_length=14) as elsewhere:
        running_bot.world.api.faults.add(
            RETRIEVE, answers("", 302, {"Location": f"{elsewhere.base_url}/fine_tuning/jobs/{job}"})
        )
        captured = await running_bot.command(f"status {job}")
        assert len(elsewhere.request_log) == 0

    assert_upstream(captured, "Unexpected HTTP status 302")
    assert elsewhere.origin not in captured.reply.plain_text


async def test_a_compressed_gigabyte_is_never_unpacked(running_bot: RunningBot) -> None:
    bomb = gzip.compress(b" " * 2**28)
    job = running_bot.world.api.add_job(status="running")
    running_bot.world.api.faults.add(
        RETRIEVE, answers(bomb, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    )
    tracemalloc.start()
    try:
        captured = await running_bot.command(f"status {job}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert_upstream(captured, "The API isn't responding properly")
    assert peak < 5 * 2**20


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("key", [KEY, "sk-ab***wxyz1"])
async def test_a_key_that_an_error_repeats_is_not_shown(running_bot: RunningBot, status: int, key: str) -> None:
    job = running_bot.world.api.add_job(status="running")
    running_bot.world.api.faults.add(RETRIEVE, answers(error_body(f"Incorrect API key provided: {key}."), status))
    captured = await running_bot.command(f"status {job}")

    assert_upstream(captured, "Incorrect API key provided: ")
    assert key not in captured.reply.plain_text + captured.log
