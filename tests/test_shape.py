"""The shape of the code: what no linter of ours looks at."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).parents[1]
BOT = sorted((ROOT / "bot").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

LONGEST_FUNCTION = 60
LONGEST_MODULE = 300
LONG_MODULES = {"bot/push/client.py": "training images get it as one file"}
"""Modules that are longer, and why."""
MAX_WAIT = 0.05
"""Seconds between two looks at a condition that nothing announces."""
WAITS = {
    "tests/simulation/test_loop.py": "its seconds are virtual",
    "tests/delivery/test_worker.py": "that an idle sender does nothing takes time to see",
    "tests/stories/alerts/test_no_alert_lost.py": "an outage that real processes live through lasts as long as it lasts",
    "tests/store/db/test_engine.py": "the fault table says for how long somebody holds the lock",
}
"""Test modules that may wait for time itself, and why."""
_HALVES = (
    ("py", r"pi\.(org|python|io)"),
    ("pythonho", "sted"),
    ("np", r"mjs\.(org|com)"),
    (r"registry\.ya", "rnpkg"),
    ("ana", r"conda\.(org|com)"),
    ("crates", r"\.io"),
    ("rubyge", r"ms\.org"),
    (r"proxy\.go", r"lang\.org"),
)
PACKAGE_INDEX = re.compile("|".join(map("".join, _HALVES)), re.IGNORECASE)
"""Hosts of package indexes, each in two halves: this file is looked at, too."""
LOCKS = ("requirements.lock", ".ci/build.lock", "requirements-dev.lock", "requirements-clients.lock")

Function = ast.FunctionDef | ast.AsyncFunctionDef


MOST_FILES = 15
FOLDERS = {"bot/commands": 45, "bot/blocks": 45}
"""Folders that hold one file per verb or per message."""
MOST_PARAMETERS = 7
MOST_FIELDS = 9
WIDE_CLASSES = {
    "bot/jobs/models.py:Job": "a body of the API",
    "bot/providers/account.py:Account": "settings of an account",
    "bot/providers/dialect.py:Dialect": "a whole provider",
    "bot/push/call.py:RunState": "a body of a call",
    "bot/push/client.py:Job": "one file, and one class that a trainer uses",
    "bot/sandbox/slack/messages.py:ChannelMessage": "a body of Slack's",
    "bot/sandbox/slack/workspace.py:User": "a body of Slack's",
    "bot/sandbox/slack/workspace.py:Workspace": "the stand-in's whole state",
    "bot/settings/model.py:Settings": "settings",
    "bot/store/actions/audit.py:AuditEntry": "a row",
    "bot/store/db/url.py:PostgresAddress": "libpq's options",
    "bot/store/jobs/changes.py:RecordedChange": "a row",
    "bot/store/jobs/jobs.py:KnownJob": "a row",
    "bot/store/outbox/dead_letters.py:DeadLetter": "a row",
    "bot/store/outbox/delivery.py:Delivery": "a row",
    "bot/store/training/runs.py:Run": "a row",
}
"""Classes that have more fields, and why."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(paths: list[Path]) -> Iterator[tuple[Path, Function]]:
    for path in paths:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, Function):
                yield path, node


def length(function: Function) -> int:
    """Return how many lines a function has, its docstring left out."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def parameters(function: Function) -> list[str]:
    """Return the names of a function's parameters, without self and cls."""
    taken = function.args
    every = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs]
    return [each.arg for each in every if each.arg not in ("self", "cls")]


def classes(paths: list[Path]) -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in paths:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                yield path, node


def fields(made: ast.ClassDef) -> set[str]:
    """Return the fields of a class: declared in its body, or set by its constructor."""
    declared = {
        each.target.id
        for each in made.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and "ClassVar" not in ast.dump(each)
    }
    (*constructors,) = (each for each in made.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    stored = [node for each in constructors for node in ast.walk(each) if isinstance(node, ast.Attribute)]
    own = [each for each in stored if isinstance(each.ctx, ast.Store) and ast.unparse(each.value) == "self"]
    return declared | {each.attr for each in own}


def imports(path: Path) -> set[str]:
    """Return the full names of everything that a module imports."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def constant_sleeps(path: Path) -> list[int]:
    """Return the lines on which a module sleeps for a fixed time that is longer than between two looks."""
    return [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) == "sleep"
        and any(isinstance(value, ast.Constant) and float(str(value.value)) > MAX_WAIT for value in node.args)
    ]


def test_there_is_code_to_check() -> None:
    assert len(BOT) > 80
    assert len(TESTS) > 30
    assert len(list(functions(BOT))) > 500


def test_no_function_is_longer_than_a_screen() -> None:
    # A migration is a list that is never touched again, as long as the schema.
    code = [path for path in BOT if "migrations" not in path.parts]
    long = {f"{name_of(path)}:{function.name}": length(function) for path, function in functions(code)}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


def test_most_functions_are_small() -> None:
    lengths = [length(function) for _, function in functions(BOT)]
    assert median(lengths) <= 9
    assert quantiles(lengths, n=10)[-1] <= 25


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    # The tables are one list, whatever its length.
    code = [path for path in BOT if path.name != "schema.py"]
    long = {name_of(path): len(path.read_text().splitlines()) for path in code}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_MODULE and name not in LONG_MODULES} == {}


def test_few_modules_lie_loose_at_the_top() -> None:
    assert {path.name for path in (ROOT / "bot").glob("*.py")} == {"__init__.py", "__main__.py", "errors.py", "text.py"}


def test_no_folder_holds_too_many_files() -> None:
    counts = Counter(path.parent for path in BOT if "migrations" not in path.parts)
    full = {
        name_of(folder): files for folder, files in counts.items() if files > FOLDERS.get(name_of(folder), MOST_FILES)
    }
    assert full == {}


def test_no_function_takes_many_parameters() -> None:
    many = {f"{name_of(path)}:{function.name}": len(parameters(function)) for path, function in functions(BOT)}
    assert {name: count for name, count in many.items() if count > MOST_PARAMETERS} == {}


def test_no_class_has_many_fields() -> None:
    many = {f"{name_of(path)}:{made.name}": len(fields(made)) for path, made in classes(BOT)}
    assert {name: count for name, count in many.items() if count > MOST_FIELDS and name not in WIDE_CLASSES} == {}
    assert [name for name in WIDE_CLASSES if many.get(name, 0) <= MOST_FIELDS] == []


def test_docs_name_only_files_that_are_there() -> None:
    named = re.compile(r"`((?:bot/|tests/)?(?:[a-z_]+/)+[a-z_]+\.py)`")
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]
    found = {(name_of(text), name) for text in texts for name in named.findall(text.read_text())}
    assert len(found) > 30
    missing = [
        each for each in sorted(found) if not any((ROOT / root / each[1]).exists() for root in ("", "bot", "tests"))
    ]
    assert missing == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils.py", "util.py", "helpers.py", "common.py", "base.py", "manager.py", "misc.py"}
    assert [name_of(path) for path in BOT if path.name in drawers] == []


def test_tests_replace_nothing_of_ours_by_mocks() -> None:
    mocking = {name_of(path) for path in TESTS if any("mock" in name.casefold() for name in imports(path))}
    assert mocking == set()


def test_tests_wait_for_conditions_and_not_for_time() -> None:
    waiting = {name_of(path): lines for path in TESTS if (lines := constant_sleeps(path))}
    assert {name: lines for name, lines in waiting.items() if name not in WAITS and "/bench/" not in name} == {}
    assert set(WAITS) - set(waiting) == set()


def tracked() -> list[Path]:
    """Return every file that git tracks, or would once it is added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def pins(lock: str) -> dict[str, str]:
    """Return the version of each package in a lock file."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    "text", ["https://py{}pi.org/project/ftjob/", "https://files.pythonho{}sted.org/packages/", "registry.np{}mjs.org"]
)
def test_hosts_of_package_indexes_are_recognized(text: str) -> None:
    assert PACKAGE_INDEX.search(text.format(""))


def test_no_tracked_file_names_a_package_index() -> None:
    files = tracked()
    assert len(files) > 400
    assert [name_of(path) for path in files if PACKAGE_INDEX.search(path.read_text(errors="replace"))] == []


def test_lock_files_pin_hashes_and_no_index() -> None:
    for lock in LOCKS:
        entries = re.split(r"^(?=\S)", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
        assert [entry for entry in entries if not re.match(r"[\w.-]+==\S+ ", entry)] == []
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_what_runs_is_locked_apart_from_what_builds() -> None:
    runtime, build, dev, _ = map(pins, LOCKS)
    assert {"aiohttp", "slack-bolt"} <= set(runtime)
    assert {"hatchling", "editables"} <= set(build)
    # A library that both need, at one version, is all that they share.
    assert set(runtime) & set(build) <= {"packaging"}
    assert runtime.items() | build.items() <= dev.items()
    assert "uv" in dev


def test_the_published_clients_run_on_the_versions_of_the_bot() -> None:
    *_, dev, clients = map(pins, LOCKS)
    assert {"openai", "together", "fireworks-ai"} <= set(clients) - set(dev)
    shared = set(clients) & set(dev)
    assert {"httpx", "pydantic"} <= shared
    assert {name: clients[name] for name in shared} == {name: dev[name] for name in shared}


def test_every_pure_folder_of_tests_mirrors_one_of_the_bot() -> None:
    own = {"payloads", "stories", "simulation", "races", "chaos", "bench"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert {folder for folder in folders - own if not (ROOT / "bot" / folder).is_dir()} == set()
