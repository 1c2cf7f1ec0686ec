"""Curves as pictures: PNG bytes, and the words for those who do not see them.

Each is drawn by a process of its own, ``python -m bot.delivery.charts``: matplotlib's 130 MB would else stay in the process that
answers, and what hangs can be killed.
"""

import asyncio
import io
import json
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.blocks.parts import strip_invisible, truncate
from bot.errors import ChartNotRendered
from bot.jobs.results import Curve

TIMEOUT = 60.0
"""Seconds until a process that draws is killed."""
WIDTH, HEIGHT = 1200, 600
"""Pixels."""
MAX_POINTS = 2000
"""Points of a curve that are drawn; a longer one is thinned to the extremes of each stretch, so that spikes stay."""
SPARSE, DENSE = 40, 500
"""Points of a curve up to which each is marked, and from which on its line is thin."""
SPIKE_FACTOR, SPIKE_QUANTILE = 5.0, 0.95
"""How many times what this share of the values stays below the greatest has to be for a logarithmic scale."""
BACKGROUND, FOREGROUND, GRID = "#ffffff", "#1d1c1d", "#dddddd"
"""On a ground of its own a picture reads the same in Slack's light and dark theme."""
COLORS = ("#0072b2", "#d55e00", "#009e73")
"""Okabe and Ito's: people who do not see red or green apart tell them apart."""
MAX_TITLE = 70
_PNG = b"\x89PNG"


@dataclass(frozen=True)
class Chart:
    """What a picture shows."""

    title: str
    curves: Sequence[Curve]
    checkpoints: Sequence[int] = ()
    """Steps at which a checkpoint was saved."""


def alt_text(chart: Chart) -> str:
    """Return what the picture shows, with its numbers."""
    said = [_curve_alt_text(curve) for curve in chart.curves]
    if chart.checkpoints:
        said.append("checkpoints at step " + ", ".join(f"{step:,}" for step in chart.checkpoints[:5]))
    return f"{chart.title}: " + "; ".join(said)


def _curve_alt_text(curve: Curve) -> str:
    (first_step, first), (last_step, last), (best_step, best) = curve.points[0], curve.points[-1], curve.best
    word = "highest" if curve.is_reward else "lowest"
    if len(curve.points) == 1:
        return f"{curve.name} {last:.4g} at step {last_step:,}"
    return (
        f"{curve.name} {first:.4g} at step {first_step:,} to {last:.4g} at step {last_step:,}, "
        f"{word} {best:.4g} at step {best_step:,}"
    )


class Charts:
    """Draws, one chart at a time."""

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._semaphore = asyncio.Semaphore(1)

    async def png(self, chart: Chart) -> bytes:
        """Draw a chart in a process that ends with it.

        Raises:
            ChartNotDrawn: it broke, or took too long.
        """
        async with self._semaphore:
            return await _draw_in_subprocess(chart, self._timeout)


async def _draw_in_subprocess(chart: Chart, seconds: float) -> bytes:
    request = {
        "title": chart.title,
        "curves": [{"name": curve.name, "points": downsampled(curve.points)} for curve in chart.curves],
        "checkpoints": list(chart.checkpoints),
    }
    # Nothing of our environment: it holds secrets that a process that draws does not need.
    environ = {"MPLCONFIGDIR": tempfile.gettempdir(), "PATH": ""}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.delivery.charts", stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ
    )
    try:
        async with asyncio.timeout(seconds):
            png, stderr = await process.communicate(json.dumps(request).encode())
    except TimeoutError as error:
        raise ChartNotRendered(f"It took longer than {seconds:g} s.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not png.startswith(_PNG):
        raise ChartNotRendered(stderr.decode(errors="replace")[-500:])
    return png


def main() -> None:
    """Draw the chart that stands in the standard input, as JSON, to the standard output."""
    request = json.load(sys.stdin)
    curves = [Curve(each["name"], tuple((step, value) for step, value in each["points"])) for each in request["curves"]]
    sys.stdout.buffer.write(draw(Chart(request["title"], curves, request["checkpoints"])))


def draw(chart: Chart) -> bytes:
    """Draw a chart in this process."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - see the top
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter  # noqa: PLC0415

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=BACKGROUND)
    _draw_lines(axes, chart)
    is_log = has_spike(chart.curves)
    if is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    measure = "reward" if chart.curves[0].is_reward else "loss"
    # A model's name is foreign text: its dollar signs are no formulas.
    axes.set_title(
        truncate(strip_invisible(chart.title), MAX_TITLE), loc="left", fontsize=18, color=FOREGROUND, parse_math=False
    )
    axes.set_xlabel("step", fontsize=16, color=FOREGROUND)
    axes.set_ylabel(measure + (" (logarithmic)" if is_log else ""), fontsize=16, color=FOREGROUND)
    axes.tick_params(labelsize=16, colors=FOREGROUND)
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=16, frameon=False, labelcolor=FOREGROUND)
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()


def _draw_lines(axes: Any, chart: Chart) -> None:
    for nth, step in enumerate(chart.checkpoints):
        label = None if nth else "checkpoint"
        axes.axvline(step, color=FOREGROUND, alpha=0.5, linewidth=1.2, linestyle=(0, (4, 4)), label=label, zorder=1)
    for curve, colour in zip(chart.curves, COLORS, strict=False):
        steps, values = zip(*curve.points, strict=True)
        marker = "o" if len(steps) <= SPARSE else ""
        width = 2.5 if len(steps) < DENSE else 0.8
        axes.plot(steps, values, color=colour, linewidth=width, marker=marker, markersize=7, label=curve.name)
    all_steps = [step for curve in chart.curves for step, _ in curve.points]
    margin = max(0.02 * (max(all_steps) - min(all_steps)), 0.5) if len(set(all_steps)) > 1 else 1.0
    axes.set_xlim(min(all_steps) - margin, max(all_steps) + margin)


def has_spike(curves: Sequence[Curve]) -> bool:
    """Whether some value is so far above the usual ones that these would all lie on one flat line."""
    values = sorted(value for curve in curves for _, value in curve.points)
    return values[0] > 0 and values[-1] > SPIKE_FACTOR * values[int(SPIKE_QUANTILE * (len(values) - 1))]


def downsampled(points: Sequence[tuple[int, float]], limit: int = MAX_POINTS) -> list[tuple[int, float]]:
    """Return at most ``limit`` points: of each stretch the lowest and the highest, in order."""
    if len(points) <= limit:
        return list(points)
    size = -(-2 * len(points) // limit)
    kept: list[tuple[int, float]] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        kept += sorted(ends)
    return kept


if __name__ == "__main__":
    main()
