"""Line charts of training curves: PNG bytes and alt text.

Each chart is drawn in a subprocess, ``python -m bot.delivery.charts``, which can be killed if it hangs: matplotlib would
otherwise keep 130 MB of the bot's memory.
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
"""Seconds until the subprocess is killed."""
WIDTH, HEIGHT = 1200, 600
"""Pixels."""
MAX_POINTS = 2000
"""Points drawn per curve; a longer curve is downsampled to the extremes of each bucket, so that spikes stay."""
SPARSE, DENSE = 40, 500
"""Points up to which each one gets a marker, and from which on the line is thin."""
SPIKE_FACTOR, SPIKE_QUANTILE = 5.0, 0.95
"""The scale is logarithmic if the maximum exceeds this quantile of the values by this factor."""
BACKGROUND, FOREGROUND, GRID = "#ffffff", "#1d1c1d", "#dddddd"
"""A fixed background reads the same in Slack's light and dark themes."""
COLORS = ("#0072b2", "#d55e00", "#009e73")
"""Okabe and Ito's palette for color blindness."""
MAX_TITLE = 70
_PNG = b"\x89PNG"


@dataclass(frozen=True)
class Chart:
    """Content of a chart."""

    title: str
    curves: Sequence[Curve]
    checkpoints: Sequence[int] = ()
    """Steps at which a checkpoint was saved."""


def alt_text(chart: Chart) -> str:
    """Return the alt text: what the chart shows, with its numbers."""
    parts = [_curve_alt_text(curve) for curve in chart.curves]
    if chart.checkpoints:
        steps = [f"{step:,}" for step in chart.checkpoints[:5]]
        parts.append(f"{'checkpoint at step' if len(steps) == 1 else 'checkpoints at steps'} {', '.join(steps)}")
    return f"{chart.title}: " + "; ".join(parts)


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
    """Renderer of charts, one at a time."""

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._semaphore = asyncio.Semaphore(1)

    async def png(self, chart: Chart) -> bytes:
        """Draw a chart in a subprocess and return the PNG.

        Raises:
            ChartNotRendered: the subprocess failed or timed out.
        """
        async with self._semaphore:
            return await _render_in_subprocess(chart, self._timeout)


async def _render_in_subprocess(chart: Chart, seconds: float) -> bytes:
    request = {
        "title": chart.title,
        "curves": [{"name": curve.name, "points": downsampled(curve.points)} for curve in chart.curves],
        "checkpoints": list(chart.checkpoints),
    }
    # Nothing of our environment, which holds secrets.
    environ = {"MPLCONFIGDIR": tempfile.gettempdir(), "PATH": ""}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.delivery.charts", stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ
    )
    try:
        async with asyncio.timeout(seconds):
            png, stderr = await process.communicate(json.dumps(request).encode())
    except TimeoutError as error:
        raise ChartNotRendered(f"It took more than {seconds:g} s.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not png.startswith(_PNG):
        raise ChartNotRendered(stderr.decode(errors="replace")[-500:])
    return png


def main() -> None:
    """Read a chart as JSON from standard input and write the PNG to standard output."""
    request = json.load(sys.stdin)
    curves = [Curve(each["name"], tuple((step, value) for step, value in each["points"])) for each in request["curves"]]
    sys.stdout.buffer.write(render_chart(Chart(request["title"], curves, request["checkpoints"])))


def render_chart(chart: Chart) -> bytes:
    """Draw a chart in this process."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - see the top
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter  # noqa: PLC0415

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=BACKGROUND)
    _plot_lines(axes, chart)
    is_log = has_spike(chart.curves)
    if is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    measure = "reward" if chart.curves[0].is_reward else "loss"
    # The name of a model is untrusted text: its dollar signs are not formulas.
    axes.set_title(
        truncate(strip_invisible(chart.title), MAX_TITLE), loc="left", fontsize=18, color=FOREGROUND, parse_math=False
    )
    axes.set_xlabel("step", fontsize=16, color=FOREGROUND)
    axes.set_ylabel(measure + (" (log scale)" if is_log else ""), fontsize=16, color=FOREGROUND)
    axes.tick_params(labelsize=16, colors=FOREGROUND)
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=16, frameon=False, labelcolor=FOREGROUND)
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()


def _plot_lines(axes: Any, chart: Chart) -> None:
    for nth, step in enumerate(chart.checkpoints):
        label = None if nth else "checkpoint"
        axes.axvline(step, color=FOREGROUND, alpha=0.5, linewidth=1.2, linestyle=(0, (4, 4)), label=label, zorder=1)
    for curve, color in zip(chart.curves, COLORS, strict=False):
        steps, values = zip(*curve.points, strict=True)
        marker = "o" if len(steps) <= SPARSE else ""
        width = 2.5 if len(steps) < DENSE else 0.8
        axes.plot(steps, values, color=color, linewidth=width, marker=marker, markersize=7, label=curve.name)
    all_steps = [step for curve in chart.curves for step, _ in curve.points]
    margin = max(0.02 * (max(all_steps) - min(all_steps)), 0.5) if len(set(all_steps)) > 1 else 1.0
    axes.set_xlim(min(all_steps) - margin, max(all_steps) + margin)


def has_spike(curves: Sequence[Curve]) -> bool:
    """Whether a value is so far above the others that a linear scale would flatten them."""
    values = sorted(value for curve in curves for _, value in curve.points)
    return values[0] > 0 and values[-1] > SPIKE_FACTOR * values[int(SPIKE_QUANTILE * (len(values) - 1))]


def downsampled(points: Sequence[tuple[int, float]], limit: int = MAX_POINTS) -> list[tuple[int, float]]:
    """Return at most ``limit`` points: the lowest and the highest of each bucket, in order."""
    if len(points) <= limit:
        return list(points)
    size = -(-2 * len(points) // limit)
    kept: list[tuple[int, float]] = []
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        ends = {min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])}
        kept += sorted(ends)
    return kept


if __name__ == "__main__":
    main()
