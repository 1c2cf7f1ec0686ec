"""``ftjob check`` against the stand-ins: what it finds, what it says to do, and how it exits."""

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.cli import check
from bot.cli.check_slack import SCOPE_BENEFITS
from bot.cli.finding import Finding
from bot.runtime import manifest
from bot.sandbox.demo.terminal import TerminalView
from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.processes import free_port
from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import Workspace
from bot.settings.secrets import looks_like_key
from tests.tls import certificate, tls_front
from tests.world import World

HTML = "<html><body>Service Unavailable</body></html>"


async def found(world: World, **settings: str) -> dict[str, Finding]:
    """Run every check and return the findings by part."""
    findings = await check.findings(world.settings(**settings))
    by_part = {finding.part: finding for finding in findings}
    assert len(by_part) == len(findings)
    for finding in findings:
        assert finding.ok or finding.todo, finding
    return by_part


def broken(findings: dict[str, Finding]) -> list[str]:
    return [part for part, finding in findings.items() if not finding.ok]


def says(finding: Finding) -> tuple[str, str]:
    return finding.found, finding.todo


async def command(world: World, **settings: str) -> tuple[int, str]:
    """Run the real command and return its exit code and all that it said."""
    environ = {"PATH": os.environ["PATH"], "COLUMNS": "600", **world.environ(**settings)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "check"),
        cwd=world.folder,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(300):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


# --- all is well ---

DEFAULTS = "using defaults (stuck alerts: validating files 1 h, queued 6 h, silent 2 h; no prices)"


async def test_where_all_is_well_every_part_says_so(world: World) -> None:
    job = world.api.add_job()
    findings = await found(world)
    assert {part: says(finding) for part, finding in findings.items()} == {
        "Settings": ("all valid", ""),
        "Configuration file": (DEFAULTS, ""),
        "Database": ("SQLite, up to date", ""),
        "Slack": ("workspace Sandbox", ""),
        "Slack scopes": ("all required scopes granted", ""),
        "Operators": (
            "workspace admins and owners only",
            "To let other people cancel, pause, and create jobs, add their user IDs to FTJOB_OPERATORS.",
        ),
        "Socket Mode": ("can connect", ""),
        "Fine-tuning API": (f"latest job: {job}; read: job, log, checkpoints", ""),
        "Actions": ("uses a separate write key", ""),
    }
    assert broken(findings) == []


async def test_one_cheap_request_is_all_that_the_api_is_asked(world: World) -> None:
    findings = await found(world)
    assert findings["Fine-tuning API"].found == "no jobs yet"
    assert [(entry.endpoint, entry.request["query"]) for entry in world.api.request_log] == [
        ("GET /fine_tuning/jobs", {"limit": "1"})
    ]


async def test_over_http_it_says_what_slack_must_reach(tmp_path: Path) -> None:
    async with World(tmp_path, transport="http") as world:
        findings = await found(world)
    assert says(findings["Slack over HTTP"]) == ("signing secret is set", "Make sure Slack can reach /slack/events.")
    assert "Socket Mode" not in findings
    assert len(world.slack.request_log.for_endpoint("apps.connections.open")) == 0


async def test_on_postgresql_it_names_the_database(tmp_path: Path, postgres_url: str) -> None:
    async with World(tmp_path, database_url=postgres_url) as world:
        assert (await found(world))["Database"].found == "PostgreSQL, up to date"


async def test_the_command_exits_0_where_all_is_well(world: World) -> None:
    code, said = await command(world)
    assert (code, "Traceback" in said) == (0, False)
    assert "workspace Sandbox" in said


# --- Slack ---


async def test_a_wrong_bot_token_is_refused(world: World) -> None:
    findings = await found(world, SLACK_BOT_TOKEN="xoxb-wrong-0123456789")
    assert broken(findings) == ["Slack"]
    assert findings["Slack"].found == "rejected: invalid_auth"
    assert "OAuth & Permissions" in findings["Slack"].todo


async def test_a_wrong_app_token_is_refused(world: World) -> None:
    findings = await found(world, SLACK_APP_TOKEN="xapp-wrong-0123456789")
    assert broken(findings) == ["Socket Mode"]
    assert says(findings["Socket Mode"]) == (
        "rejected: invalid_auth",
        "SLACK_APP_TOKEN must be an app-level token with connections:write.",
    )


async def test_each_operator_is_looked_up_and_one_that_is_no_good_is_named(world: World) -> None:
    good, disabled = world.slack.add_usergroup("mlops", [world.milo]), world.slack.add_usergroup("old", [world.milo])
    world.slack.workspace.disabled_usergroups.add(disabled)

    people = f"{world.milo.id} {world.gia.id} U0000GONE"
    findings = await found(world, FTJOB_OPERATORS=f"{good} {disabled} S0000GONE {people}")

    assert {part: finding.found for part, finding in findings.items() if part.startswith("Operators")} == {
        "Operators": "workspace admins and owners, and everyone listed in FTJOB_OPERATORS",
        f"Operators: {good}": "1 member",
        f"Operators: {disabled}": "empty or disabled",
        "Operators: S0000GONE": "rejected: no_such_subteam",
        f"Operators: {world.milo.id}": "member of this workspace",
        f"Operators: {world.gia.id}": "not an active member of this workspace",
        "Operators: U0000GONE": "no such user",
    }
    assert sorted(broken(findings)) == sorted(
        f"Operators: {each}" for each in (disabled, "S0000GONE", world.gia.id, "U0000GONE")
    )
    assert "FTJOB_OPERATORS" in findings["Operators: S0000GONE"].todo


async def test_missing_scopes_are_named(world: World) -> None:
    world.slack.scopes -= {"users:read", "chat:write"}
    findings = await found(world)
    assert broken(findings) == ["Slack scopes"]
    assert says(findings["Slack scopes"]) == (
        "missing: chat:write, users:read",
        "Paste the output of `ftjob manifest` into the app's settings and reinstall.",
    )


async def test_over_http_the_manifest_to_paste_is_the_one_for_http(tmp_path: Path) -> None:
    async with World(tmp_path, transport="http") as world:
        world.slack.scopes -= {"chat:write"}
        findings = await found(world)
    assert "`ftjob manifest --url https://your-host`" in findings["Slack scopes"].todo


@pytest.mark.parametrize("scope", sorted(manifest.scopes(manifest.for_socket_mode())[1]))
async def test_an_optional_scope_that_is_not_granted_breaks_nothing_and_says_what_it_enables(
    world: World, scope: str
) -> None:
    world.slack.scopes -= {scope}
    findings = await found(world)
    assert broken(findings) == []
    assert says(findings[f"Optional: {scope}"]) == ("not granted", f"Enables: {SCOPE_BENEFITS[scope]}.")
    assert [part for part in findings if part.startswith("Optional")] == [f"Optional: {scope}"]


async def test_a_scope_that_the_bot_does_not_need_is_named(world: World) -> None:
    world.slack.scopes |= {"chat:write.public"}
    findings = await found(world)
    assert broken(findings) == []
    assert says(findings["Not needed: chat:write.public"]) == (
        "granted",
        "Remove it: ftjob doesn't need it.",
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"OPENAI_WRITE_API_KEY": ""},
            (
                "uses the same key for reading and for actions",
                "Optional: set OPENAI_WRITE_API_KEY so OPENAI_API_KEY can be read-only.",
            ),
        ),
        ({"FTJOB_READ_ONLY": "1"}, ("off (read-only mode)", "")),
    ],
)
async def test_it_says_which_key_submits_actions(world: World, settings: dict[str, str], said: tuple[str, str]) -> None:
    assert says((await found(world, **settings))["Actions"]) == said


def answer(status: int, body: Any, kind: str = "application/json", **headers: str) -> Fault:
    if isinstance(body, str):
        headers["Content-Type"] = kind
    return Fault("answer", status=status, body=body, headers=headers)


def coded(code: str) -> dict[str, Any]:
    return {"error": {"message": "No.", "type": code, "code": code}}


@pytest.mark.parametrize("part", ["Slack", "Socket Mode"])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (answer(503, HTML, "text/html"), ("unreachable: HTTP 503", "Check SLACK_API_URL and the network.")),
        (answer(200, HTML, "text/html"), ("unreachable: HTTP 200", "Check SLACK_API_URL and the network.")),
        (answer(200, {"not": "slack"}), ("unreachable: HTTP 200", "Check SLACK_API_URL and the network.")),
        (answer(200, "[]"), ("unreachable: ", "Check SLACK_API_URL and the network.")),
        (answer(200, "{cut"), ("unreachable: ", "Check SLACK_API_URL and the network.")),
        (Fault("drop"), ("unreachable: ", "Check SLACK_API_URL and the network.")),
        (
            answer(429, {"ok": False, "error": "ratelimited"}, **{"Retry-After": "30"}),
            ("rejected: ratelimited", "Try again in a minute."),
        ),
        (answer(200, {"ok": False, "error": "internal_error"}), ("rejected: internal_error", "Try again in a minute.")),
    ],
    ids=["503", "a login page", "another API", "a list", "a cut body", "no answer", "too many", "trouble at Slack"],
)
async def test_a_slack_that_does_not_work_is_not_blamed_on_the_token(
    world: World, part: str, fault: Fault, expected: tuple[str, str]
) -> None:
    world.slack.faults.always("auth.test" if part == "Slack" else "apps.connections.open", fault)
    findings = await found(world)
    assert broken(findings) == [part]
    assert findings[part].found.startswith(expected[0])
    assert findings[part].todo == expected[1]


async def test_where_slack_is_down_the_rest_is_still_tried(world: World) -> None:
    findings = await found(world, SLACK_API_URL=f"http://127.0.0.1:{free_port()}/api")
    assert broken(findings) == ["Slack"]
    assert findings["Slack"].found.startswith("unreachable: ")
    assert list(findings) == ["Settings", "Configuration file", "Database", "Slack", "Fine-tuning API", "Actions"]


async def test_why_slack_cannot_be_reached_is_said(world: World, tmp_path: Path) -> None:
    async with tls_front(certificate(tmp_path), world.slack) as port:
        addresses = {
            f"https://localhost:{port}/api": ("The server's certificate isn't trusted: self", "SSL_CERT_FILE"),
            f"https://127.0.0.1:{world.slack.port}/api": (
                "The server's port doesn't use TLS.",
                "Correct the port in SLACK_",
            ),
            f"http://127.0.0.1:{free_port()}/api": ("The connection was refused", "Check SLACK_API_URL"),
            "https://nobody.invalid/api": ("nobody.invalid", "DNS"),
        }
        for address, (found_, todo) in addresses.items():
            finding = (await found(world, SLACK_API_URL=address))["Slack"]
            assert finding.found.startswith("unreachable: ")
            assert found_ in finding.found
            assert todo in finding.todo


# --- the fine-tuning API ---


async def test_a_wrong_key_is_refused(world: World) -> None:
    findings = await found(world, OPENAI_API_KEY="sk-wrong-0123456789")
    assert broken(findings) == ["Fine-tuning API"]
    assert says(findings["Fine-tuning API"]) == (
        "Incorrect API key provided.",
        "Put a valid key in OPENAI_API_KEY.",
    )


async def test_a_scope_that_the_key_lacks_is_named(world: World) -> None:
    world.api.keys["sk-narrow-0123456789"] = ApiKey("narrow", frozenset())
    findings = await found(world, OPENAI_API_KEY="sk-narrow-0123456789")
    assert findings["Fine-tuning API"].todo == "Add the scope api.fine_tuning.jobs.read to the key."


@pytest.mark.parametrize(
    ("fault", "todo"),
    [
        (answer(503, HTML, "text/html"), "Check OPENAI_BASE_URL and the network."),
        (answer(404, HTML, "text/html"), "Check OPENAI_BASE_URL and the network."),
        (answer(200, HTML, "text/html"), "Check OPENAI_BASE_URL and the network."),
        (answer(302, "", Location="https://elsewhere.example/"), "Check OPENAI_BASE_URL and the network."),
        (Fault("drop"), "Check OPENAI_BASE_URL and the network."),
        (answer(429, ""), "Try again in a minute."),
        (answer(429, coded("insufficient_quota")), "Add credit or raise the spending limit."),
        (answer(402, ""), "Add credit or raise the spending limit."),
        (
            answer(403, coded("unsupported_country_region_territory")),
            "Run the bot, or a proxy set in HTTPS_PROXY, in a region the provider serves.",
        ),
        (answer(403, coded("ip_not_authorized")), "Allow this machine's IP address in the provider's network rules."),
        (answer(403, HTML, "text/html"), "Check the network, its proxy or firewall, and OPENAI_BASE_URL."),
        (answer(407, HTML, "text/html"), "Check the network, its proxy or firewall, and OPENAI_BASE_URL."),
        (answer(401, coded("mismatched_project")), "Correct or remove OPENAI_ORG_ID and OPENAI_PROJECT_ID."),
        (answer(403, coded("permission_denied")), "Give the key in OPENAI_API_KEY read access to fine-tuning jobs."),
    ],
    ids=[
        *["503", "404", "a login page", "a redirect", "no answer", "too many", "no quota", "no money", "the country"],
        *["the address", "a page instead of the API", "a proxy", "another project", "no rights"],
    ],
)
async def test_an_api_that_does_not_work_is_named_with_what_to_do(world: World, fault: Fault, todo: str) -> None:
    world.api.faults.always("*", fault)
    findings = await found(world)
    assert broken(findings) == ["Fine-tuning API"]
    assert findings["Fine-tuning API"].todo == todo


async def test_where_the_api_is_down_the_rest_is_still_tried(world: World) -> None:
    findings = await found(world, OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1")
    assert broken(findings) == ["Fine-tuning API"]
    assert findings["Fine-tuning API"].found == "The connection was refused: nothing is listening on that port."


@pytest.mark.parametrize("name", ["default", "azure", "research"])
async def test_an_account_of_the_file_is_told_its_own_settings_whatever_its_name(world: World, name: str) -> None:
    file = world.folder / "ftjob.toml"
    file.write_text(f'[accounts.{name}]\nbase_url = "{world.api.base_url}"\nkey_env = "SECOND_KEY"\n')
    of_file = {"FTJOB_CONFIG": str(file), "SECOND_KEY": "hunter2", "OPENAI_API_KEY": "", "OPENAI_WRITE_API_KEY": ""}

    findings = await found(world, **of_file)

    assert broken(findings) == ["Fine-tuning API"]
    assert findings["Fine-tuning API"].todo == "Put a valid key in the variable named in the account's key_env."
    assert [part for part in findings if part.startswith("Key")] == [f"Key: {name}"]


async def test_an_empty_configuration_file_is_not_called_unset(world: World) -> None:
    (world.folder / "ftjob.toml").write_text("")

    assert (await found(world, FTJOB_CONFIG=str(world.folder / "ftjob.toml")))["Configuration file"].found == DEFAULTS


# --- what is odd, and wrong for nobody to say ---


@pytest.mark.parametrize("key", ["hunter2", "sk-short", "changed-it"])
async def test_a_key_that_looks_like_none_is_named_and_used_all_the_same(world: World, key: str) -> None:
    world.api.keys[key] = ApiKey("of a server that takes any")
    findings = await found(world, OPENAI_API_KEY=key, OPENAI_WRITE_API_KEY=key)
    assert broken(findings) == []
    for name in ("OPENAI_API_KEY", "OPENAI_WRITE_API_KEY"):
        assert says(findings[f"Key: {name}"]) == (
            "doesn't look like a key",
            "Copy it again, unless your server accepts keys like this.",
        )
    assert key not in f"{findings}"


@pytest.mark.parametrize(
    ("key", "is_openai", "looks_like_one"),
    [
        ("sk-proj-0123456789abcdef", True, True),
        ("hunter2", True, False),
        ("gateway-0123456789abcdef", True, False),
        ("gateway-0123456789abcdef", False, True),
        ("0123456789abcdef0123456789abcdef", False, True),
        ("none", False, False),
    ],
)
def test_what_looks_like_a_key(key: str, *, is_openai: bool, looks_like_one: bool) -> None:
    assert looks_like_key(key, is_openai=is_openai) is looks_like_one


async def test_names_that_are_nearly_settings_are_said_by_check_and_run_and_stop_neither(world: World) -> None:
    code, said = await command(world, OPENAI_ORGID="org-1", SLACK_API_URI="https://x.example")
    assert code == 0
    assert "OPENAI_ORGID isn't used; did you mean OPENAI_ORG_ID?" in said
    assert "SLACK_API_URI" not in said, "the setting that was meant has a value"
    async with world.process(OPENAI_ORGID="org-1"):
        pass
    assert [line for line in world.log if "settings.unrecognized" in line and "OPENAI_ORG_ID" in line]


async def test_names_that_only_we_use_and_that_are_no_settings_are_wrong_settings(world: World) -> None:
    code, said = await command(world, FTJOB_POL_SECONDS="5")
    assert code == 78
    assert "FTJOB_POL_SECONDS isn't a setting; did you mean FTJOB_POLL_SECONDS?" in said


# --- the database ---


async def test_a_check_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    code, said = await command(world, DATABASE_URL=f"sqlite:///{folder}/ftjob.db")
    assert (code, list(folder.iterdir())) == (0, [])
    assert "SQLite, not created yet; `ftjob run` will create it" in said


async def test_a_database_that_the_running_bot_holds_is_skipped(world: World) -> None:
    async with world.bot():
        findings = await found(world)
        code, said = await command(world)
    assert broken(findings) == []
    assert findings["Database"].found == "in use by another ftjob process; skipped"
    assert (code, "in use by another ftjob process" in said) == (0, True)


@pytest.fixture
def unusable(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "letter.db").write_text("Dear database, " * 1000)
    return {
        "no such folder": "sqlite:////nonexistent/ftjob.db",
        "a folder": f"sqlite:///{tmp_path / 'folder.db'}",
        "a letter": f"sqlite:///{tmp_path / 'letter.db'}",
        "memory": "sqlite://",
        "nobody listens": f"postgresql://user:hunter2@127.0.0.1:{free_port()}/name",
    }


@pytest.mark.parametrize("what", ["no such folder", "a folder", "a letter", "memory", "nobody listens"])
async def test_a_database_that_cannot_be_used_is_named_with_what_to_do(
    world: World, unusable: dict[str, str], what: str
) -> None:
    findings = await found(world, DATABASE_URL=unusable[what])
    assert broken(findings) == ["Database"]
    assert findings["Database"].found
    todo = "Fix this before starting the bot." if what == "a letter" else "Correct DATABASE_URL or start the database."
    assert findings["Database"].todo == todo
    assert "hunter2" not in f"{findings}"


@pytest.mark.parametrize("option", ["channel_binding=require", "keepalives=1"])
async def test_options_without_effect_are_named(world: World, postgres_url: str, option: str) -> None:
    url = f"{postgres_url}?{option}&connect_timeout=10"
    findings = await found(world, DATABASE_URL=url)
    assert (
        findings["Database"].found
        == f"PostgreSQL, up to date; ignored options in DATABASE_URL: {option.partition('=')[0]}"
    )
    async with world.process(DATABASE_URL=url):
        pass
    assert [line for line in world.log if "database.options_ignored" in line and option.partition("=")[0] in line]


async def test_a_database_that_does_not_exist_on_the_server_is_named(world: World, postgres_url: str) -> None:
    findings = await found(world, DATABASE_URL=f"{postgres_url.rsplit('/', 1)[0]}/nowhere")
    assert broken(findings) == ["Database"]
    said = 'database "nowhere" does not exist. Create it or correct its name in DATABASE_URL.'
    assert says(findings["Database"]) == (said, "Fix this before starting the bot.")


async def test_the_command_exits_1_and_lists_everything_that_is_wrong_without_a_secret(
    world: World, unusable: dict[str, str]
) -> None:
    code, said = await command(
        world,
        DATABASE_URL=unusable["a letter"],
        SLACK_BOT_TOKEN="xoxb-wrong-hunter2",
        OPENAI_API_KEY="sk-wrong-hunter2",
    )
    assert code == 1
    for part in ("damaged (file is not", "Fix this before", "invalid_auth", "Copy the bot token", "Incorrect API key"):
        assert part in said
    assert "hunter2" not in said
    assert "Traceback" not in said


# --- the table ---


def test_the_table_shows_what_was_found_and_what_to_do() -> None:
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    with console.file:
        console.print(
            check.table([Finding("Part", ok=True, found="fine"), Finding("Other", ok=False, found="no", todo="Do")])
        )
    lines = [line.split("\u2502")[1:5] for line in console.export_text().splitlines() if "\u2502" in line]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["ok", "Part", "fine", ""],
        ["fail", "Other", "no", "Do"],
    ]


# --- foreign text ---

HOSTILE = {
    "a name like a tag that ends": "ACME [/dev]",
    "a name like a style": "[bold red]ACME[/] [link=https://evil.example]x[/link]",
    "a terminal's orders": "ACME \x1b[2J\x1b]0;owned\x07",
    "text that turns around": "ACME \u202egpj.exe\u2066",
    "a forged line": "ACME\n│ no │ Slack │",
    "half a character": "ACME \ud83d",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
async def test_foreign_text_is_literal_and_cannot_steer_the_terminal(world: World, name: str) -> None:
    identity = {
        "ok": True,
        "url": "https://x.slack.com/",
        "team": name,
        "user": "ftjob",
        "team_id": "T1",
        "user_id": "U1",
    }
    world.slack.faults.always("auth.test", Fault("answer", status=200, body=identity | {"bot_id": "B1"}))
    refusal = Fault("answer", status=400, body={"error": {"message": f"no {name}"}})
    world.api.faults.add("GET /fine_tuning/jobs", refusal)

    code, said = await command(world)

    assert code in (0, 1), said
    assert "Traceback" not in said
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in name
    )
    assert f"workspace {shown}" in said
    assert f"no {name.split(maxsplit=1)[0]}" in said, "what the API said"
    assert [character for character in said if not character.isprintable() and character != "\n"] == []


def test_an_error_that_ends_the_program_cannot_either() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "manifest", "--url", "https://x[/]\x1b[2J\u202e"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert r"https://x[/]\x1b[2J\u202e" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_nor_can_a_message_of_the_sandbox(text: str) -> None:
    console = Console(file=io.StringIO(), width=400)
    message = ChannelMessage(
        "1.000001", "C1", "U1", text, blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": f"`{text}`"}}]
    )
    TerminalView(console, Workspace(origin=str, request_log=RequestLog())).print_message(message)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert text.split(maxsplit=1)[0] in said
    assert "\x1b" not in said
    assert "\u202e" not in said
