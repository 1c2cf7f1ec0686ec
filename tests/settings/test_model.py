"""Settings: every problem at once, in words, without a secret; and what good ones become."""

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.providers.dialects.azure import AzureOptions
from bot.settings import model as module
from bot.settings.environment import NAMES, load, misspelled, readable_by_others
from bot.settings.model import SECRETS, Settings
from tests.bad_settings import BAD, CANARY, GOOD, HTTP

ROOT = Path(__file__).parents[2]
NO_WHERE = Path("/nonexistent/.env")


def problems(environ: dict[str, str], dotenv: Path = NO_WHERE) -> list[str]:
    """Load settings that are wrong and return what is said about them."""
    with pytest.raises(SettingsError) as caught:
        load(environ, dotenv=dotenv)
    assert str(caught.value) == "; ".join(caught.value.problems)
    return caught.value.problems


def good(**more: str) -> Settings:
    """Load settings that are right."""
    return load(GOOD | more, dotenv=NO_WHERE)


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_all_named_at_once_and_no_secret_is_shown(name: str) -> None:
    changed, expected = BAD[name]
    found = problems(GOOD | changed)
    assert found == expected
    assert CANARY not in "".join(found)


def test_there_are_enough_bad_ones() -> None:
    assert len(BAD) >= 30


# --- good ones ---


def test_three_secrets_are_enough_and_the_rest_has_defaults() -> None:
    settings = good()
    assert settings.uses_socket_mode
    assert settings.listen_address is None
    assert settings.slack_api_url == "https://slack.com/api"
    assert settings.openai_base_url == "https://api.openai.com/v1"
    assert settings.database_url.get_secret_value() == "sqlite:///ftjob.db"
    assert (settings.ftjob_poll_seconds, settings.ftjob_log, settings.ftjob_read_only) == (30.0, "console", False)
    assert settings.ftjob_operators == frozenset()


def test_settings_show_no_secret() -> None:
    settings = good(**HTTP, OPENAI_WRITE_API_KEY=f"sk-{CANARY}-2", DATABASE_URL=f"postgresql://u:{CANARY}@h/n")
    assert CANARY not in f"{settings!r} {settings!s} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("more", "listens_on"),
    [
        ({}, None),
        ({"FTJOB_HOST": "0.0.0.0"}, None),  # noqa: S104
        ({"PORT": "8080"}, ("0.0.0.0", 8080)),  # noqa: S104
        ({"PORT": "8080", "FTJOB_HOST": "127.0.0.1"}, ("127.0.0.1", 8080)),
        (HTTP, ("127.0.0.1", 3000)),
        ({**HTTP, "PORT": "80"}, ("0.0.0.0", 80)),  # noqa: S104
        ({**HTTP, "FTJOB_HOST": "::1"}, ("::1", 3000)),
    ],
)
def test_where_the_bot_listens(more: dict[str, str], listens_on: tuple[str, int] | None) -> None:
    settings = good(**more)
    assert settings.listen_address == listens_on
    assert settings.uses_socket_mode == ("SLACK_SIGNING_SECRET" not in more)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("FTJOB_POLL_SECONDS", "0.25", 0.25),
        ("FTJOB_POLL_SECONDS", " 60 ", 60.0),
        ("FTJOB_OPERATORS", "U1,W2, S3  U1", frozenset({"U1", "W2", "S3"})),
        ("FTJOB_OPERATORS", ", ,", frozenset()),
        ("FTJOB_READ_ONLY", "1", True),
        ("FTJOB_READ_ONLY", "false", False),
        ("FTJOB_LOG", "json", "json"),
        ("OPENAI_BASE_URL", "https://gateway.example:8443/openai/v1/", "https://gateway.example:8443/openai/v1"),
        ("OPENAI_BASE_URL", "http://localhost:8080/v1", "http://localhost:8080/v1"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1"),
        ("OPENAI_BASE_URL", "http://[::1]:1/v1", "http://[::1]:1/v1"),
        ("SLACK_API_URL", "https://slack.com/api/", "https://slack.com/api"),
        ("OPENAI_ORG_ID", "org-1", "org-1"),
        ("OPENAI_PROJECT_ID", "", None),
        ("FTJOB_OPS_CHANNEL", "C0123ABC", "C0123ABC"),
        ("FTJOB_OPS_CHANNEL", "G0123ABC", "G0123ABC"),
        ("FTJOB_OPS_CHANNEL", " ", None),
    ],
)
def test_a_good_value_is_read(name: str, value: str, expected: object) -> None:
    assert getattr(good(**{name: value}), name.lower()) == expected


SWITCHES = sorted(name for name, field in Settings.model_fields.items() if field.annotation is bool)


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_takes_the_same_words_in_any_case_and_no_other(name: str) -> None:
    variable = name.upper()
    for text in ("1", "yes", "true", "on", "YES", "True", "oN", " yes "):
        assert getattr(good(**{variable: text}), name) is True, text
    for text in ("0", "no", "false", "off", "NO", "False", "Off", "", " "):
        assert getattr(good(**{variable: text}), name) is False, text
    for text in ("y", "n", "t", "f", "2", "-1", "1.0", "enabled", "yes please", "\u0661"):
        assert problems(GOOD | {variable: text}) == [
            f"{variable} must be yes or no (true, false, on, off, 1, and 0 also work)"
        ]


def test_there_are_switches() -> None:
    assert len(SWITCHES) >= 5


@pytest.mark.parametrize(
    "others",
    [
        {"FTJOB_SERVICE_HOST": "10.0.0.1", "FTJOB_SERVICE_PORT": "3000", "FTJOB_PORT": "tcp://10.0.0.1:3000"},
        {
            "FTJOB_PORT_3000_TCP": "tcp://10.0.0.1:3000",
            "FTJOB_PORT_3000_TCP_ADDR": "10.0.0.1",
            "FTJOB_SERVICE_PORT_HTTP": "3000",
        },
        {
            "FTJOB_WEB_SERVICE_HOST": "10.0.0.1",
            "FTJOB_WEB_PORT": "udp://10.0.0.1:53",
            "FTJOB_WEB_NAME": "/bot/ftjob-web",
        },
        {"FTJOB_POL_SECONDS": "", "FTJOB_CRASH_AT": "before_post"},
    ],
    ids=["Kubernetes", "Kubernetes, by port", "a service with a longer name", "nothing in it, and ours"],
)
def test_what_a_platform_says_of_a_service_called_ftjob_is_no_setting_of_ours(others: dict[str, str]) -> None:
    assert good(**others) == good()


def test_a_variable_that_the_file_names_may_begin_like_ours(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.toml"
    file.write_text('[accounts.research]\nkey_env = "FTJOB_RESEARCH_KEY"\n')
    more = {"FTJOB_CONFIG": str(file), "FTJOB_RESEARCH_KEY": f"sk-{CANARY}-2"}
    assert [each.name for each in good(**more).accounts] == ["default", "research"]
    more["FTJOB_RESERCH_KEY"] = more.pop("FTJOB_RESEARCH_KEY")
    assert "FTJOB_RESERCH_KEY isn't a setting; see README.md for the list" in problems(GOOD | more)


def test_a_misspelt_name_in_a_dotenv_file_is_found_as_well(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("FTJOB_OPERATOR=U1\nOPENAI_BASEURL=https://x.example\nSLACK_TEAM_ID=T1\n")
    found = problems(GOOD, dotenv)
    assert found == [
        "FTJOB_OPERATOR isn't a setting; did you mean FTJOB_OPERATORS?",
        "OPENAI_BASEURL isn't used; did you mean OPENAI_BASE_URL?",
    ]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OPENAI_ORGID": "org-1"}, ["OPENAI_ORGID isn't used; did you mean OPENAI_ORG_ID?"]),
        ({"DATABASE_URI": "x"}, ["DATABASE_URI isn't used; did you mean DATABASE_URL?"]),
        ({"openai_webhook_secret": "x"}, ["openai_webhook_secret isn't used; did you mean OPENAI_WEBHOOK_SECRET?"]),
        ({"DATABASE_URI": "x", "DATABASE_FILE": "x", "DATABASE_URL": "sqlite:///a.db"}, []),
        (
            {"OPENAI_API_TYPE": "open_ai", "SLACK_CLIENT_SECRET": "x", "AZURE_API_KEY": "x", "HOME": "/", "PATH": "/"},
            [],
        ),
        ({"OPENAI_ORGANIZATION": "org-1"}, []),
    ],
)
def test_names_that_are_nearly_settings_without_a_value_are_said(environ: dict[str, str], said: list[str]) -> None:
    assert misspelled(GOOD | environ, dotenv=NO_WHERE) == said
    assert good(**environ).uses_socket_mode


def test_plain_http_is_allowed_where_somebody_says_so() -> None:
    assert good(OPENAI_BASE_URL="http://host/v1", FTJOB_ALLOW_HTTP="1").openai_base_url == "http://host/v1"


@pytest.mark.parametrize("name", ["SLACK_API_URL", "OPENAI_BASE_URL", "FTJOB_HEARTBEAT_URL"])
@pytest.mark.parametrize(
    ("url", "is_used"),
    [
        ("https://host/v1", True),
        ("HTTPS://HOST:8443/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://127.8.9.10/v1", True),
        ("http://[::1]:8080/v1", True),
        ("http://host/v1", False),
        ("http://localhost.evil.example/v1", False),
        ("http://127.0.0.1.evil.example/v1", False),
        ("http://0.0.0.0/v1", False),
        ("http://169.254.169.254/v1", False),
        ("http://2130706433/v1", False),
        ("http://localhost@evil.example/v1", False),
        ("https://@host/v1", False),
        ("https://:@host/v1", False),
        ("https://host\\@evil.example/v1", False),
        ("https://ho\x00st/v1", False),
        ("file:///etc/passwd", False),
        ("//host/v1", False),
    ],
)
def test_addresses_are_https_or_on_this_machine_and_hold_nobody_s_name(name: str, url: str, *, is_used: bool) -> None:
    if is_used:
        assert getattr(good(**{name: url}), name.lower()) is not None
    else:
        assert [problem.split()[0] for problem in problems(GOOD | {name: url})] == [name]


@pytest.mark.parametrize("url", ["https://hc-ping.com/0-1-2", "https://h/push?token=1&status=up", "http://localhost/"])
def test_a_heartbeat_is_kept_as_it_is_and_not_shown(url: str) -> None:
    settings = good(FTJOB_HEARTBEAT_URL=url)
    assert settings.ftjob_heartbeat_url is not None
    assert settings.ftjob_heartbeat_url.get_secret_value() == url
    assert url not in f"{settings!r} {settings!s} {settings.model_dump()}"


@pytest.mark.parametrize("more", [{"FTJOB_ALLOW_EPHEMERAL": "1"}, {"DATABASE_URL": "postgres://u:p@h/n"}])
def test_where_the_disk_forgets_a_server_or_somebody_s_word_is_enough(more: dict[str, str]) -> None:
    assert good(DYNO="worker.1", **more).database_url


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///ftjob.db",
        "sqlite:////data/ftjob.db",
        "sqlite+aiosqlite:///x.db",
        "postgres://u:p@h/n",
        "postgresql://u:p%40ss@h:5432/n?sslmode=require&channel_binding=require",
        "postgresql://u:p/a#s?s:w@rd@h:5432/n",
        "postgresql+asyncpg://u@[::1]:5432/n",
        "postgresql:///n?host=/var/run/postgresql",
        "postgresql://h",
    ],
)
def test_a_database_is_named_as_platforms_print_it(url: str) -> None:
    assert good(DATABASE_URL=url).database_url.get_secret_value() == url


def test_a_key_that_happens_to_hold_three_crosses_is_no_placeholder() -> None:
    key = "sk-proj-a8XxXq0xxxT_Txxx9-9xxxB"
    assert good(OPENAI_API_KEY=key).accounts[0].key.get_secret_value() == key


def test_accounts_come_from_the_environment_and_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.toml"
    file.write_text('[accounts.research]\nkey_env = "RESEARCH_KEY"\n')
    azure = {"AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com", "AZURE_OPENAI_AD_TOKEN": "eyJ0123456789"}
    found = good(FTJOB_CONFIG=str(file), RESEARCH_KEY="k" * 16, OPENAI_API_VERSION="v1", **azure).accounts

    assert [(each.name, each.provider) for each in found] == [
        ("default", "openai"),
        ("azure", "azure"),
        ("research", "openai"),
    ]
    assert found[1].options == AzureOptions(bearer=True)


AZURE_ENDPOINT = "https://name.openai.azure.com"


@pytest.mark.parametrize("version", ["OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"])
@pytest.mark.parametrize("key", ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY", "AZURE_OPENAI_KEY_FILE"])
@pytest.mark.parametrize("endpoint", ["AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_API_BASE"])
def test_azure_is_set_up_under_the_names_of_its_samples(version: str, key: str, endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 32)
    secret = str(tmp_path / "key") if key.endswith("_FILE") else "k" * 32
    more = {endpoint: AZURE_ENDPOINT, key: secret, version: "2024-10-21", "OPENAI_API_TYPE": "azure"}
    _, azure = good(**more).accounts
    assert (azure.base_url, azure.key.get_secret_value(), azure.options) == (
        AZURE_ENDPOINT,
        "k" * 32,
        AzureOptions(api_version="2024-10-21"),
    )


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("OPENAI_API_BASE", "https://gateway.example/v1", "base_url"),
        ("OPENAI_ORGANIZATION", "org-1", "organization"),
        ("OPENAI_ORGANIZATION_ID", "org-2", "organization"),
        ("OPENAI_PROJECT", "proj_1", "project"),
    ],
)
def test_openai_is_set_up_under_other_well_known_names(name: str, value: str, field: str) -> None:
    [account] = good(**{name: value}).accounts
    assert getattr(account, field) == value


def test_a_setting_may_stand_there_twice_with_one_value() -> None:
    more = {
        "OPENAI_API_VERSION": "v1",
        "AZURE_OPENAI_API_VERSION": " v1 ",
        "OPENAI_ORG_ID": "o",
        "OPENAI_ORGANIZATION": "o",
        "OPENAI_BASE_URL": "https://gateway.example/v1",
        "OPENAI_API_BASE": "https://gateway.example/v1/",
    }
    assert good(**more).openai_org_id == "o"


def test_a_variable_that_the_file_gives_to_an_account_means_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.toml"
    file.write_text(
        f'[accounts.west]\nprovider = "azure"\nkey_env = "AZURE_OPENAI_KEY"\nbase_url = "{AZURE_ENDPOINT}"\n'
    )
    found = good(FTJOB_CONFIG=str(file), AZURE_OPENAI_KEY="k" * 32).accounts
    assert [each.name for each in found] == ["default", "west"]


def test_a_key_that_the_file_gives_to_an_account_makes_no_second_one(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.toml"
    file.write_text('[accounts.main]\nkey_env = "OPENAI_API_KEY"\n')
    assert [each.name for each in good(FTJOB_CONFIG=str(file)).accounts] == ["main"]


def test_two_accounts_have_two_names(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.toml"
    file.write_text('[accounts.default]\nkey_env = "OTHER_KEY"\n[accounts.azure]\nkey_env = "OTHER_KEY"\n')
    azure = {"AZURE_OPENAI_ENDPOINT": AZURE_ENDPOINT, "AZURE_OPENAI_API_KEY": "k" * 32}
    environ = GOOD | azure | {"FTJOB_CONFIG": str(file), "OTHER_KEY": "k" * 16}
    assert problems(environ) == [
        "AZURE_OPENAI_ENDPOINT creates an account named azure, but FTJOB_CONFIG already has one; rename that one",
        "OPENAI_API_KEY creates an account named default, but FTJOB_CONFIG already has one; rename that one",
    ]


def test_an_account_that_is_wrong_is_the_only_thing_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.toml"
    file.write_text('[accounts.research]\nkey_env = "RESEARCH_KEY"\n')
    environ = {**GOOD, "OPENAI_API_KEY": "", "FTJOB_CONFIG": str(file)}
    assert problems(environ) == ["FTJOB_CONFIG: account research: neither RESEARCH_KEY nor RESEARCH_KEY_FILE is set"]


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", ","])
def test_a_webhook_secret_that_anybody_could_sign_with_does_not_start(secret: str) -> None:
    assert "OPENAI_WEBHOOK_SECRET must be" in problems({**GOOD, "OPENAI_WEBHOOK_SECRET": secret, "PORT": "3000"})[0]


# --- files ---


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    valid = GOOD | {
        "DATABASE_URL": "sqlite:///other.db",
        "SLACK_SIGNING_SECRET": "0123456789abcdef",
        "FTJOB_HEARTBEAT_URL": "https://hc-ping.com/1",
    }
    valid |= {"OPENAI_WEBHOOK_SECRET": f"whsec_{'A' * 32}"}
    more = {"PORT": "3000", "AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com"}
    more |= {} if name.startswith("AZURE") else {"AZURE_OPENAI_API_KEY": "0123456789abcdef"}
    value = valid.get(name, "sk-w1")
    (tmp_path / "secret").write_text(f"{value}\n")
    environ = {key: text for key, text in GOOD.items() if key != name} | {f"{name}_FILE": str(tmp_path / "secret")}
    settings = load(environ | more, dotenv=NO_WHERE)
    held = getattr(settings, name.lower())
    assert [each.get_secret_value() for each in (held if isinstance(held, tuple) else [held])] == [value]


def test_every_secret_field_may_stand_in_a_file() -> None:
    fields = {name: Settings.model_fields[name] for name in NAMES}
    secret = {name.upper() for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    assert secret == set(SECRETS)


def test_files_that_cannot_be_read_are_named_with_all_other_problems(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("\n")
    files = {
        "OPENAI_API_KEY_FILE": str(tmp_path / "nowhere"),
        "OPENAI_WRITE_API_KEY_FILE": str(tmp_path / "binary"),
        "SLACK_APP_TOKEN_FILE": str(tmp_path),
        "SLACK_BOT_TOKEN_FILE": str(tmp_path / "empty"),
    }
    assert problems(GOOD | files | {"PORT": "0"}) == [
        "SLACK_BOT_TOKEN_FILE is empty",
        "SLACK_APP_TOKEN_FILE can't be read: Is a directory",
        "OPENAI_API_KEY_FILE can't be read: No such file or directory",
        "OPENAI_WRITE_API_KEY_FILE can't be read: it isn't UTF-8 text",
        "PORT must be a whole number from 1 to 65535",
    ]


def test_an_empty_file_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    environ = {**GOOD, "OPENAI_API_KEY": "", "OPENAI_API_KEY_FILE": str(tmp_path / "empty")}
    assert problems(environ) == ["OPENAI_API_KEY_FILE is empty", "OPENAI_API_KEY is missing"]


@pytest.mark.parametrize(
    ("mode", "is_named"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o700, True)]
)
def test_a_secret_that_others_can_read_is_named_with_its_mode(mode: int, tmp_path: Path, *, is_named: bool) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "secret").chmod(mode)
    environ = {"OPENAI_API_KEY_FILE": str(tmp_path / "secret"), "SLACK_BOT_TOKEN_FILE": str(tmp_path / "nowhere")}
    named = {"OPENAI_API_KEY_FILE": f"{mode:04o}"} if is_named else {}
    assert readable_by_others(environ, dotenv=NO_WHERE) == named


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "# a comment\n"
        + "".join(f"{name}={value}\n" for name, value in GOOD.items())
        + 'PORT=\nFTJOB_POLL_SECONDS="5"\nOPENAI_ORG_ID=org-file\nFTJOB_OPERATORS=U1,S2  # two\n'
    )
    settings = load({"OPENAI_ORG_ID": "org-environment"}, dotenv=dotenv)
    assert (settings.ftjob_poll_seconds, settings.openai_org_id) == (5.0, "org-environment")
    assert settings.ftjob_operators == {"U1", "S2"}
    assert settings.slack_bot_token.get_secret_value() == GOOD["SLACK_BOT_TOKEN"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, ".env can't be read: Is a directory"),
        (b"OPENAI_API_KEY=\xff\xfe", ".env can't be read: it isn't UTF-8 text"),
        ("OPENAI_ORG_ID=org-1\n".encode("utf-16"), ".env can't be read: it isn't UTF-8 text"),
        (b"#" * (2**20 + 1), ".env can't be read: it's larger than 1 MB"),
        (b"OPENAI_ORG_ID=org-1\nOPENAI_API_KEY 'c4n4ry\n", ".env: line 2 isn't in the form NAME=value"),
    ],
    ids=["a folder", "no text", "UTF-16", "too large", "a line that is no setting"],
)
def test_a_dotenv_file_that_cannot_be_used_is_named(content: bytes | None, says: str, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    if content is None:
        dotenv.mkdir()
    else:
        dotenv.write_bytes(content)
    assert problems(GOOD, dotenv) == [says]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "SSL_CERT_FILE can't be read: No such file or directory"),
        ("no certificate", "SSL_CERT_FILE doesn't contain a valid certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "SSL_CERT_FILE doesn't contain a valid certificate",
        ),
    ],
)
def test_certificates_that_cannot_be_used_are_named(content: str | None, says: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    assert problems(GOOD | {"SSL_CERT_FILE": str(file)}) == [says]


def test_certificates_in_a_dotenv_file_would_be_passed_over_and_are_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SSL_CERT_FILE=ca.pem\n")
    assert problems(GOOD, tmp_path / ".env") == ["SSL_CERT_FILE can't be set in a .env file; set it in the environment"]


def test_proxies_are_read_from_a_dotenv_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HTTPS_PROXY=proxy:3128\nNO_PROXY=.internal\n")
    proxies = load(GOOD, dotenv=tmp_path / ".env").proxies
    assert proxies.url_for("https://slack.com/api") == "http://proxy:3128"
    assert proxies.url_for("https://gateway.internal/v1") is None


def test_a_byte_order_mark_is_no_part_of_a_setting(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfOPENAI_ORG_ID=org-1\n")
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfsk-0123456789\n")
    environ = {**GOOD, "OPENAI_API_KEY": "", "OPENAI_API_KEY_FILE": str(tmp_path / "key")}
    settings = load(environ, dotenv=tmp_path / ".env")
    assert settings.openai_org_id == "org-1"
    assert settings.accounts[0].key.get_secret_value() == "sk-0123456789"


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("OPENAI_API_KEY=sk-1\n", True),
        ("DATABASE_URL=postgresql://u:p@h/n\n", True),
        ("AZURE_OPENAI_KEY=k\n", True),
        ("RESEARCH_KEY=k\n", True),
        ("FTJOB_POLL_SECONDS=5\nOPENAI_API_KEY=\n", False),
    ],
)
def test_a_dotenv_file_with_a_secret_that_others_can_read_is_named(
    text: str, tmp_path: Path, *, is_named: bool
) -> None:
    dotenv, config = tmp_path / ".env", tmp_path / "ftjob.toml"
    config.write_text('[accounts.research]\nkey_env = "RESEARCH_KEY"\n')
    dotenv.write_text(text)
    dotenv.chmod(0o644)
    named = {".env": "0644"} if is_named else {}
    assert readable_by_others({"FTJOB_CONFIG": str(config)}, dotenv=dotenv) == named
    dotenv.chmod(0o600)
    assert readable_by_others({"FTJOB_CONFIG": str(config)}, dotenv=dotenv) == {}


def test_a_key_file_of_an_account_in_the_file_that_others_can_read_is_named(tmp_path: Path) -> None:
    config, key = tmp_path / "ftjob.toml", tmp_path / "key"
    config.write_text('[accounts.research]\nkey_env = "RESEARCH_KEY"\nwrite_key_env = "RESEARCH_WRITE_KEY"\n')
    key.touch(mode=0o600)
    key.chmod(0o640)
    environ = {"FTJOB_CONFIG": str(config), "RESEARCH_WRITE_KEY_FILE": str(key), "AZURE_OPENAI_KEY_FILE": str(key)}
    named = {"RESEARCH_WRITE_KEY_FILE": "0640", "AZURE_OPENAI_KEY_FILE": "0640"}
    assert readable_by_others(environ, dotenv=NO_WHERE) == named


# --- papers ---


def test_every_setting_says_what_it_is() -> None:
    body = next(node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.ClassDef)).body
    documented = {
        field.target.id
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    assert set(Settings.model_fields) - documented == set()


@pytest.mark.parametrize("paper", ["README.md", ".env.example"])
def test_papers_name_the_settings_that_exist_and_no_other(paper: str) -> None:
    text = (ROOT / paper).read_text()
    named = (
        re.findall(r"^([A-Z_]+)=", text, re.MULTILINE) if paper == ".env.example" else re.findall(r"`([A-Z_]+)`", text)
    )
    settings = {name.upper() for name in NAMES}
    assert settings - set(named) == set()
    ours = {name.removesuffix("_FILE") for name in named if name.startswith(("SLACK_", "OPENAI_", "FTJOB_"))}
    assert ours - settings == set()


def test_a_copied_example_asks_for_what_it_leaves_empty() -> None:
    assert problems({}, dotenv=ROOT / ".env.example") == BAD["nothing at all"][1]
