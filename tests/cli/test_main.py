"""The command line as people and platforms use it: as a process, with an environment and an exit code."""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli.main import cli
from bot.commands.about import VERSION
from bot.runtime import manifest
from bot.sandbox.faults import Fault
from bot.sandbox.processes import free_port
from tests.canaries import KEY
from tests.postgres import restartable_postgres
from tests.stopwatch import within
from tests.world import RUN, Transport, World

ROOT = Path(__file__).parents[2]
ENOUGH = {
    "SLACK_BOT_TOKEN": "xoxb-hunter2-0123",
    "SLACK_APP_TOKEN": "xapp-hunter2-0123",
    "OPENAI_API_KEY": "sk-hunter2-0123456",
}


def ftjob(
    *words: str, cwd: Path, environ: Mapping[str, str] | None = None, seconds: float = 30
) -> subprocess.CompletedProcess[str]:
    """Run the command line with nothing but this environment."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200", **(environ or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def one_problem(words: tuple[str, ...], problem: str) -> str:
    """Return what a command prints about its one problem."""
    return f"ftjob can't start:\n  - {problem}\n" if words == ("run",) else f"ftjob: error: {problem}\n"


@pytest.fixture
async def any_transport_world(tmp_path: Path, transport: Transport) -> AsyncIterator[World]:
    """A world on SQLite, over each transport in turn."""
    async with World(tmp_path, transport=transport) as made:
        yield made


async def second(world: World, *words: str, **environ: str) -> tuple[int, str]:
    """Run the command line in a world while the test goes on, and return exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        cwd=world.folder,
        env={"PATH": os.environ["PATH"], **world.environ(**environ)},
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(300):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def test_the_console_script_is_this_command_line() -> None:
    (script,) = entry_points(group="console_scripts", name="ftjob")
    assert script.value == "bot.cli.main:main"


def test_it_says_its_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"ftjob {VERSION}\n"


@pytest.mark.parametrize(
    ("words", "commands"), [((), ["run", "check", "db", "manifest", "try"]), (("db",), ["upgrade"])]
)
def test_without_a_command_it_shows_what_there_is(words: tuple[str, ...], commands: list[str]) -> None:
    shown = CliRunner().invoke(cli, [*words, "--help"]).output
    assert [command for command in commands if command not in shown] == []


# --- wrong settings ---


UNSAFE = {
    "no bot token": {"SLACK_BOT_TOKEN": ""},
    "a blank bot token": {"SLACK_BOT_TOKEN": "  "},
    "a short bot token": {"SLACK_BOT_TOKEN": "xoxb-hunter2"},
    "a bot token to replace": {"SLACK_BOT_TOKEN": "xoxb-your-token-hunter2"},
    "a bot token with an ellipsis": {"SLACK_BOT_TOKEN": "xoxb-hunter2-012345..."},
    "a person's token": {"SLACK_BOT_TOKEN": "xoxp-hunter2-0123456789"},
    "a short app token": {"SLACK_APP_TOKEN": "xapp-hunter2"},
    "an app token of crosses": {"SLACK_APP_TOKEN": "xapp-xxxxxxxxxxxxxxxx"},
    "a person's token for the app's": {"SLACK_APP_TOKEN": "xoxp-hunter2-0123456789"},
    "no signing secret": {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": ""},
    "a short signing secret": {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "hunter2"},
    "a signing secret to replace": {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "changeme-hunter2-0123"},
    "no key": {"OPENAI_API_KEY": ""},
    "a key to replace": {"OPENAI_API_KEY": "<hunter2-0123456789>"},
}


@pytest.mark.parametrize("unsafe", UNSAFE.values(), ids=UNSAFE.keys())
def test_a_secret_that_keeps_nobody_out_is_no_start(
    unsafe: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(cli, ["run"], env=ENOUGH | unsafe)
    assert ended.exit_code == 78
    assert ended.stderr.startswith("ftjob can't start:\n")
    assert next(name for name in reversed(unsafe)) in ended.stderr
    assert "hunter2" not in ended.output
    assert list(tmp_path.iterdir()) == []


async def test_a_start_names_the_files_that_others_can_read_and_that_tls_is_not_asked_for(world: World) -> None:
    secret = world.folder / "key"
    secret.write_text(KEY)
    secret.chmod(0o644)
    async with world.process(OPENAI_API_KEY="", OPENAI_API_KEY_FILE=str(secret), FTJOB_ALLOW_HTTP="1"):
        pass
    [readable] = [line for line in world.log if "settings.readable_by_others" in line]
    assert ("OPENAI_API_KEY_FILE" in readable, "0644" in readable) == (True, True)
    [http] = [line for line in world.log if "settings.http_allowed" in line]
    assert [name for name in ("FTJOB_ALLOW_HTTP", "SLACK_API_URL", "OPENAI_BASE_URL") if name not in http] == []


async def test_a_start_with_nothing_to_say_of_its_settings_says_nothing(world: World) -> None:
    secret = world.folder / "key"
    secret.write_text(KEY)
    secret.chmod(0o600)
    async with world.process(OPENAI_API_KEY="", OPENAI_API_KEY_FILE=str(secret)):
        pass
    assert "settings." not in "".join(world.log)


@pytest.mark.parametrize("words", [("run",), ("check",), ("db", "upgrade")])
def test_wrong_settings_are_listed_at_once_and_exit_78(words: tuple[str, ...], tmp_path: Path) -> None:
    done = ftjob(
        *words,
        cwd=tmp_path,
        environ={
            "SLACK_BOT_TOKEN": "xoxp-hunter2",
            "OPENAI_API_KEY": "<hunter2>",
            "DATABASE_URL": "mysql://user:hunter2@host/name",
            "PORT": "0",
            "FTJOB_POLL_SECONDS": "-1",
        },
    )
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "ftjob can't start (6 problems):" if words == ("run",) else "ftjob: 6 errors:",
        "  - SLACK_BOT_TOKEN is a user token (xoxp-); use the bot token (xoxb-)",
        "  - SLACK_SIGNING_SECRET is missing; set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)",
        "  - PORT must be a whole number from 1 to 65535",
        "  - OPENAI_API_KEY is still a placeholder; set the real value",
        "  - DATABASE_URL must start with sqlite:/// or postgresql://",
        "  - FTJOB_POLL_SECONDS must be a number greater than 0, up to 86400",
    ]
    assert list(tmp_path.iterdir()) == []


def test_one_problem_is_said_as_one(tmp_path: Path) -> None:
    done = ftjob("run", cwd=tmp_path, environ=ENOUGH | {"OPENAI_API_KEY": ""})
    assert (done.returncode, done.stderr) == (78, "ftjob can't start:\n  - OPENAI_API_KEY is missing\n")


def test_settings_are_read_from_a_dotenv_file_in_the_working_directory(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in ENOUGH.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, "DATABASE_URL=sqlite:///here.db"]))
    done = ftjob("db", "upgrade", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "here.db").exists()


# --- manifest ---


def test_the_manifest_is_printed_as_it_stands(tmp_path: Path) -> None:
    done = ftjob("manifest", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, (ROOT / "manifest.yml").read_text(), "")


@pytest.mark.parametrize("url", ["https://bot.example.com", "https://bot.example.com:8443/"])
def test_with_a_url_it_is_the_manifest_for_http(url: str) -> None:
    done = CliRunner().invoke(cli, ["manifest", "--url", url])
    assert done.exit_code == 0
    assert yaml.safe_load(done.output) == manifest.for_http(url)
    assert f"{url.rstrip('/')}/slack/events" in done.output


@pytest.mark.parametrize(
    "url",
    [
        "http://bot.example.com",
        "bot.example.com",
        "https://",
        "https:///path",
        "https://bot.example.com/slack/events",
        "https://bot.example.com?x=1",
        "https://bot.example.com#x",
        "https://user:secret@bot.example.com",
        "https://bot.example.com:port",
        "https://[::1",
        "https://my host",
        "ftp://bot.example.com",
        "",
    ],
)
def test_a_url_that_slack_could_not_reach_is_refused(url: str) -> None:
    done = CliRunner().invoke(cli, ["manifest", "--url", url])
    assert done.exit_code == 2
    assert "--url must look like https://host" in done.output
    assert "slash_commands" not in done.output


# --- database ---


def test_db_upgrade_creates_the_database_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    environ = ENOUGH | {"DATABASE_URL": f"sqlite:///{tmp_path / 'made.db'}"}
    schemas = []
    for _ in range(2):
        done = ftjob("db", "upgrade", cwd=tmp_path, environ=environ)
        assert (done.returncode, done.stdout, done.stderr) == (0, "The database is up to date.\n", "")
        with sqlite3.connect(tmp_path / "made.db") as db:
            schemas.append(db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall())
            version = db.execute("SELECT version_num FROM alembic_version").fetchall()
        db.close()
        assert len(version) == 1
    assert schemas[0] == schemas[1]
    assert len(schemas[0]) > 5


def test_nobody_else_on_the_machine_may_read_the_database(tmp_path: Path) -> None:
    ftjob("db", "upgrade", cwd=tmp_path, environ=ENOUGH)
    assert stat.S_IMODE((tmp_path / "ftjob.db").stat().st_mode) == 0o600


def test_a_database_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    ftjob("db", "upgrade", cwd=tmp_path, environ=ENOUGH)
    with sqlite3.connect(tmp_path / "ftjob.db") as db:
        db.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    db.close()
    for words in (("db", "upgrade"), ("run",)):
        done = ftjob(*words, cwd=tmp_path, environ=ENOUGH)
        assert done.returncode == 1
        said = "The database is from a newer version of ftjob (schema from_the_future). Upgrade ftjob."
        assert done.stderr == one_problem(words, said)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("run",), ("db", "upgrade")])
@pytest.mark.parametrize(
    "url", ["sqlite:////nonexistent/ftjob.db", "sqlite://", "postgresql://user:hunter2@127.0.0.1:{port}/name"]
)
def test_a_database_that_cannot_be_used_is_said_in_a_line_and_exits_1(
    words: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    done = ftjob(*words, cwd=tmp_path, environ=ENOUGH | {"DATABASE_URL": url.format(port=free_port())})
    assert done.returncode == 1
    assert done.stderr.startswith(one_problem(words, "").rstrip("\n"))
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize("words", [("run",), ("db", "upgrade")])
def test_a_file_that_is_no_database_is_said_in_a_line_and_exits_78(words: tuple[str, ...], tmp_path: Path) -> None:
    letter = tmp_path / "letter.db"
    letter.write_text("Dear database, " * 1000)
    done = ftjob(*words, cwd=tmp_path, environ=ENOUGH | {"DATABASE_URL": "sqlite:///letter.db"})
    assert done.returncode == 78
    said = one_problem(words, "letter.db is damaged (file is not a database). ")
    assert done.stderr.startswith(said.rstrip("\n"))
    assert len(done.stderr.splitlines()) == len(said.splitlines())
    assert letter.read_text() == "Dear database, " * 1000


@pytest.mark.parametrize("words", [("run",), ("db", "upgrade")])
def test_a_database_with_a_broken_page_is_said_in_a_line_and_exits_78(words: tuple[str, ...], tmp_path: Path) -> None:
    ftjob("db", "upgrade", cwd=tmp_path, environ=ENOUGH)
    with (tmp_path / "ftjob.db").open("r+b") as file:
        file.seek(2 * 4096)
        file.write(bytes(range(256)) * 16)
    before = (tmp_path / "ftjob.db").read_bytes()
    done = ftjob(*words, cwd=tmp_path, environ=ENOUGH)
    assert done.returncode == 78
    said = one_problem(words, "ftjob.db is damaged (")
    assert done.stderr.startswith(said.rstrip("\n"))
    assert "then restore a backup or start fresh" in done.stderr
    assert len(done.stderr.splitlines()) == len(said.splitlines())
    assert (tmp_path / "ftjob.db").read_bytes() == before


def test_a_database_that_another_program_locks_is_no_damage_and_exits_1(tmp_path: Path) -> None:
    ftjob("db", "upgrade", cwd=tmp_path, environ=ENOUGH)
    with contextlib.closing(sqlite3.connect(tmp_path / "ftjob.db", isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        done = ftjob("db", "upgrade", cwd=tmp_path, environ=ENOUGH)
    assert done.returncode == 1
    said = "ftjob.db is locked by another program. Close that program, then try again."
    assert done.stderr == f"ftjob: error: {said}\n"


def test_a_server_that_takes_requests_and_answers_none_is_said_in_a_line_and_exits_1(tmp_path: Path) -> None:
    with restartable_postgres() as server, server.frozen():
        done = ftjob("db", "upgrade", cwd=tmp_path, environ={**ENOUGH, "DATABASE_URL": server.url})
    assert done.returncode == 1
    assert done.stderr == "ftjob: error: The database didn't respond within 10 seconds.\n"


UNREADABLE_URLS = [
    ("postgresql://u:p@h:hunter2@host/d", "DATABASE_URL has more than one @ before the host"),
    ("postgresql://u:p@h:hunter2/d", "DATABASE_URL must look like postgresql://user:password@host:5432/name"),
    ("postgresql://u:hunter2@h/d?pgbouncer=true", "DATABASE_URL has an unknown option pgbouncer"),
    ("postgresql://u:hunter2@h/d?sslmode=no-verify", "sslmode must be one of disable, allow, prefer, require"),
]
"""Addresses that cannot be read, and what is said of each."""
READERS = [("check",), ("db", "upgrade"), ("db", "restored"), ("audit", "verify")]
"""The commands beside ``run`` that read one."""


@pytest.mark.parametrize(
    ("words", "url", "said"),
    [
        *((("run",), *each) for each in UNREADABLE_URLS),
        *((words, *UNREADABLE_URLS[0]) for words in READERS),
        *(pytest.param(words, *each, marks=pytest.mark.deep) for words in READERS for each in UNREADABLE_URLS[1:]),
    ],
)
def test_an_address_that_cannot_be_read_is_said_in_a_line_and_exits_78(
    words: tuple[str, ...], url: str, said: str, tmp_path: Path
) -> None:
    done = ftjob(*words, cwd=tmp_path, environ=ENOUGH | {"DATABASE_URL": url})
    assert done.returncode == 78
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == len(one_problem(words, said).splitlines())
    assert "hunter2" not in done.stderr + done.stdout


def test_a_restore_and_a_check_of_the_audit_promise_no_more_than_they_do(tmp_path: Path) -> None:
    environ = ENOUGH | {"DATABASE_URL": f"sqlite:///{tmp_path}/ftjob.db"}
    restored, verified = (ftjob(*words, cwd=tmp_path, environ=environ) for words in (READERS[2], READERS[3]))
    assert restored.stdout == (
        "Done. Some alerts may already have been posted, so ftjob will check Slack before sending them again. Any it can't check will be marked as "
        "possible duplicates.\n"
    )
    assert verified.stdout == (
        "No changed or missing rows found. To detect rows removed from the end, compare with an earlier export.\n"
    )


@pytest.mark.parametrize("words", [("run",), ("db", "upgrade"), ("audit", "export")])
def test_a_server_says_in_a_line_why_it_refuses(words: tuple[str, ...], postgres_server: str, tmp_path: Path) -> None:
    url = postgres_server.rsplit("/", 1)[0].replace("postgres@", "postgres:hunter2@") + "/nope"
    done = ftjob(*words, cwd=tmp_path, environ=ENOUGH | {"DATABASE_URL": url})
    said = 'database "nope" does not exist. Create it or correct its name in DATABASE_URL.'
    assert (done.returncode, done.stderr) == (1, one_problem(words, said))


@pytest.mark.parametrize("words", [("run",), ("db", "upgrade")])
def test_a_server_that_is_full_is_one_to_try_later_and_exits_75(words: tuple[str, ...], tmp_path: Path) -> None:
    few = ("max_connections=1", "superuser_reserved_connections=0", "max_wal_senders=0")
    with restartable_postgres(*few) as server, socket.create_connection(("127.0.0.1", server.port)) as held:
        _log_in(held)
        done = ftjob(*words, cwd=tmp_path, environ={**ENOUGH, "DATABASE_URL": server.url})
    assert done.returncode == 75
    assert "The server is out of connections (sorry, too many clients already). Try again later" in done.stderr
    assert len(done.stderr.splitlines()) == len(one_problem(words, "").splitlines())


def _log_in(connection: socket.socket) -> None:
    """Take one of the server's connections and keep it: a start-up message, and all that the server says to it."""
    words = b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
    connection.sendall((len(words) + 4).to_bytes(4, "big") + words)
    while not connection.recv(65536).endswith(b"I"):  # ready, and in no transaction
        continue


# --- run ---


async def test_a_second_bot_on_the_same_file_is_refused_and_the_first_goes_on(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.process():
        for words in (("run",), ("db", "upgrade")):
            code, said = await second(world, *words)
            assert code == 1
            assert "in use by another ftjob process" in said
            assert "Traceback" not in said
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded")
        await world.until_delivered(job, "Succeeded")


@pytest.fixture
def _no_nohup() -> Iterator[None]:
    """A process that is begun here takes SIGHUP, also where the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_no_nohup")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
async def test_a_signal_ends_the_bot_with_0_within_ten_seconds(any_transport_world: World, name: str) -> None:
    world = any_transport_world
    async with world.process() as process:
        await world.say("subscribe")
        requests = len(world.api.request_log)
        await world.api.request_log.wait_until(lambda: len(world.api.request_log) > requests, why="the bot polls")
        process.send_signal(signal.Signals[name])
        async with within(10):
            assert await process.wait() == 0
        await world.slack.request_log.wait_until(lambda: "bot.stopping" in "".join(world.log))
    assert "Traceback" not in "".join(world.log)


@pytest.mark.parametrize("kind", ["hang", "drop"])
async def test_a_signal_ends_the_bot_also_while_both_sides_are_out_of_order(world: World, kind: str) -> None:
    fault = Fault("hang") if kind == "hang" else Fault("drop")
    async with world.process() as process:
        await world.say("subscribe")
        world.api.faults.always("*", fault)
        world.slack.faults.always("*", fault)
        before = len(world.api.request_log)
        await world.api.request_log.wait_until(
            lambda: len(world.api.request_log) > before, why="a poll meets the fault"
        )
        process.send_signal(signal.SIGTERM)
        async with within(10):
            assert await process.wait() == 0


@pytest.mark.usefixtures("_no_nohup")
async def test_a_hangup_that_is_said_twice_still_stops_gracefully(world: World) -> None:
    async with world.process() as process:
        await world.say("subscribe")
        world.api.faults.always("*", Fault("hang"))
        before = len(world.api.request_log)
        await world.api.request_log.wait_until(
            lambda: len(world.api.request_log) > before, why="a poll meets the fault"
        )
        for _ in range(2):  # a terminal that closes, and its shell
            process.send_signal(signal.SIGHUP)
        async with within(10):
            assert await process.wait() == 0


async def test_under_nohup_a_hangup_changes_nothing(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.process(("nohup", *RUN)) as process:
        process.send_signal(signal.SIGHUP)
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded")
        await world.until_delivered(job, "Succeeded")
        assert process.returncode is None


@pytest.mark.parametrize("words", [("run",), ("db", "upgrade")])
def test_an_error_that_nobody_expected_is_a_line_and_says_how_to_see_more(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    # An installation with a broken driver in it; Python looks in the working directory first.
    (tmp_path / "aiosqlite.py").write_text("raise RuntimeError('hunter2')\n")
    done = ftjob(*words, cwd=tmp_path, environ=ENOUGH)
    said = f"unexpected RuntimeError. Run `ftjob --debug {' '.join(words)}` for the traceback."
    assert done.stderr == f"ftjob: error: {said}\n"
    assert done.returncode == 1
    done = ftjob("--debug", *words, cwd=tmp_path, environ=ENOUGH)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_settings_that_are_no_text_are_named_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    environ = ENOUGH | {"OPENAI_ORG_ID": "\udcff", "FTJOB_OPERATORS": "\udcfe", "FTJOB_CONFIG": str(tmp_path)}
    done = ftjob("check", cwd=tmp_path, environ=environ)
    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        "ftjob: 4 errors:",
        "  - .env can't be read: Is a directory",
        "  - FTJOB_OPERATORS contains invalid UTF-8",
        "  - OPENAI_ORG_ID contains invalid UTF-8",
        "  - FTJOB_CONFIG can't be read: Is a directory",
    ]


async def test_a_port_that_is_taken_is_said_in_a_line_and_exits_1(world: World) -> None:
    taken = world.slack.port
    code, said = await second(world, "run", PORT=str(taken), FTJOB_HOST="127.0.0.1")
    assert code == 1
    assert f"Can't listen on 127.0.0.1:{taken}: address already in use. Set PORT to another port." in said
    assert "Traceback" not in said


# --- try ---


@pytest.mark.timeout(100)
def test_the_self_test_shows_the_whole_of_it_and_checks_itself(tmp_path: Path) -> None:
    done = ftjob("try", "--tour", cwd=tmp_path, seconds=90)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Every expected message arrived, once." in done.stdout
    for seen in ("succeeded", "failed", "canceled", "presses the red button"):
        assert seen in done.stdout
    assert "wrong:" not in done.stdout
    assert list(tmp_path.iterdir()) == []
