"""``python -m tests.pictures``: draw docs/card.svg, a card with its thread, from the real bot's own messages."""

import asyncio
import re
import tempfile
from pathlib import Path

from rich.console import Console

from bot.sandbox.screen import Screen
from tests.world import World

PICTURE = Path(__file__).parent.parent / "docs" / "card.svg"
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


if __name__ == "__main__":
    PICTURE.write_text(asyncio.run(draw()))
