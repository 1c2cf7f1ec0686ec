"""``python -m tests.pictures``: draw docs/card.svg, a card with its thread, from the real bot's own messages, and curves."""

import asyncio
import io
import math
import random
import re
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console

from bot.charts import Chart
from bot.charts import draw as draw_chart
from bot.jobs.results import Curve
from bot.sandbox.screen import Screen
from tests.world import World

DOCS = Path(__file__).parent.parent / "docs"
WIDTH = 92


async def draw() -> str:
    """Return an SVG of what a channel sees of one job, from its card to its end."""
    with tempfile.TemporaryDirectory() as folder:
        async with World(Path(folder)) as world, world.bot():
            job = world.api.add_job(status="queued")
            await world.say(f"track {job}")
            world.api.change(job, status="running")
            await world.until_told(job, "Running")
            model = "ft:gpt-4o-mini-2024-07-18:acme:support:Bx91Ksd2"
            world.api.change(job, status="succeeded", fine_tuned_model=model, trained_tokens=5_102_337)
            await world.until_told(job, "Running", "Succeeded")
            console = Console(record=True, width=WIDTH, force_terminal=True)
            screen = Screen(console, world.slack.workspace)
            for message in world.ml.messages:
                screen.show(message)
    svg = console.export_svg(title="#ml")
    # Rich asks for web fonts and signs its work; a picture in a repository asks nobody for anything.
    return re.sub(r"@font-face \{.*?\}|<!-- Generated .*?-->", "", svg, flags=re.DOTALL)


def curves() -> dict[str, Chart]:
    """Return a supervised training that learns its data by heart in the end, and a reinforcement fine-tuning."""
    luck = random.Random(4)  # noqa: S311 - the same picture each time
    losses = [(step, 0.12 + 2 * math.exp(-step / 75) + luck.uniform(0, 0.12)) for step in range(1, 301)]
    checks = [(step, 0.6 + 1.6 * math.exp(-step / 37) + (max(0, step - 120) / 190) ** 2) for step in range(10, 301, 10)]
    rewards = [(step, 0.25 + 0.5 * (1 - math.exp(-step / 25)) + luck.uniform(-0.06, 0.06)) for step in range(1, 81)]
    held_back = [(step, 0.24 + 0.42 * (1 - math.exp(-step / 25))) for step in range(10, 81, 10)]
    supervised = [Curve("training loss", tuple(losses)), Curve("validation loss", tuple(checks))]
    reinforced = [Curve("training reward", tuple(rewards)), Curve("validation reward", tuple(held_back))]
    return {
        "losses.png": Chart("ftjob-Qm3XvT8s2LzK9fW1 · gpt-4o-mini-2024-07-18", supervised, [100, 200, 300]),
        "rewards.png": Chart("ftjob-Rl7BnW4c1YhD6gP0 · o4-mini-2025-04-16", reinforced, [20, 40, 60, 80]),
    }


def save(png: bytes, path: Path) -> None:
    """Save a picture with few colours, as a repository wants it."""
    Image.open(io.BytesIO(png)).convert("RGB").quantize(32).save(path, optimize=True)


if __name__ == "__main__":
    (DOCS / "card.svg").write_text(asyncio.run(draw()))
    for name, chart in curves().items():
        save(draw_chart(chart), DOCS / name)
