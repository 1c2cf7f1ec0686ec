"""What the code never does, where no rule of ruff looks: ruff's S rules see eval, exec, pickle, shells and unsafe YAML."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_shape import BOT, ROOT, name_of, tree_of

STATEMENTS = {"execute", "executemany", "exec_driver_sql", "text"}
"""What takes SQL as text."""
CONSTANTS = {
    "bot/store/sqlite/engine.py": "the names of three pragmas",
    "bot/store/sqlite/write_counter.py": "a number that is counted",
    "bot/store/db/schema.py": "the states in an index's condition",
    "bot/store/migrations/versions/0013_field_names.py": "the old names and the new ones",
}
"""Modules that put a statement together, and from which constants of their own."""


def put_together(node: ast.expr) -> bool:
    """Whether an expression makes a string out of parts: f"", %, + or .format()."""
    match node:
        case ast.JoinedStr(values=values):
            return any(isinstance(value, ast.FormattedValue) for value in values)
        case ast.BinOp(op=ast.Mod() | ast.Add(), left=left, right=right):
            return any(isinstance(side, ast.Constant | ast.JoinedStr) for side in (left, right))
        case ast.Call(func=ast.Attribute(attr="format" | "join")):
            return True
    return False


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def test_no_statement_of_sql_is_put_together_from_parts() -> None:
    made = {
        name_of(path)
        for path in BOT
        for call in calls(path)
        if called(call) in STATEMENTS and any(map(put_together, call.args))
    }
    assert made == set(CONSTANTS)


def test_nobody_reads_the_token_that_slack_sends_with_its_requests() -> None:
    reads = re.compile(r"""\[\s*["']token["']\s*\]|get\(\s*["']token["']|["']token["']\s*:""")
    readers = [
        path for path in BOT if path.relative_to(ROOT / "bot").parts[0] in {"slack", "listeners", "web", "commands"}
    ]
    assert len(readers) > 20
    assert [name_of(path) for path in readers if reads.search(path.read_text())] == []


FORBIDDEN = {
    "trust_env": {True},
    "follow_redirects": {True},
    "allow_redirects": {True},
    "verify": {False},
    "verify_ssl": {False},
    "ssl": {False},
    "check_hostname": {False},
}
"""Arguments and attributes that would let a request go elsewhere or unproved, and their values."""


def test_no_connection_goes_unproved_or_where_it_was_not_sent() -> None:
    arguments = {
        f"{name_of(path)}: {word.arg}"
        for path in BOT
        for call in calls(path)
        for word in call.keywords
        if isinstance(word.value, ast.Constant) and word.value.value in FORBIDDEN.get(str(word.arg), ())
    }
    words = re.compile(r"CERT_NONE|_create_unverified_context|check_hostname\s*=|verify_mode\s*=")
    assert arguments | {name_of(path) for path in BOT if words.search(path.read_text())} == set()


def test_the_rules_of_ruff_are_switched_on_in_every_file() -> None:
    dangerous = "import pickle, subprocess, yaml\npickle.loads(b'')\neval('1')\nexec('1')\nyaml.load('')\n"
    dangerous += "subprocess.run('ls', shell=True)\nimport httpx\nhttpx.get('https://host', verify=False)\n"
    ruff = [sys.executable, "-m", "ruff", "check", "--output-format", "json", "--stdin-filename", "bot/web/any.py", "-"]
    done = subprocess.run(ruff, input=dangerous, capture_output=True, text=True, cwd=ROOT, check=False, timeout=30)
    found = {finding["code"] for finding in json.loads(done.stdout)}
    assert {"S301", "S307", "S102", "S506", "S602", "S501"} - found == set()


def test_every_package_of_the_lock_stands_in_the_bill_of_materials(tmp_path: Path) -> None:
    tool = shutil.which("cyclonedx-py", path=Path(sys.executable).parent)
    if tool is None:
        pytest.skip("cyclonedx-bom is not installed")
    bill = tmp_path / "sbom.json"
    lock = ROOT / "requirements.lock"
    subprocess.run(
        [tool, "requirements", str(lock), "--output-file", str(bill)], check=True, timeout=60, capture_output=True
    )
    named = {(part["name"].lower(), part["version"]) for part in json.loads(bill.read_text())["components"]}
    locked = re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text(), re.MULTILINE)
    assert len(locked) > 30
    assert {(name.lower(), version) for name, version in locked} - named == set()
