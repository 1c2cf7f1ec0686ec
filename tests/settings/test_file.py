from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.providers.account import Account
from bot.providers.dialects.azure import AzureOptions
from bot.providers.registry import dialects
from bot.settings.file import Config, read_accounts, read_config


def read(tmp_path: Path, text: str) -> tuple[Config, list[str]]:
    file = tmp_path / "ftjob.toml"
    file.write_text(text)
    return read_config(str(file))


def test_what_the_file_says_holds_and_the_rest_stays(tmp_path: Path) -> None:
    config, problems = read(tmp_path, '[prices]\n"gpt-4o" = 25\n[stuck]\nqueued = "90min"\nsilent = "off"\n')
    assert problems == []
    assert config.prices == {"gpt-4o": 25.0}
    assert (config.stuck.queued, config.stuck.silent, config.stuck.validating_files) == (5400.0, None, 3600.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[prices", "isn't valid TOML"),
        ("a = " + "[" * 100_000, "isn't valid TOML: it's nested too deeply"),
        ("[prices]\ngpt = " + "9" * 5_000 + "\n", "can't be read: Exceeds the limit"),
        ("#" * (2**20 + 1), "can't be read: it's larger than 1 MB"),
        ("[price]\n", "did you mean prices?"),
        ('[stuck]\nqueue = "1h"\n', "did you mean queued?"),
        ('[stuck]\nqueued = "soon"\n', 'must be a duration such as "90min"'),
        ("[prices]\ngpt-4.1 = 3\n", "quote the whole name"),
        ('[prices]\n"gpt-4o" = "3"\n', "must be a positive number of US dollars"),
        ("prices = 3\n", "must be a table"),
        ("[accounts.x]\n", "'accounts.x.key_env' is missing"),
        ('[accounts.x]\nkey_env = "sk-proj-abc"\n', "must be the name of an environment variable"),
        ('[accounts.X]\nkey_env = "A"\n', "'X' isn't a valid account name"),
        (
            '[accounts.x]\nkey_env = "A"\nprovider = "aws"\n',
            f"must be one of {', '.join(dialects())}",
        ),
        ('[accounts.x]\nkey_env = "A"\nbaseurl = "x"\n', "did you mean base_url?"),
        (
            '[accounts.x]\nkey_env = "A"\nprovider = "azure"\nbearer = "no idea"\n',
            "'accounts.x.bearer' must be true or false",
        ),
        ('[accounts.x]\nkey_env = "A"\nprovider = "azure"\napi_version = "soon"\n', "must be an Azure API version"),
        ('[accounts.x]\nkey_env = "A"\nbearer = true\n', "'accounts.x.bearer' is unknown; known names: provider"),
        (
            '[accounts.x]\nkey_env = "A"\nprovider = "azure"\napi_versoin = "v1"\n',
            "'accounts.x.api_versoin' is unknown; did you mean api_version?",
        ),
        (
            '[accounts.x]\nkey_env = "A"\nprovider = "openai-compatible"\nactions = ["stop"]\n',
            "must be one of 'cancel', 'pause'",
        ),
        ('[accounts.x]\nkey_env = "A"\nprovider = "openai-compatible"\nactions = "cancel"\n', "must be a list"),
        ('[accounts.x]\nkey_env = "A"\nproject = 3\n', "'accounts.x.project' must be text in quotes"),
        ("accounts = 3\n", "must be a table, as in [accounts]"),
        ("[accounts]\nx = 3\n", "must be a table, as in [accounts.x]"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path: Path, text: str, says: str) -> None:
    _, problems = read(tmp_path, text)
    assert len(problems) == 1
    assert says in problems[0]
    assert problems[0].startswith("FTJOB_CONFIG")


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert read_config(str(tmp_path / "no.toml"))[1] == ["FTJOB_CONFIG can't be read: No such file or directory"]


def accounts(tmp_path: Path, text: str, **known: str) -> tuple[list[Account], list[str]]:
    config, problems = read(tmp_path, text)
    assert problems == []
    return read_accounts(config, known)


def test_problems_of_an_account_and_of_its_providers_options_are_said_together(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.toml"
    file.write_text('[accounts.x]\nprovider = "azure"\napi_versoin = "v1"\nbearer = 7\n')
    _, problems = read_config(str(file))

    assert problems == [
        "FTJOB_CONFIG: 'accounts.x.api_versoin' is unknown; did you mean api_version?",
        "FTJOB_CONFIG: 'accounts.x.key_env' is missing",
        "FTJOB_CONFIG: 'accounts.x.bearer' must be true or false",
    ]


def test_a_workload_identity_needs_no_key(tmp_path: Path) -> None:
    text = """
    [accounts.foundry]
    provider = "azure"
    base_url = "https://name.openai.azure.com"
    tenant_id = "11111111-2222-3333-4444-555555555555"
    client_id = "my-app"
    federated_token_file = "/run/token"
    """
    (foundry,), problems = accounts(tmp_path, text)

    assert problems == []
    assert foundry.key.get_secret_value() == ""
    assert not foundry.write_key


def test_an_account_has_its_secrets_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("key-of-research\n")
    text = """
    [accounts.research]
    key_env = "RESEARCH_KEY"
    write_key_env = "RESEARCH_WRITE_KEY"
    webhook_secret_env = "RESEARCH_HOOK"
    project = "proj_1"
    [accounts.foundry]
    provider = "azure"
    key_env = "FOUNDRY_KEY"
    base_url = "https://name.openai.azure.com/"
    api_version = "2024-10-21"
    """
    secret = f"whsec_{'A' * 32}"
    (research, foundry), problems = accounts(
        tmp_path,
        text,
        RESEARCH_KEY_FILE=str(file),
        RESEARCH_WRITE_KEY="key-for-orders",
        RESEARCH_HOOK=secret,
        FOUNDRY_KEY="0123456789abcdef",
    )

    assert problems == []
    assert (research.name, research.base_url, research.project) == ("research", "https://api.openai.com/v1", "proj_1")
    assert (research.key.get_secret_value(), research.write_key) == ("key-of-research", SecretStr("key-for-orders"))
    assert [each.get_secret_value() for each in research.webhook_secrets] == [secret]
    assert (foundry.provider, foundry.base_url) == ("azure", "https://name.openai.azure.com")
    assert foundry.options == AzureOptions(api_version="2024-10-21")


@pytest.mark.parametrize(
    ("lines", "known", "says"),
    [
        ("", {}, "neither KEY nor KEY_FILE is set"),
        ("", {"KEY": "changeme"}, "KEY is still a placeholder; set the real value"),
        ("", {"KEY_FILE": "/nowhere/key"}, "KEY_FILE can't be read: No such file or directory"),
        ('provider = "azure"', {"KEY": "k" * 16}, "base_url is missing (the resource's endpoint"),
        ('provider = "fireworks"', {"KEY": "k" * 16}, "organization is missing"),
        ('base_url = "http://far.example"', {"KEY": "k" * 16}, "base_url must start with https://"),
        ('base_url = "https://host/v1?key=x"', {"KEY": "k" * 16}, "base_url must be a URL like https://host/path"),
        ('page = "host/{job}"', {"KEY": "k" * 16}, "page must be a URL like https://host/path"),
        (
            'provider = "azure"\nbase_url = "https://n.openai.azure.com/openai/v1"\napi_version = "2024-10-21"',
            {"KEY": "k" * 16},
            "api_version can't be used with an endpoint that ends in /openai/v1; remove the version",
        ),
        ('webhook_secret_env = "HOOK"', {"KEY": "k" * 16, "HOOK": "h" * 40}, "webhook_secret_env must name a variable"),
        (
            'webhook_secret_env = "HOOK"',
            {"KEY": "k" * 16, "HOOK": f"whsec_{'A' * 32}", "SLACK_APP_TOKEN": "xapp-1"},
            "webhook_secret_env requires PORT",
        ),
    ],
)
def test_what_is_wrong_with_an_account_is_said_with_its_name(
    tmp_path: Path, lines: str, known: dict[str, str], says: str
) -> None:
    found, problems = accounts(tmp_path, f'[accounts.x]\nkey_env = "KEY"\n{lines}\n', **known)
    assert found == []
    assert len(problems) == 1
    assert problems[0].startswith("FTJOB_CONFIG: account x: ")
    assert says in problems[0]
