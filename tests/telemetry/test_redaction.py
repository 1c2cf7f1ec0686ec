"""What passes for a secret, and what does not."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.telemetry.redaction import MAX_DEPTH, holds_secret, is_secret_name, redacted, without_secrets
from tests.fake_secrets import CORES, SECRETS


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "a {} b", "('{}',)", '"{}"', "\\n{}", "\n{}\t", "%3D{}", "={}&b=c", "[{}]", "`{}`."]
)
def test_a_secret_is_taken_out_whatever_stands_around_it(secret: str, around: str) -> None:
    text = around.format(secret)
    assert holds_secret(text)
    assert [core for core in CORES if core in redacted(text)] == []
    assert "..." in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "ftjob-abc123",
        "ftjob-sk-abcdefghijkl",
        "task-abcdefghijkl",
        "disk_abcdefghijkl",
        "sk-learn",
        "ft:gpt-4.1-mini-2025-04-14:acme:search:AbC123",
        "file-abcdefghijkl",
        "https://platform.openai.com/finetune/ftjob-abc123",
        "http://127.0.0.1:8080/v1/fine_tuning/jobs?limit=100",
        "sqlite:////data/ftjob.db",
        "Bearer of bad news",
        "the xoxb- token",
        "v0=abc",
        "<https://hooks.slack.com>",
        "someone@example.com",
        "glossary-classification-v2",
        "hf_tokenizer_path",
        "pplx-7b-online-instruct",
        "local-development-branch-1",
        "AKIA and ASIA",
        "sgp_classifier_2026, dp.step.1, ntn_small, rpa_invoices_v2",
        "at 1795970000:AA",
        "max_tokens=512",
        "token_count: 5000",
        "eos_token=<s>",
        "Unexpected token: }",
        "The password: it must be set",
        "team=secretariat",
        "ft:gpt-4.1-mini:acme:token-classifier:AbC123",
        "ft:gpt-4.1-mini:acme:api-key:AbC123:ckpt-step-90",
        "ft:gpt-4.1-mini:acme:sk-learn-labels-v2:AbC123",
        "Step 9/90: training loss=0.55, train_mean_token_accuracy=0.91",
        "full_valid_mean_token_accuracy: 0.8512",
        "token: 4096, eos: token=512, 12.3ms to the first_token: 12.3ms",
        "Bearer authentication required",
        "run with --token and --epochs 3",
        "API key: required, see the docs",
        "the primary key: abc12345",
        "https://x.test/list?key=name&code=42",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text
    assert not holds_secret(text)


def test_what_kind_it_was_and_what_stood_beside_it_stay_readable() -> None:
    said = redacted(
        "Incorrect API key provided: sk-proj-abc123def. You can find it. postgresql://ftjob:s3/c@ret@db/name"
    )
    assert said == "Incorrect API key provided: sk-.... You can find it. postgresql://ftjob:...@db/name"


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize(
    "part",
    ["a.", "a://a:", "xoxb-", "xoxb-.", "Bearer ", "sk-", "hooks.slack.com/", "v0=", "://", "a" * 99 + "://b:c "],
)
def test_no_text_takes_long(part: str) -> None:
    begun = time.process_time()
    redacted(part * (2**20 // len(part)))
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    "secret", ["fw_3ZabCdEfGh1234567890", "tgp_v1_AbCdEfGhIjKlMnOp", "eyJhbGciOiJSUzI1.eyJhdWQiOiJodHRw.c2lnbmF0dXJl"]
)
def test_keys_of_the_other_providers_are_secrets(secret: str) -> None:
    assert holds_secret(f"my key is {secret}")
    assert secret not in redacted(f"Authorization: {secret}")


SECRET_NAMES = """api_key apiKey API-Key x-api-key X-API-KEY apikey wandbApiKey WANDB_API_KEY wandb.api_key client_secret
clientSecret secret secrets db_password passwd Password authorization Authorization credential credentials aws_credentials
private_key privateKey access_key accessKeyId session_key cookie Set-Cookie token hf_token hfToken HFToken accessToken
access_tokens refresh-token github_token bearerToken idToken x-auth-token AccountKey sharedAccessSignature
Ocp-Apim-Subscription-Key connectionString user_token token_value AWS_SECRET_ACCESS_KEY x-goog-api-key wandb-key HF_HUB_TOKEN
AZURE_STORAGE_KEY hmacKey deploy_key hf_key gemini-key smtp_pass dbPass AZURE_DEVOPS_PAT aws_creds passcode""".split()

OTHER_NAMES = """token_count tokenCount trained_tokens trainedTokens max_tokens maxTokens n_tokens tokens_per_second tokenizer
tokenizer_name tokens total_tokens eos_token pad_token_id bos-token special_tokens num_tokens token_limit max_token_length
completion_tokens promptTokens model id seed key keys keyword monkey partition_key public_key author authority team
max_completion_tokens token_limits token_accuracy full_valid_mean_token_accuracy tokenLoss input_token nextPageToken
token-classification cost_per_token token_price token_weights time_to_first_token secretary secretariat cookiecutter
api_key_count password_length s3_key kms_key bypass compass first_pass pattern metadata status message hyperparameters n_epochs result_files fine_tuned_model wandb project entity name run_id""".split()


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_field_is_secret_by_its_name_in_any_spelling(name: str) -> None:
    assert is_secret_name(name)
    kept = without_secrets({"wandb": [{name: "plain h1dd3n words", "project": "search"}]})
    assert kept == {"wandb": [{name: "...", "project": "search"}]}


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_what_merely_sounds_alike_keeps_its_value(name: str) -> None:
    assert not is_secret_name(name)
    assert without_secrets({name: "plain words"}) == {name: "plain words"}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"api_key": {"id": "h1dd3n", "at": 5, "on": True}}, {"api_key": {"id": "...", "at": 5, "on": True}}),
        ({"secrets": ["h1dd3n", "", None]}, {"secrets": ["...", "", None]}),
        ({"token": 4096, "token_count": "4096"}, {"token": 4096, "token_count": "4096"}),
        ({"note": '{"api_key": "h1dd3n it is", "n": 5}'}, {"note": '{"api_key": "...", "n": 5}'}),
        ({"note": r"{\"password\": \"h1dd3n\"}"}, {"note": r"{\"password\": \"...\"}"}),
        ({"env": "A=b WANDB_API_KEY=h1dd3n C=d"}, {"env": "A=b WANDB_API_KEY=... C=d"}),
        ({"header": "Authorization: Basic aDFkZDNu and on"}, {"header": "Authorization: ... and on"}),
        ({"note": "Authorization: Negotiate h1dd3n"}, {"note": "Authorization: ..."}),
        ({"note": "Cookie: a=h1dd3n; b=h1dd3n"}, {"note": "Cookie: ..."}),
        ([{"name": "HF_TOKEN", "value": "plain"}], [{"name": "HF_TOKEN", "value": "..."}]),
        ({"Key": "wandb-key", "Value": ["plain"]}, {"Key": "wandb-key", "Value": ["..."]}),
        ({"name": "token_limit", "value": "plain"}, {"name": "token_limit", "value": "plain"}),
        ({"note": '{"name": "HF_TOKEN", "value": "h1dd3n"}'}, {"note": '{"name": "HF_TOKEN", "value": "..."}'}),
        ({"run": "tune --hub_token h1dd3n --epochs 3"}, {"run": "tune --hub_token ... --epochs 3"}),
        ({"note": "GET https://x.test/v1?key=h1dd3nh1dd3nh1dd3n&n=5"}, {"note": "GET https://x.test/v1?key=...&n=5"}),
        ({"note": "https://h1dd3nh1dd3nh1dd3n@git.test/a"}, {"note": "https://...@git.test/a"}),
        (
            {"note": "Received API Key = h1dd3n, secret access key: h1dd3n"},
            {"note": "Received API Key = ..., secret access key: ..."},
        ),
        ({"note": "Incorrect API key provided: h1dd3nh1dd3n."}, {"note": "Incorrect API key provided: ..."}),
        ({"note": "api_key          =          h1dd3n"}, {"note": "api_key          =          ..."}),
        ({"note": r'"password":"a\"h1dd3n"'}, {"note": '"password":"..."'}),
        ({"note": "{'api_key': b'h1dd3n'}"}, {"note": "{'api_key': '...'}"}),
        ({"note": r"client_secret\u003dh1dd3n"}, {"note": r"client_secret\u003d..."}),
        ({"password": 12345678, "has_password": True}, {"password": "...", "has_password": True}),
        ({"eot": {"token": "<|eot_id|>"}, "token": "512"}, {"eot": {"token": "<|eot_id|>"}, "token": "512"}),
    ],
)
def test_what_stands_under_a_secret_name_is_hidden_at_any_depth_and_in_texts(value: Any, kept: Any) -> None:
    assert without_secrets(value) == kept
    assert without_secrets(kept) == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\0b\x1b[2J\x7f", "a\ufffdb\ufffd[2J\ufffd"),
        ("\ud800 alone, \U0001f600 not", "\ufffd alone, \U0001f600 not"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ([float("nan"), float("inf"), -0.5, 10**50], [None, None, -0.5, 10**50]),
    ],
)
def test_what_a_database_refuses_is_not_kept(value: Any, kept: Any) -> None:
    assert without_secrets(value) == kept


def test_nesting_without_end_is_cut() -> None:
    nested: Any = "end"
    for _ in range(5 * MAX_DEPTH):
        nested = {"a": [nested]}
    assert json.dumps(without_secrets(nested)).count("a") == MAX_DEPTH // 2


@pytest.mark.parametrize(
    "part",
    [
        *("password=", "token:", 'api_key="', "api_key='\\", '{"a":', "-----BEGIN PRIVATE KEY-----", "eyJaaaaaaaa."),
        *(
            "--token ",
            "ft:a:",
            "api key ",
            "cookie: a=",
            "?key=",
            "://a1",
            "token, 'value':",
            "password=b'",
            "token='\\\\",
        ),
        *("ghp_", "SG.aaaaaaaaaaaaaaaaaaaa.", "?sig=", "aB", "1//0", "=", "a.b-", "AKIA", "token: bearer ", "\\n"),
    ],
)
def test_a_text_twice_as_long_takes_about_twice_as_long(part: str) -> None:
    def seconds(length: int) -> float:
        text = part * (length // len(part))
        begun = time.process_time()
        redacted(text)
        return time.process_time() - begun

    shortest = min(seconds(2**14) for _ in range(5))
    assert min(seconds(2**17) for _ in range(3)) < 8 * 4 * max(shortest, 1e-4), "a square would take 64 times as long"
