from pathlib import Path

import pytest

from tests.bench.__main__ import PAGE
from tests.bench.commands import BARE, UNLIMITED
from tests.bench.figures import BEGIN, END, Figure, Part, at_least, at_most, exactly, percentile, plain, write


@pytest.mark.parametrize(
    ("figure", "value", "bar", "holds"),
    [
        (at_most("", 1.5, 1.5, unit="x"), "1.50x", "≤ 1.5x", True),
        (at_most("", 1.501, 1.5, unit="x"), "1.50x", "≤ 1.5x", False),
        (at_least("", 0.7, 0.7), "0.70", "≥ 0.7", True),
        (at_least("", 4.96, 5, unit="x", digits=1), "5.0x", "≥ 5x", False),
        (exactly("", 10, 10), "10", "= 10", True),
        (exactly("", 11, 10), "11", "= 10", False),
        (plain("", 1234.5, unit="/s", digits=0), "1,234/s", "", True),
    ],
)
def test_a_figure_knows_whether_its_bar_holds(figure: Figure, value: str, bar: str, *, holds: bool) -> None:
    assert (figure.value, figure.bar, figure.holds) == (value, bar, holds)


def test_percentiles_are_of_the_values_themselves() -> None:
    values = [float(n) for n in range(101)]

    assert percentile(values, 50) == 50
    assert percentile(values, 99) == 99


def test_new_figures_replace_old_ones_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")

    write([Part("A poll", [at_most("ratio", 2.0, 1.5, unit="x")])], page)

    text = page.read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "| ratio | 2.00x | ≤ 1.5x, missed |" in text
    assert "old" not in text


def test_the_page_has_a_section_for_the_figures() -> None:
    text = PAGE.read_text()

    assert text.count(BEGIN) == text.count(END) == 1


@pytest.mark.parametrize("program", [BARE, UNLIMITED], ids=lambda path: path.name)
def test_what_the_bench_starts_is_there(program: Path) -> None:
    assert program.is_file()
