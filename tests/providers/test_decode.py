"""Pages of jobs of which one item is wrong: the others are read, and nothing ambiguous is believed."""

import json
from typing import Any

import pytest

from bot.errors import InvalidResponse, RequestRejected
from bot.providers.http.decode import decoded
from bot.providers.http.wire import Page, Response
from tests.builders import JOB, NOW, answer, job_body, list_body
from tests.providers.dialects import Spoken

OTHER = "ftjob-other"
DIALECT = Spoken()


def page_with(field: str) -> Page:
    """Return a page of two jobs, of which the first has a further field as it stands on the wire."""
    odd = json.dumps(job_body())[:-1] + f", {field}}}"
    body = f'{{"data": [{odd}, {json.dumps(job_body(id=OTHER))}], "has_more": true}}'
    return DIALECT.read_jobs(answer(body), now=NOW)


ODD = {
    "a lone surrogate": (r'"metadata": {"note": "\ud800 x"}', {"note": "\ufffd x"}),
    "a zero byte": (r'"metadata": {"note": "a\u0000b"}', {"note": "a\ufffdb"}),
    "a raw control character": ('"metadata": {"note": "a\x01b"}', {"note": "a\ufffdb"}),
    "a number of 5,000 digits": (f'"metadata": {{"note": {"9" * 5000}}}', {"note": None}),
    "a number beyond all floats": ('"metadata": {"note": 1e999}', {"note": None}),
    "a list for a text": ('"metadata": {"note": ["a", {"b": 1}]}', {"note": ["a", {"b": 1}]}),
    "a list for a mapping": ('"metadata": ["note"]', None),
    "nesting without end": (f'"metadata": {{"note": {"[" * 100_000}{"]" * 100_000}}}', None),
}


@pytest.mark.parametrize(("field", "metadata"), ODD.values(), ids=ODD.keys())
def test_an_odd_value_in_a_job_affects_only_its_field(field: str, metadata: Any) -> None:
    page = page_with(field)

    assert [reading.snapshot.id for reading in page.fetched] == [JOB, OTHER]
    assert page.broken == 0
    assert page.after == OTHER
    if "nesting" not in field and metadata is not None:
        assert page.fetched[0].job.metadata == metadata
    json.dumps([reading.body for reading in page.fetched], allow_nan=False).encode()


@pytest.mark.parametrize(
    "field",
    [
        '"status": "succeeded"',
        '"metadata": {"team": "a", "team": "b"}',
        '"metadata": [[{"team": 1, "team": 1}]]',
        '"trained_tokens": NaN',
        '"hyperparameters": {"n_epochs": Infinity}',
        '"seed": -Infinity',
    ],
)
def test_only_the_job_with_duplicate_keys_or_nan_is_left_out(field: str) -> None:
    page = page_with(field)

    assert [reading.snapshot.id for reading in page.fetched] == [OTHER]
    assert page.broken == 1
    with pytest.raises(InvalidResponse):
        DIALECT.read_job(answer(json.dumps(job_body())[:-1] + f", {field}}}"), JOB, now=NOW)


@pytest.mark.parametrize(
    "body", ['{"data": [], "data": []}', '{"data": [], "has_more": NaN}', '{"data": [], "x": {"a": 1, "a": 2}}']
)
def test_a_page_with_duplicate_keys_or_nan_is_a_broken_response(body: str) -> None:
    with pytest.raises(InvalidResponse):
        DIALECT.read_jobs(answer(body), now=NOW)


@pytest.mark.parametrize(
    "odd", ['{"id": "ev1", "message": "x", "message": "y"}', '{"id": "ev1", "data": {"loss": NaN}}', "7", "null", "[]"]
)
def test_only_the_invalid_log_line_is_left_out(odd: str) -> None:
    good = json.dumps({"id": "ev2", "message": "It is \ud800 api_key=h1dd3n", "created_at": 5})
    events = DIALECT.read_events(answer(f'{{"data": [{odd}, {good}]}}'), now=NOW)
    assert [event.message for event in events] == ["It is \ufffd api_key=..."]


SECRET = {"wandb": {"project": "search", "api_key": "plainh1dd3n", "apiKey": "plainh1dd3n"}}


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("openai", list_body(job_body(integrations=[{"type": "wandb", **SECRET}]))),
        ("azure", list_body(job_body(metadata={"note": '{"password": "plainh1dd3n"}'}))),
        ("together", {"data": [{"id": "ft-1", "status": "running", "wandb_api_key": "plainh1dd3n"}]}),
        (
            "fireworks",
            {
                "supervisedFineTuningJobs": [
                    {"name": "accounts/a/supervisedFineTuningJobs/j1", "wandbConfig": {"apiKey": "plainh1dd3n"}}
                ],
                "nextPageToken": "kept-as-it-is",
            },
        ),
    ],
)
def test_a_secret_in_a_job_is_redacted_whatever_its_field_is_called(provider: str, body: dict[str, Any]) -> None:
    page = Spoken(provider=provider).read_jobs(answer(body), now=NOW)

    (reading,) = page.fetched
    assert "h1dd3n" not in f"{reading.body} {reading.snapshot} {reading.job}"
    # Of Together and Fireworks, no such field is kept in the first place.
    is_masked = "'...'" in f"{reading.body}" or '"..."' in f"{reading.body}"
    assert is_masked == (provider in ("openai", "azure"))
    assert page.after == body.get("nextPageToken")


@pytest.mark.parametrize("call", ["read_events", "read_checkpoints", "read_files", "read_models"])
def test_a_secret_in_events_or_checkpoints_is_redacted(call: str) -> None:
    item = {
        "id": "file-1",
        "object": "x",
        "message": "key gsk_" + "h1dd3n" * 6,
        "purpose": "fine-tune",
        "data": SECRET,
        "metrics": SECRET,
        "filename": "ghp_" + "h1dd3n" * 6,
        "fine_tuned_model_checkpoint": "ft:x:ghp_" + "h1dd3n" * 6,
    }
    more = {"purpose": "fine-tune"} if call == "read_files" else {}
    found = getattr(DIALECT, call)(answer(list_body(item)), now=NOW, **more)
    assert len(found) == 1
    assert "h1dd3n" not in str(found)


def test_an_api_error_is_decoded_as_tolerantly() -> None:
    body = r'{"error": {"message": "bad \ud800 key: password=h1dd3n", "n": ' + "9" * 5000 + "}}"
    with pytest.raises(RequestRejected) as caught:
        DIALECT.read_jobs(Response(400, {}, body.encode()), now=NOW)
    assert str(caught.value) == "bad \ufffd key: password=..."


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b'{"a": 1} x', b"\xef\xbb\xbf{"])
def test_invalid_json_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decoded(body)
