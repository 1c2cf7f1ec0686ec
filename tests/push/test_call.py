"""What is accepted as a call, and which field is named where it is not."""

import json
import math
from typing import Any

import pytest

from bot.push.call import InvalidCall, check_job_id, parse_call
from tests import canaries
from tests.push.calls import call, parsed

FULL = call(
    heartbeat=60,
    name="ranker v7",
    model="Qwen3-8B",
    owner="U0MILO",
    step=120,
    total_steps=300,
    metrics=[[100, {"train_loss": 1.2}], [110, {"train_loss": 1.1, "valid_loss": "nan"}]],
    logs=[{"n": 41, "at": 1795000099, "level": "info", "message": "saved checkpoint-100"}],
    checkpoints=[{"step": 100, "model": "s3://bucket/checkpoint-100"}],
    metadata={"team": "search"},
    url="https://wandb.ai/acme/run/1",
    error={"code": "oom", "message": "CUDA out of memory"},
    result={"model": "s3://bucket/final"},
)


def test_the_example_of_the_contract_is_read_whole() -> None:
    read = parsed(FULL)

    assert (read.run, read.seq, read.status, read.heartbeat) == ("run-1", 1, "running", 60)
    assert read.metrics[0] == (100, {"train_loss": 1.2})
    assert math.isnan(read.metrics[1][1]["valid_loss"])
    assert (read.logs[0].n, read.checkpoints[0].model) == (41, "s3://bucket/checkpoint-100")
    assert (read.error and read.error.code, read.result and read.result.model) == ("oom", "s3://bucket/final")


def test_few_fields_are_required() -> None:
    assert parsed(call()).heartbeat == 60


@pytest.mark.parametrize("name", ["run", "seq", "started", "at", "status"])
def test_a_required_field_that_is_missing_is_named(name: str) -> None:
    body = call()
    del body[name]

    with pytest.raises(InvalidCall) as caught:
        parsed(body)
    assert (caught.value.field, caught.value.message) == (name, "is missing")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("run", "a/b"),
        ("seq", -1),
        ("seq", 1.5),
        ("seq", True),
        ("started", "now"),
        ("started", 0),
        ("at", 10**15),
        ("status", ""),
        ("status", "r" * 40),
        ("heartbeat", 9),
        ("heartbeat", 3601),
        ("name", "n" * 65),
        ("model", "m" * 257),
        ("owner", "milo"),
        ("owner", "U0MILO>"),
        ("step", -1),
        ("step", 10**12 + 1),
        ("step", 1.0),
        ("total_steps", "300"),
        ("metadata", {f"k{n}": "v" for n in range(17)}),
        ("metadata", {"k" * 65: "v"}),
        ("metadata", {"k": "v" * 513}),
        ("metadata.k", {"k": 1}),
        ("url", "http://wandb.ai/run/1"),
        ("url", "https://wandb.ai/<!channel>"),
        ("url", "javascript:alert(1)"),
        ("error", "oom"),
        ("error.message", {"message": "m" * 4001}),
        ("result.model", {}),
        ("metrics", {}),
        ("metrics.0.0", [[-1, {}]]),
        ("metrics.0.1.train_loss", [[1, {"train_loss": "high"}]]),
        ("metrics.0.1.train_loss", [[1, {"train_loss": None}]]),
        ("metrics.0.1.train_loss", [[1, {"train_loss": True}]]),
        ("metrics.0.1", [[1, {"train loss": 1}]]),
        ("metrics.0.1", [[1]]),
        ("metrics", [[1, {f"series{n}": 1.0 for n in range(17)}]]),
        ("logs.0.n", [{"n": -1, "at": 1, "message": "x"}]),
        ("logs.0.message", [{"n": 1, "at": 1, "message": "m" * 4001}]),
        ("checkpoints.0.model", [{"step": 1, "model": ""}]),
        ("total_step", 300),
    ],
)
def test_what_is_out_of_bounds_is_rejected_with_the_name_of_its_field(field: str, value: Any) -> None:
    name = field.split(".", maxsplit=1)[0]
    with pytest.raises(InvalidCall) as caught:
        parsed(call(**{name: value}) if name not in ("run", "seq") else {**call(), name: value})

    assert caught.value.field == field
    assert caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]x",
        b'{"run": "a", "run": "b"}',
        b'{"seq": NaN}',
        b'{"seq": 1e999}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_plain_json_is_no_call(body: bytes) -> None:
    with pytest.raises(InvalidCall) as caught:
        parse_call(body)
    assert caught.value.field == "body"


@pytest.mark.parametrize(
    ("word", "status"), [("completed", "completed?"), ("evaluating", "evaluating"), ("failed", "failed")]
)
def test_a_word_that_is_final_elsewhere_is_kept_and_counts_as_not_finished(word: str, status: str) -> None:
    assert parsed(call(status=word)).status == status


@pytest.mark.parametrize("text", ["nightly", "a", "Run-7.2_x:y", "0" * 100])
def test_a_job_can_have_this_id(text: str) -> None:
    check_job_id(text, frozenset({"all"}))


@pytest.mark.parametrize(
    "text", ["", "-x", "a b", "a/b", "a..b", "ä", "x" * 101, "all", "ALL", "a\n", "sk-ranker-20261130-170000"]
)
def test_no_job_can_have_this_id(text: str) -> None:
    with pytest.raises(InvalidCall) as caught:
        check_job_id(text, frozenset({"all"}))
    assert caught.value.field == "id"


def test_no_secret_stays_in_a_call() -> None:
    body = call(
        name=f"run {canaries.KEY}"[:64],
        metadata={"WANDB_API_KEY": "0123456789abcdef", "note": canaries.KEY},
        logs=[{"n": 1, "at": 1, "message": f"key={canaries.KEY}"}],
        error={"message": f"401 for {canaries.KEY}"},
    )

    read = json.dumps(parsed(body).model_dump())
    assert canaries.KEY not in read
    assert "0123456789abcdef" not in read
