"""Each row of the list of bad inputs is tried by a test, does not apply, or waits for a feature: exactly one of them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]

ROWS = frozenset(
    f"B{number:02}"
    for number in range(1, 121)
    if number not in (7, 16, 19, 21, 24, 33, 53, 75, 82, 89, 99, 111, 113, 117)
)
"""The numbers of the list; it has gaps."""

NOT_APPLICABLE = {
    "B39": "who may cancel is decided by person alone; no channel has a rule of its own",
    "B42": "one workspace a process: there is no other team's job",
    "B59": "there is no mode in which a second person confirms",
}

LATER = {
    "B73": "forms: nothing opens a modal yet, so no trigger id can come too late",
    "B74": "forms",
    "B78": "the events app_uninstalled and tokens_revoked, to which the manifest does not subscribe yet",
    **dict.fromkeys("B95 B96 B97 B98 B100 B101 B102".split(), "webhooks of the fine-tuning API"),
}

_IN_ID = re.compile(r"B\d{2,3}(?=\b|-)")
_IN_NAME = re.compile(r"test_(b\d{2,3})_")


@cache
def tried() -> frozenset[str]:
    """Return the rows that tests name: in their own names, or at the beginning of the ids of their parameters."""
    found = set()
    for path in TESTS.rglob("test_*.py"):
        if path == Path(__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (named := _IN_NAME.match(node.name)):
                found.add(named[1].upper())
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(row for word in node.value.split() if (row := _id_of(word)))
    return frozenset(found)


def _id_of(word: str) -> str | None:
    match = _IN_ID.match(word)
    return match[0] if match else None


@pytest.mark.parametrize("row", sorted(ROWS, key=lambda row: int(row[1:])))
def test_a_row_is_tried_or_says_why_not(row: str) -> None:
    assert [row in each for each in (tried(), NOT_APPLICABLE, LATER)].count(True) == 1


def test_only_rows_of_the_list_are_excused() -> None:
    assert (NOT_APPLICABLE.keys() | LATER.keys()) - ROWS == set()
