import io
import sys

import pytest
from PIL import Image

from bot.delivery.charts import Chart, Charts, alt_text, downsampled, has_spike, render_chart
from bot.errors import ChartNotRendered
from bot.jobs.results import Curve

FALLING = tuple((step, 2.5 / step) for step in range(1, 51))
TITLE = "ftjob-abc123 · gpt-4o-mini-2024-07-18"


def loss(*points: tuple[int, float]) -> Curve:
    return Curve("training loss", points)


def pixels(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGBA")


@pytest.mark.parametrize(
    "chart",
    [
        Chart(TITLE, [loss(*FALLING), Curve("validation loss", ((25, 0.4), (50, 0.6)))], [25, 50]),
        Chart(TITLE, [loss((1, 2.4))]),
        Chart(TITLE, [loss((1, 0.5), (2, 0.5))], [1]),
        Chart(TITLE, [loss((1, -3.0), (2, 0.0), (10**12, 1e300))]),
        Chart("$\\frac{1}$ {_^ \x00\u202e" + "w" * 5000, [loss((1, 1.0))]),
    ],
    ids=["usual", "one point", "flat", "huge", "hostile title"],
)
def test_a_chart_is_an_opaque_png_that_reads_the_same_on_any_ground(chart: Chart) -> None:
    image = pixels(render_chart(chart))
    assert image.size == (1200, 600)
    assert image.getchannel("A").getextrema() == (255, 255)
    assert image.getpixel((0, 0)) == (255, 255, 255, 255)
    colours = {colour for _, colour in image.getcolors(1 << 20) or []}
    assert (0, 0x72, 0xB2, 255) in colours, "the line of the training"


def test_a_spike_is_seen_and_what_is_below_it_too() -> None:
    spiky = loss(*FALLING, (60, 900.0))
    assert has_spike([spiky])
    assert not has_spike([loss(*FALLING)])
    assert not has_spike([loss((1, -1.0), (2, 0.1), (3, 900.0))]), "no logarithm of what is not above zero"


def test_a_long_curve_keeps_its_spikes() -> None:
    points = [(step, 1.0) for step in range(100_000)]
    points[54_321] = (54_321, 99.0)
    points[70_000] = (70_000, 0.01)
    kept = downsampled(points, limit=200)
    assert len(kept) <= 200
    assert {(54_321, 99.0), (70_000, 0.01)} <= set(kept)
    assert kept == sorted(kept)


def test_what_the_chart_shows_is_said_with_its_numbers() -> None:
    chart = Chart(TITLE, [loss((1, 2.5), (40, 0.31), (50, 0.5)), Curve("validation reward", ((9, 0.7),))], [1250, 2500])
    assert alt_text(chart) == (
        f"{TITLE}: training loss 2.5 at step 1 to 0.5 at step 50, lowest 0.31 at step 40; "
        "validation reward 0.7 at step 9; checkpoints at steps 1,250, 2,500"
    )


async def test_a_process_of_its_own_draws_and_the_bot_does_not_grow_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, module)
    png = await Charts().png(Chart(TITLE, [loss(*FALLING)]))
    assert pixels(png).size == (1200, 600)
    assert not any(name.startswith("matplotlib") for name in sys.modules)


async def test_a_process_that_breaks_or_takes_too_long_is_an_error() -> None:
    with pytest.raises(ChartNotRendered):
        await Charts().png(Chart(TITLE, []))
    with pytest.raises(ChartNotRendered, match="more than"):
        await Charts(timeout=0.0).png(Chart(TITLE, [loss(*FALLING)]))
