"""Coverage of the catalog of bad input: docs/bad-inputs.md names tests for every number, and every test it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
CATALOG = frozenset(
    f"B{number:02}" for number in range(1, 121) if number not in (7, 16, 19, 21, 24, 33, 53, 75, 89, 99, 111, 113, 117)
)
"""The numbers of the catalog; it has gaps."""
ROWS = dict(re.findall(r"^\| (B\d+) \| (.*) \|$", (ROOT / "docs/bad-inputs.md").read_text(), re.MULTILINE))
"""The text beside each number of the page."""
NAMED = [
    (number, path, name)
    for number, row in ROWS.items()
    if not row.startswith("not applicable: ")
    for part in row.split("<br>")
    for path, *names in [re.findall(r"`([^`]+)`", part)]
    for name in names
]
"""Each test that the page names: (number, file, name)."""


@cache
def names_in(path: str) -> frozenset[str]:
    """Return the test functions of a file, and the kinds with which the ids of its parameters begin."""
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text())))
    functions = {each.name for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    texts = {each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return frozenset(
        functions | {text[:at] for text in texts for at in range(1, 20) if text[at:].startswith((": ", "-"))}
    )


def test_the_page_has_every_number_of_the_catalog_and_no_other() -> None:
    assert ROWS.keys() == CATALOG


def test_each_number_has_a_test_or_says_why_not() -> None:
    tested = {number for number, _, _ in NAMED}
    excused = {number for number, row in ROWS.items() if row.startswith("not applicable: ")}
    assert tested | excused == CATALOG
    assert tested & excused == set()


def test_every_test_that_the_page_names_exists() -> None:
    assert [each for each in NAMED if each[2] not in names_in(each[1])] == []
