"""What was measured, as values: a figure, its bar, and the two ways to show them."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from rich.table import Table

BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    what: str
    value: str
    bar: str = ""
    """What it has to reach, empty where it has to reach nothing."""
    holds: bool = True


@dataclass(frozen=True)
class Part:
    """The figures of one measurement."""

    title: str
    figures: Sequence[Figure]


def at_most(what: str, value: float, bar: float, *, unit: str = "", digits: int = 2) -> Figure:
    """Return a figure that must not be above ``bar``."""
    return Figure(what, _shown(value, unit, digits), f"≤ {bar:g}{unit}", value <= bar)


def at_least(what: str, value: float, bar: float, *, unit: str = "", digits: int = 2) -> Figure:
    """Return a figure that must not be below ``bar``."""
    return Figure(what, _shown(value, unit, digits), f"≥ {bar:g}{unit}", value >= bar)


def exactly(what: str, value: int, bar: int) -> Figure:
    """Return a count that must be ``bar``."""
    return Figure(what, f"{value:,}", f"= {bar:,}", value == bar)


def plain(what: str, value: float, *, unit: str = "", digits: int = 2) -> Figure:
    """Return a figure without a bar."""
    return Figure(what, _shown(value, unit, digits))


def percentile(values: Iterable[float], percent: int) -> float:
    """Return the value below which ``percent`` of the values are."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def table(parts: Iterable[Part]) -> Table:
    """Return the figures for a terminal."""
    shown = Table(title="make bench", title_justify="left")
    for name, justify in (("figure", "left"), ("value", "right"), ("bar", "right"), ("", "left")):
        shown.add_column(name, justify=justify)  # type: ignore[arg-type]
    for part in parts:
        shown.add_row(f"[bold]{part.title}[/bold]")
        for figure in part.figures:
            result = "" if not figure.bar else "[green]holds[/green]" if figure.holds else "[red]missed[/red]"
            shown.add_row(f"  {figure.what}", figure.value, figure.bar, result)
        shown.add_section()
    return shown


def write(parts: Iterable[Part], path: Path) -> None:
    """Put the figures into the page at ``path``, in the place of the ones before."""
    text = path.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{_markdown(parts)}\n{END}{after}")


def _markdown(parts: Iterable[Part]) -> str:
    lines = [f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}.", ""]
    for part in parts:
        lines += [f"| {part.title} | | bar |", "|---|---:|---:|"]
        lines += [f"| {figure.what} | {figure.value} | {_result(figure)} |" for figure in part.figures]
        lines.append("")
    return "\n".join(lines)


def _result(figure: Figure) -> str:
    return figure.bar if figure.holds else f"{figure.bar}, missed"


def _shown(value: float, unit: str, digits: int) -> str:
    return f"{value:,.{digits}f}{unit}"
