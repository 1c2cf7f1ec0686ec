"""Each row of the list of bad inputs is tried by a test, does not apply, or waits for a feature: exactly one of them."""

import ast
import re
from collections.abc import Iterator
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
    "B78": "one workspace a process, whose token is a setting: none is stored that could be erased, and a token that was "
    "taken away is noticed, told in the log and tried once a minute",
    "B59": "there is no mode in which a second person confirms",
}

LATER: dict[str, str] = {}

_ROW = re.compile(r"\bB\d{2,3}\b")
_IDS = re.compile(r"(?:B\d{2,3}\b\S*\s*)+")
"""One id, or several in a string to be split; what follows a row in an id is its name."""
_IN_NAME = re.compile(r"test_(b\d{2,3})_")


@cache
def tried() -> frozenset[str]:
    """Return the rows that tests name: in their own names, or at the beginning of the ids of their parameters."""
    paths = [path for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    return frozenset(row for path in paths for row in _named_in(ast.parse(path.read_text())))


def _named_in(module: ast.Module) -> Iterator[str]:
    prose = {node.value for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from (row.upper() for row in _IN_NAME.findall(name))
            case ast.Constant(value=str(text)) if node not in prose and (ids := _IDS.match(text)):
                yield from _ROW.findall(ids[0])


@pytest.mark.parametrize("row", sorted(ROWS))
def test_a_row_is_tried_or_says_why_not(row: str) -> None:
    assert [row in each for each in (tried(), NOT_APPLICABLE, LATER)].count(True) == 1


def test_only_rows_of_the_list_are_excused() -> None:
    assert (NOT_APPLICABLE.keys() | LATER.keys()) - ROWS == set()
